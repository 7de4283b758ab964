#include "protocol/records/record_set.hpp"
#include "tests/support/record_batch_builder.hpp"
#include "tests/unit/protocol/records/golden_batches.hpp"
#include "tests/unit/protocol/records/read_records.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::protocol {
namespace {

namespace golden = sluice::testing::golden;
using sluice::testing::decode;
using sluice::testing::OwnedRecord;
using sluice::testing::RecordBatchBuilder;

constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

TEST(DecodeBatch, ReadsWhatJavaWroteWithEveryCodec) {
  const std::vector<OwnedRecord> expected = {
      {42, 1000, "k", "v", {{"h1", "x"}, {"h2", std::nullopt}}},
      {43, 1001, std::nullopt, "v2", {}},
      {44, 999, "k3", std::nullopt, {}},
  };
  for (const auto codec : kCodecs) {
    const auto bytes = golden::from_hex(golden::kFive[static_cast<int>(codec)]);
    const auto raw = sluice::testing::only_batch(bytes);
    EXPECT_EQ(raw.header.base_offset, 42);
    EXPECT_EQ(raw.header.last_offset, 44);
    EXPECT_EQ(raw.header.leader_epoch, 7);
    EXPECT_EQ(raw.header.magic, 2);
    EXPECT_EQ(raw.header.codec, codec);
    EXPECT_EQ(raw.header.timestamp_type, TimestampType::kCreateTime);
    EXPECT_EQ(raw.header.base_timestamp, 1000);
    EXPECT_EQ(raw.header.max_timestamp, 1001);
    EXPECT_EQ(raw.header.producer_id, -1);
    EXPECT_FALSE(raw.header.transactional);
    EXPECT_FALSE(raw.header.control);
    EXPECT_EQ(raw.header.record_count, 3);
    EXPECT_EQ(sluice::testing::read_records(bytes), expected) << "codec " << static_cast<int>(codec);
  }
}

TEST(DecodeBatch, ReadsTheAbortMarkerThatJavaWrote) {
  const auto bytes = golden::from_hex(golden::kAbort);
  const auto decoded = decode(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_TRUE(decoded->header.control);
  EXPECT_TRUE(decoded->header.transactional);
  EXPECT_EQ(decoded->header.producer_id, 99);
  EXPECT_EQ(decoded->header.base_offset, 50);
  EXPECT_EQ(decoded->header.leader_epoch, 7);
  EXPECT_EQ(decoded->header.base_timestamp, 1234);
  EXPECT_EQ(control_type(*decoded).value(), ControlType::kAbort);
}

TEST(DecodeBatch, BorrowsWhatIsNotCompressedAndOwnsWhatIs) {
  for (const auto codec : kCodecs) {
    const auto bytes = golden::from_hex(golden::kFive[static_cast<int>(codec)]);
    const auto decoded = decode(bytes).value();
    const auto& memory = codec == Codec::kNone ? bytes : decoded.owned;
    EXPECT_EQ(decoded.owned.empty(), codec == Codec::kNone);
    EXPECT_GE(decoded.payload.data(), memory.data());
    EXPECT_LE(decoded.payload.data() + decoded.payload.size(), memory.data() + memory.size());
  }
}

// Seven bytes would fit into the string object itself, and the views would point into an object that moved.
TEST(DecodeBatch, StaysReadableWhenABatchOfTheSmallestRecordIsMoved) {
  for (const auto codec : kCodecs) {
    const auto bytes = RecordBatchBuilder(1).codec(codec).add(5, std::nullopt, std::nullopt).build();
    auto decoded = decode(bytes, 8);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->payload.size(), 7U);
    std::vector<DecodedBatch> elsewhere;
    elsewhere.push_back(std::move(*decoded));
    elsewhere.reserve(100);
    const auto records = sluice::testing::walk(elsewhere[0]);
    EXPECT_EQ(records, (std::vector<OwnedRecord>{{1, 5, std::nullopt, std::nullopt, {}}}));
  }
}

TEST(DecodeBatch, ReusesTheScratchMemory) {
  const auto zstd = golden::from_hex(golden::kZstd);
  std::string scratch(5000, 'x');
  const auto* const memory = scratch.data();
  auto decoded =
      decode_batch(sluice::testing::only_batch(zstd), sluice::testing::kPlenty, std::move(scratch));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->owned.data(), memory);
  EXPECT_EQ(decoded->payload.size(), 36U);
  EXPECT_EQ(sluice::testing::walk(*decoded).size(), 3U);

  const auto none = golden::from_hex(golden::kNone);
  decoded =
      decode_batch(sluice::testing::only_batch(none), sluice::testing::kPlenty, std::move(decoded->owned));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(decoded->owned.empty());
  EXPECT_GE(decoded->owned.capacity(), 5000U) << "a borrowed batch keeps the memory for the next one";
}

