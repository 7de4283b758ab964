#include "protocol/records/compression.hpp"

#include "tests/support/record_batch_builder.hpp"
#include "tests/unit/protocol/records/read_records.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::protocol {
namespace {

using namespace sluice::testing;  // NOLINT: compressors by their plain names
using std::chrono::steady_clock;

constexpr Codec kCodecs[] = {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

std::string repeat(std::string_view bytes, std::size_t times) {
  std::string out;
  out.reserve(bytes.size() * times);
  for (std::size_t i = 0; i < times; ++i) {
    out += bytes;
  }
  return out;
}

std::string noise(std::size_t bytes) {
  std::mt19937 random(7);
  std::string out;
  while (out.size() < bytes) {
    out.push_back(static_cast<char>(random()));
  }
  return out;
}

/// Half noise, half text, so that every codec finds both literals and matches.
std::string mixed(std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) {
    out += noise(300 + out.size() % 7) + repeat("{\"order\":1,\"state\":\"new\"}", 12);
  }
  out.resize(bytes);
  return out;
}

/// Decompresses what must be good.
std::string plain(Codec codec, std::string_view bytes, std::size_t max_bytes = std::size_t{64} << 20) {
  std::string out;
  const auto done = decompress(codec, bytes, max_bytes, out);
  EXPECT_TRUE(done.has_value()) << codec_name(codec) << ": " << (done ? "" : done.error().message);
  return out;
}

ErrorKind error_of(Codec codec, std::string_view bytes, std::size_t max_bytes = kPlenty) {
  std::string out;
  const auto done = decompress(codec, bytes, max_bytes, out);
  EXPECT_FALSE(done.has_value()) << codec_name(codec);
  EXPECT_LE(out.capacity(), 2 * max_bytes + 1024) << codec_name(codec);
  return done ? ErrorKind{} : done.error().kind;
}

TEST(Compression, ReadsWhatEachCodecWroteAtAllSizes) {
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 100, 255, 256, 257, 65'535, 65'536,
                                                                   65'537, 300'000, 5'000'000}) {
    const auto bytes = mixed(size);
    for (const auto codec : kCodecs) {
      EXPECT_EQ(plain(codec, compress(codec, bytes)), bytes) << codec_name(codec) << " " << size;
    }
  }
}

TEST(Compression, ReadsALegalRatioOfAHundred) {
  const auto bytes = repeat(noise(50) + std::string(7000, 'a'), 600);
  for (const auto codec : {Codec::kGzip, Codec::kLz4, Codec::kZstd}) {
    const auto small = compress(codec, bytes);
    EXPECT_LT(small.size() * 60, bytes.size()) << codec_name(codec);
    EXPECT_EQ(plain(codec, small), bytes) << codec_name(codec);
  }
  EXPECT_EQ(plain(Codec::kSnappy, compress(Codec::kSnappy, bytes)), bytes);  // its format ends at 21:1
}

TEST(Compression, TakesExactlyTheLimitAndNotOneByteMore) {
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 300, 100'000}) {
    for (const auto& bytes : {mixed(size), std::string(size, 'a')}) {
      for (const auto codec : kCodecs) {
        const auto small = compress(codec, bytes);
        EXPECT_EQ(plain(codec, small, size), bytes) << codec_name(codec);
        EXPECT_EQ(error_of(codec, small, size - 1), ErrorKind::kTooLarge) << codec_name(codec);
      }
    }
  }
}

TEST(Compression, TakesNoMoreMemoryThanTheBytesCallFor) {
  for (const auto codec : kCodecs) {
    std::string out;
    ASSERT_TRUE(decompress(codec, compress(codec, mixed(10'000)), std::size_t{1} << 30, out).has_value());
    EXPECT_LE(out.capacity(), 16 * 10'000U) << codec_name(codec);
  }
}

TEST(Compression, RefusesTheEndOfAStreamThatIsNotThere) {
  const auto bytes = mixed(3000);
  for (const auto codec : kCodecs) {
    const auto small = compress(codec, bytes);
    for (std::size_t size = 0; size < small.size(); ++size) {
      const auto cut_off = std::string_view(small).substr(0, size);
      if (codec == Codec::kSnappy && size == 16) {
        continue;  // the header alone is a stream of no blocks
      }
      EXPECT_EQ(error_of(codec, cut_off), ErrorKind::kMalformed) << codec_name(codec) << " " << size;
    }
  }
}

TEST(Compression, SurvivesEveryFlippedBit) {
  const auto bytes = mixed(500);
  for (const auto codec : kCodecs) {
    const auto good = compress(codec, bytes);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      auto bad = good;
      bad[bit / 8] = static_cast<char>(static_cast<unsigned char>(bad[bit / 8]) ^ (1U << (bit % 8)));
      std::string out;
      (void)decompress(codec, bad, 10'000, out);
      EXPECT_LE(out.capacity(), 30'000U);
    }
    EXPECT_EQ(plain(codec, good), bytes) << "the context of the thread works after errors";
  }
}

TEST(Compression, RefusesNoiseAndOtherCodecs) {
  for (const auto codec : kCodecs) {
    EXPECT_EQ(error_of(codec, noise(1000)), ErrorKind::kMalformed) << codec_name(codec);
    EXPECT_EQ(error_of(codec, ""), ErrorKind::kMalformed) << codec_name(codec);
  }
  std::string out;
  EXPECT_EQ(decompress(Codec::kNone, "x", 10, out).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(decompress(static_cast<Codec>(5), "x", 10, out).error().kind, ErrorKind::kUnsupported);
}

// --- bombs
// -----------------------------------------------------------------------------------------------------------

/// RLE blocks of 128 KiB that take four bytes each: 1 KiB becomes 32 MiB, 32 KiB become 1 GiB.
std::string zstd_bomb(std::size_t bytes) {
  constexpr unsigned kBlock = 128 * 1024;
  std::string out("\x28\xb5\x2f\xfd\x00\x58", 6);  // no content size, window 2 MiB
  while (out.size() + 8 < bytes) {
    const unsigned header = (kBlock << 3U) | (1U << 1U);  // type RLE, not the last one
    out.push_back(static_cast<char>(header));
    out.push_back(static_cast<char>(header >> 8U));
    out.push_back(static_cast<char>(header >> 16U));
    out.push_back('a');
  }
  return out + std::string("\x01\0\0", 3);  // last block, raw, empty
}

TEST(Compression, RefusesBombsAtThePriceOfTheLimit) {
  constexpr std::size_t kLimit = std::size_t{4} << 20;
  const std::string gigabyte_claim("\x80\x80\x80\x80\x04", 5);
  const std::string zeros(std::size_t{64} << 20, '\0');
  const auto gzip_bomb = gzip(zeros, 9);
  struct Bomb {
    const char* name;
    Codec codec;
    std::string bytes;
  };
  const std::vector<Bomb> bombs = {
      {"gzip", Codec::kGzip, gzip_bomb},
      {"gzip members", Codec::kGzip, repeat(gzip(std::string(1 << 20, '\0')), 100)},
      {"snappy raw claim", Codec::kSnappy, gigabyte_claim + std::string(1000, '\xfe')},
      {"snappy raw", Codec::kSnappy, snappy_raw(zeros)},
      {"snappy framed", Codec::kSnappy, snappy_xerial(zeros, std::size_t{1} << 20)},
      {"lz4", Codec::kLz4, lz4_frame(zeros, {.block_size = LZ4F_max4MB})},
      {"lz4 frames", Codec::kLz4, repeat(lz4_frame(std::string(1 << 20, '\0')), 100)},
      {"zstd", Codec::kZstd, zstd_frame(zeros)},
      {"zstd with its size", Codec::kZstd, zstd_frame(zeros, true)},
      {"zstd RLE, 1 KiB", Codec::kZstd, zstd_bomb(1024)},
      {"zstd RLE, 1 GiB", Codec::kZstd, zstd_bomb(32 * 1024)},
      {"zstd frames", Codec::kZstd, repeat(zstd_frame(std::string(1 << 20, '\0')), 1000)},
  };
  for (const auto& bomb : bombs) {
    const auto started = steady_clock::now();
    EXPECT_EQ(error_of(bomb.codec, bomb.bytes, kLimit), ErrorKind::kTooLarge) << bomb.name;
    EXPECT_LT(steady_clock::now() - started, std::chrono::seconds(1)) << bomb.name;
  }
}

TEST(Compression, DoesNotBelieveClaimsOfSize) {
  constexpr std::size_t kHugeLimit = std::size_t{1} << 30;
  auto gzip_lie = gzip("short");
  gzip_lie.replace(gzip_lie.size() - 4, 4, "\xff\xff\xff\x3f");  // "1 GiB"
  const std::string zstd_lie("\x28\xb5\x2f\xfd\xc0\x58\x00\x00\x00\x40\x00\x00\x00\x00\x19\x00\x00xyz", 20);
  const std::string snappy_lie("\x80\x80\x80\x80\x04\x00\x61", 7);
  for (const auto& [codec, bytes] : std::vector<std::pair<Codec, std::string>>{
           {Codec::kGzip, gzip_lie}, {Codec::kZstd, zstd_lie}, {Codec::kSnappy, snappy_lie}}) {
    std::string out;
    const auto done = decompress(codec, bytes, kHugeLimit, out);
    ASSERT_FALSE(done.has_value()) << codec_name(codec);
    EXPECT_EQ(done.error().kind, ErrorKind::kMalformed) << codec_name(codec);
    EXPECT_LE(out.capacity(), 1024U) << codec_name(codec);
  }
}

// --- what is particular to each codec
// --------------------------------------------------------------------------------

TEST(Gzip, ReadsMembersOneBehindTheOther) {
  EXPECT_EQ(plain(Codec::kGzip, gzip("one ") + gzip("") + gzip("two")), "one two");
}

TEST(Gzip, IgnoresWhatFollowsTheLastMemberAsJavaDoes) {
  EXPECT_EQ(plain(Codec::kGzip, gzip("one") + std::string(16, '\0')), "one");
}

TEST(Gzip, ReadsAMemberWithNameAndExtraField) {
  const auto member = gzip("one");
  auto header = member.substr(0, 10);
  header[3] = 0x04 | 0x08;
  EXPECT_EQ(plain(Codec::kGzip,
                  header + std::string("\x03\0abc", 5) + std::string("name\0", 5) + member.substr(10)),
            "one");
}

TEST(Gzip, RefusesAPlainZlibStreamAndAWrongChecksum) {
  EXPECT_EQ(error_of(Codec::kGzip, "\x78\x9c\x4b\x04\x00\x00\x62\x00\x62"), ErrorKind::kMalformed);
  auto wrong = gzip("one");
  wrong[wrong.size() - 5] = static_cast<char>(wrong[wrong.size() - 5] ^ 1);
  EXPECT_EQ(error_of(Codec::kGzip, wrong), ErrorKind::kMalformed);
}

TEST(Snappy, ReadsTheRawFormatOfLibrdkafka) {
  const auto bytes = mixed(200'000);
  EXPECT_EQ(plain(Codec::kSnappy, snappy_raw(bytes)), bytes);
  EXPECT_EQ(plain(Codec::kSnappy, snappy_raw("")), "");
}

TEST(Snappy, ReadsFramedBlocksOfAnySizeAndSeveralStreams) {
  const auto bytes = mixed(5000);
  for (const std::size_t block : std::initializer_list<std::size_t>{1, 100, 4999, 5000, 100'000}) {
    EXPECT_EQ(plain(Codec::kSnappy, snappy_xerial(bytes, block)), bytes) << block;
  }
  EXPECT_EQ(plain(Codec::kSnappy, snappy_xerial("one ") + snappy_xerial("two")), "one two");
}

TEST(Snappy, RefusesBlockLengthsBehindTheStream) {
  const auto good = snappy_xerial("some bytes");
  for (const std::string_view length : {"\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\x80\x00\x00\x01"}) {
    auto bad = good;
    bad.replace(16, 4, length.data(), 4);
    EXPECT_EQ(error_of(Codec::kSnappy, bad), ErrorKind::kMalformed);
  }
}

TEST(Lz4, ReadsFramesOfEveryKind) {
  const auto bytes = mixed(700'000);
  for (unsigned bits = 0; bits < 16; ++bits) {
    for (const auto block : {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max4MB}) {
      const Lz4Options options{.linked_blocks = (bits & 1U) != 0,
                               .block_checksums = (bits & 2U) != 0,
                               .content_checksum = (bits & 4U) != 0,
                               .content_size = (bits & 8U) != 0,
                               .block_size = block};
      EXPECT_EQ(plain(Codec::kLz4, lz4_frame(bytes, options)), bytes) << bits << " " << block;
    }
  }
}

TEST(Lz4, ReadsFramesOneBehindTheOtherAndIgnoresWhatIsNone) {
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  EXPECT_EQ(plain(Codec::kLz4, lz4_frame("one ") + skippable + lz4_frame("two") + "junk"), "one two");
}

TEST(Lz4, FindsWrongChecksums) {
  const auto good = lz4_frame(mixed(1000), {.content_checksum = true});
  for (const std::size_t place : {std::size_t{6}, good.size() - 1}) {  // of the header, of the content
    auto bad = good;
    bad[place] = static_cast<char>(bad[place] ^ 1);
    EXPECT_EQ(error_of(Codec::kLz4, bad), ErrorKind::kMalformed) << place;
  }
}

TEST(Lz4, ReadsTheWrongHeaderChecksumOfOldMessageSetsOnlyWhenAsked) {
  for (const bool content_size : {false, true}) {
    auto bytes = lz4_frame("some bytes", {.content_size = content_size});
    auto& checksum = bytes[content_size ? 14 : 6];
    checksum = static_cast<char>(checksum ^ 0x5a);
    std::string out;
    EXPECT_FALSE(unlz4(bytes, 100, out).has_value());
    ASSERT_TRUE(unlz4(bytes, 100, out, Lz4HeaderChecksum::kIgnored).has_value());
    EXPECT_EQ(out, "some bytes");
    ASSERT_TRUE(unlz4(lz4_frame("right"), 100, out, Lz4HeaderChecksum::kIgnored).has_value());
    EXPECT_EQ(out, "right");
  }
}

TEST(Zstd, ReadsFramesWithAndWithoutContentSize) {
  const auto bytes = mixed(400'000);
  EXPECT_EQ(plain(Codec::kZstd, zstd_frame(bytes, false)), bytes);
  EXPECT_EQ(plain(Codec::kZstd, zstd_frame(bytes, true)), bytes);
}

TEST(Zstd, ReadsSeveralAndSkippableFrames) {
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  EXPECT_EQ(
      plain(Codec::kZstd, zstd_frame("one ") + skippable + zstd_frame("two ", true) + zstd_frame("three")),
      "one two three");
  EXPECT_EQ(error_of(Codec::kZstd, zstd_frame("one") + "junk!"), ErrorKind::kMalformed);
}

TEST(Zstd, ReadsTheLargestWindowOfAProducerAndRefusesLargerOnes) {
  // Descriptor 0 (no content size), then the window: exponent in the upper five bits, above 10.
  const std::string raw_block("\x19\0\0abc", 6);
  const auto frame = [&](unsigned window_log) {
    return std::string("\x28\xb5\x2f\xfd\x00", 5) + static_cast<char>((window_log - 10U) << 3U) + raw_block;
  };
  EXPECT_EQ(plain(Codec::kZstd, frame(27)), "abc");
  EXPECT_EQ(error_of(Codec::kZstd, frame(28)), ErrorKind::kTooLarge);
  EXPECT_EQ(error_of(Codec::kZstd, frame(31)), ErrorKind::kTooLarge);
  EXPECT_EQ(plain(Codec::kZstd, frame(20)), "abc") << "the context of the thread works after errors";
}

}  // namespace
}  // namespace sluice::protocol