TEST(DecodeBatch, FindsEverySingleBitFlipThatTheCrcCovers) {
  constexpr std::size_t kAttributes = 21;
  for (const auto hex :
       {golden::kNone, golden::kGzip, golden::kSnappy, golden::kLz4, golden::kZstd, golden::kAbort}) {
    const auto good = golden::from_hex(hex);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      auto bad = good;
      bad[bit / 8] = static_cast<char>(static_cast<unsigned char>(bad[bit / 8]) ^ (1U << (bit % 8)));
      sluice::testing::read_all(bad);
      const auto decoded = decode(bad);
      const bool covered = bit / 8 >= kAttributes || (bit / 8 >= 17 && bit / 8 < kAttributes);
      EXPECT_FALSE(covered && decoded.has_value()) << "bit " << bit;
    }
  }
}

TEST(DecodeBatch, FindsEverySingleBitFlipOfLegacyMessages) {
  for (const auto hex : {golden::kMagic0, golden::kMagic1, golden::kMagic1Gzip}) {
    const auto good = golden::from_hex(hex);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      auto bad = good;
      bad[bit / 8] = static_cast<char>(static_cast<unsigned char>(bad[bit / 8]) ^ (1U << (bit % 8)));
      sluice::testing::read_all(bad);
      EXPECT_FALSE(bit / 8 >= 12 && decode(bad).has_value()) << "bit " << bit;
    }
  }
}

TEST(DecodeBatch, ChecksTheCrcBeforeAnythingElse) {
  const auto bytes =
      RecordBatchBuilder(77).codec(Codec::kGzip).payload("not gzip").record_count(1).wrong_crc().build();
  const auto decoded = decode(bytes);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().kind, ErrorKind::kCorrupt);
}

TEST(DecodeBatch, NamesCodecAndOffsetInItsErrors) {
  const auto bytes = RecordBatchBuilder(77).codec(Codec::kLz4).payload("not lz4").record_count(1).build();
  const auto decoded = decode(bytes);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().kind, ErrorKind::kMalformed);
  EXPECT_NE(decoded.error().message.find("lz4"), std::string::npos) << decoded.error().message;
  EXPECT_NE(decoded.error().message.find("77"), std::string::npos) << decoded.error().message;
}

TEST(DecodeBatch, RefusesCodecsThatDoNotExist) {
  for (unsigned codec = 5; codec <= 7; ++codec) {
    const auto bytes = RecordBatchBuilder(3).attribute_bits(codec).add(1, "k", "v").build();
    const auto decoded = decode(bytes);
    ASSERT_FALSE(decoded.has_value());
    EXPECT_EQ(decoded.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(decoded.error().message.find("codec " + std::to_string(codec)), std::string::npos);
  }
}

TEST(DecodeBatch, RefusesACountThatIsNotThatOfTheRecords) {
  for (const auto codec : kCodecs) {
    for (const int lie : {-1, +1}) {
      RecordBatchBuilder builder(0);
      builder.codec(codec).add(1, "a key", "a long value").add(2, "key", "value").record_count(2 + lie);
      const auto decoded = decode(builder.build());
      ASSERT_FALSE(decoded.has_value()) << lie;
      EXPECT_EQ(decoded.error().kind, ErrorKind::kMalformed);
    }
  }
}

TEST(DecodeBatch, TakesAnEmptyBatchThatStillNamesItsCodec) {
  for (const auto codec : kCodecs) {
    const auto bytes =
        RecordBatchBuilder(10).codec(codec).payload("").record_count(0).last_offset_delta(4).build();
    EXPECT_TRUE(sluice::testing::read_records(bytes).empty());
  }
}

TEST(ControlType, TellsAbortFromCommitFromTheRest) {
  for (const auto type : {ControlType::kAbort, ControlType::kCommit, ControlType::kOther}) {
    const auto bytes = sluice::testing::control_batch(5, type, 99);
    EXPECT_EQ(control_type(decode(bytes).value()).value(), type);
  }
}

TEST(ControlType, OfABatchThatCompactionEmptiedIsOther) {
  const auto bytes = RecordBatchBuilder(5).transactional(1).control().build();
  EXPECT_EQ(control_type(decode(bytes).value()).value(), ControlType::kOther);
}

TEST(ControlType, RefusesBrokenMarkers) {
  const auto marker = [](std::optional<std::string_view> key) {
    return RecordBatchBuilder(5).transactional(1).control().add(1, key, "v").build();
  };
  const std::string negative_version("\xff\xff\0\0", 4);
  for (const auto& bytes :
       {marker(std::nullopt), marker(std::string_view("\0\0\0", 3)), marker(negative_version),
        RecordBatchBuilder(5).control().add_raw(std::string("\2\0", 2)).record_count(1).build(),
        sluice::testing::simple_batch(5, 1)}) {
    const auto decoded = decode(bytes);
    if (decoded) {
      const auto type = control_type(*decoded);
      ASSERT_FALSE(type.has_value());
      EXPECT_EQ(type.error().kind, ErrorKind::kMalformed);
    }
  }
}

}  // namespace
}  // namespace sluice::protocol
