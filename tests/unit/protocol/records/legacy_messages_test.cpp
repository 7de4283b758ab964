#include "protocol/records/legacy_messages.hpp"

#include "tests/support/record_batch_builder.hpp"
#include "tests/unit/protocol/records/golden_batches.hpp"
#include "tests/unit/protocol/records/read_records.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

namespace golden = sluice::testing::golden;
using sluice::testing::compress;
using sluice::testing::decode;
using sluice::testing::legacy_message;
using sluice::testing::LegacyMessage;
using sluice::testing::OwnedRecord;
using sluice::testing::read_records;

constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr Codec kLegacyCodecs[] = {Codec::kGzip, Codec::kSnappy, Codec::kLz4};
constexpr std::int8_t kLogAppendTime = 8;

std::string wrap(Codec codec, LegacyMessage wrapper, const std::vector<LegacyMessage>& inner) {
  std::string set;
  for (const auto& message : inner) {
    set += legacy_message(message);
  }
  wrapper.attributes = static_cast<std::int8_t>(wrapper.attributes | static_cast<int>(codec));
  wrapper.value = compress(codec, set);
  return legacy_message(wrapper);
}

TEST(LegacyMessages, ReadWhatJavaWrote) {
  EXPECT_EQ(read_records(golden::from_hex(golden::kMagic0)),
            (std::vector<OwnedRecord>{{10, -1, "k", "v", {}}}));
  EXPECT_EQ(read_records(golden::from_hex(golden::kMagic1)),
            (std::vector<OwnedRecord>{{10, 1000, "k", "v", {}}}));
  const auto wrapped = read_records(golden::from_hex(golden::kMagic1Gzip));
  ASSERT_EQ(wrapped.size(), 2U);
  EXPECT_EQ(wrapped[0].offset, 10);
  EXPECT_EQ(wrapped[0].timestamp, 1000);
  EXPECT_EQ(wrapped[1].offset, 11);
  EXPECT_EQ(wrapped[1].timestamp, 1002);
}

TEST(LegacyMessages, HaveAHeaderLikeAnyBatch) {
  const auto bytes = golden::from_hex(golden::kMagic1Gzip);
  const auto raw = sluice::testing::only_batch(bytes);
  EXPECT_EQ(raw.header.magic, 1);
  EXPECT_EQ(raw.header.codec, Codec::kGzip);
  EXPECT_EQ(raw.header.base_offset, 11) << "the first offset is inside";
  EXPECT_EQ(raw.header.last_offset, 11);
  EXPECT_EQ(raw.header.leader_epoch, -1);
  EXPECT_EQ(raw.header.producer_id, -1);
  EXPECT_GT(raw.header.record_count, 0);
  const auto decoded = decode(bytes).value();
  EXPECT_EQ(decoded.header.base_offset, 10);
  EXPECT_EQ(decoded.header.last_offset, 11);
  EXPECT_EQ(decoded.header.record_count, 2);
  EXPECT_EQ(decoded.header.max_timestamp, 1002);
}

TEST(LegacyMessages, KeepNullAndEmptyApart) {
  for (const std::int8_t magic : {std::int8_t{0}, std::int8_t{1}}) {
    const auto null = read_records(legacy_message({.magic = magic, .offset = 3}));
    EXPECT_EQ(null.at(0), (OwnedRecord{3, -1, std::nullopt, std::nullopt, {}}));
    const auto empty = read_records(legacy_message({.magic = magic, .offset = 3, .key = "", .value = ""}));
    EXPECT_EQ(empty.at(0), (OwnedRecord{3, -1, "", "", {}}));
  }
}

TEST(LegacyMessages, OfMagic0HaveAbsoluteOffsetsInsideAWrapper) {
  for (const auto codec : kLegacyCodecs) {
    const auto records = read_records(wrap(codec, {.magic = 0, .offset = 107},
                                           {{.magic = 0, .offset = 100, .key = "a", .value = "1"},
                                            {.magic = 0, .offset = 103, .value = "2"},
                                            {.magic = 0, .offset = 107, .key = "c"}}));
    const std::vector<OwnedRecord> expected = {
        {100, -1, "a", "1", {}}, {103, -1, std::nullopt, "2", {}}, {107, -1, "c", std::nullopt, {}}};
    EXPECT_EQ(records, expected) << static_cast<int>(codec);
  }
}

TEST(LegacyMessages, OfMagic1HaveRelativeOffsetsInsideAWrapper) {
  for (const auto codec : kLegacyCodecs) {
    const auto records =
        read_records(wrap(codec, {.magic = 1, .offset = 107, .timestamp = 30},
                          {{.magic = 1, .offset = 0, .timestamp = 20, .key = "a", .value = "1"},
                           {.magic = 1, .offset = 5, .timestamp = 10, .key = "b", .value = "2"},
                           {.magic = 1, .offset = 6, .timestamp = 30, .key = "c", .value = "3"}}));
    const std::vector<OwnedRecord> expected = {
        {101, 20, "a", "1", {}}, {106, 10, "b", "2", {}}, {107, 30, "c", "3", {}}};
    EXPECT_EQ(records, expected) << static_cast<int>(codec);
  }
}

// Compaction removes messages from a wrapper and leaves the relative offsets of the others.
TEST(LegacyMessages, OfACompactedWrapperKeepTheirOffsets) {
  const auto records =
      read_records(wrap(Codec::kGzip, {.magic = 1, .offset = 50}, {{.magic = 1, .offset = 4}}));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].offset, 50);
}

TEST(LegacyMessages, TakeTheLogAppendTimeOfTheirWrapper) {
  const LegacyMessage wrapper{.magic = 1, .offset = 11, .attributes = kLogAppendTime, .timestamp = 7777};
  const auto records = read_records(
      wrap(Codec::kGzip, wrapper, {{.offset = 0, .timestamp = 20}, {.offset = 1, .timestamp = 99999}}));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].timestamp, 7777);
  EXPECT_EQ(records[1].timestamp, 7777);
  const auto single =
      read_records(legacy_message({.magic = 1, .attributes = kLogAppendTime, .timestamp = 5, .value = "v"}));
  EXPECT_EQ(single.at(0).timestamp, 5);
}

TEST(LegacyMessages, OfMagic0MayHaveTheWrongLz4HeaderChecksum) {
  for (const std::int8_t magic : {std::int8_t{0}, std::int8_t{1}}) {
    auto frame = compress(Codec::kLz4, legacy_message({.magic = magic, .offset = 9, .value = "v"}));
    frame[6] = static_cast<char>(frame[6] ^ 0x5a);
    const auto bytes = legacy_message({.magic = magic, .offset = 9, .attributes = 3, .value = frame});
    EXPECT_EQ(decode(bytes).has_value(), magic == 0);
  }
}

TEST(LegacyMessages, KeepTimestampsThatAreFarApart) {
  const auto records =
      read_records(wrap(Codec::kGzip, {.magic = 1, .offset = 1},
                        {{.offset = 0, .timestamp = std::numeric_limits<std::int64_t>::min()},
                         {.offset = 1, .timestamp = kInt64Max}}));
  EXPECT_EQ(records.at(0).timestamp, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(records.at(1).timestamp, kInt64Max);
}

struct BadWrapper {
  const char* name;
  std::string bytes;
  ErrorKind kind;
};

std::vector<BadWrapper> bad_wrappers() {
  const LegacyMessage wrapper{.magic = 1, .offset = 10};
  const auto around = [](std::int8_t magic, const std::string& set, std::int8_t attributes = 1) {
    return legacy_message(
        {.magic = magic, .offset = 10, .attributes = attributes, .value = sluice::testing::gzip(set)});
  };
  auto corrupt = legacy_message({.magic = 1, .offset = 0, .value = "v"});
  corrupt.back() = 'w';
  auto negative_size = legacy_message({.magic = 1, .offset = 0, .value = "v"});
  negative_size[8] = '\xff';
  auto long_size = legacy_message({.magic = 1, .offset = 0, .value = "v"});
  long_size[8] = '\x7f';
  const auto whole = legacy_message({.magic = 1, .offset = 0, .value = "v"});
  return {
      {"null value", legacy_message({.magic = 1, .offset = 10, .attributes = 1}), ErrorKind::kMalformed},
      {"no messages", around(1, ""), ErrorKind::kMalformed},
      {"noise", around(1, "noise"), ErrorKind::kMalformed},
      {"negative size inside", around(1, negative_size), ErrorKind::kMalformed},
      {"size behind the set", around(1, long_size), ErrorKind::kMalformed},
      {"truncated set", around(1, whole + whole.substr(0, 20)), ErrorKind::kMalformed},
      {"wrong inner CRC", around(1, corrupt), ErrorKind::kCorrupt},
      {"inner magic 0 in magic 1", around(1, legacy_message({.magic = 0, .value = "longer value"})),
       ErrorKind::kMalformed},
      {"offsets descend", wrap(Codec::kGzip, wrapper, {{.offset = 1}, {.offset = 0}}), ErrorKind::kMalformed},
      {"offsets repeat", wrap(Codec::kGzip, wrapper, {{.offset = 1}, {.offset = 1}}), ErrorKind::kMalformed},
      {"negative inner offset", wrap(Codec::kGzip, wrapper, {{.offset = -3}}), ErrorKind::kMalformed},
      {"inner offset above the wrapper", wrap(Codec::kGzip, wrapper, {{.offset = 11}}),
       ErrorKind::kMalformed},
      {"inner offset INT64_MAX", wrap(Codec::kGzip, wrapper, {{.offset = 0}, {.offset = kInt64Max}}),
       ErrorKind::kMalformed},
      {"offsets further apart than 31 bits",
       wrap(Codec::kGzip, {.magic = 1, .offset = kInt64Max - 1},
            {{.offset = 0}, {.offset = std::int64_t{1} << 31}}),
       ErrorKind::kMalformed},
      {"wrapper in a wrapper", around(1, wrap(Codec::kGzip, {.magic = 1, .offset = 0}, {{.offset = 0}})),
       ErrorKind::kMalformed},
      {"zstd", around(1, whole, 4), ErrorKind::kUnsupported},
      {"codec 7", around(1, whole, 7), ErrorKind::kUnsupported},
      {"bomb", around(1, std::string(2 * sluice::testing::kPlenty, '\0')), ErrorKind::kTooLarge},
  };
}

TEST(LegacyMessages, RefuseWrappersThatNoBrokerWrites) {
  for (const auto& bad : bad_wrappers()) {
    const auto decoded = decode(bad.bytes);
    ASSERT_FALSE(decoded.has_value()) << bad.name;
    EXPECT_EQ(decoded.error().kind, bad.kind) << bad.name << ": " << decoded.error().message;
  }
}

TEST(LegacyMessages, RefuseKeysAndValuesThatDoNotFillTheMessage) {
  for (const std::string_view lie : {std::string_view("\xff\xff\xff\xfe"),
                                     std::string_view("\x7f\xff\xff\xff"), std::string_view("\0\0\0\0", 4)}) {
    for (const std::size_t place : {std::size_t{26}, std::size_t{31}}) {  // length of the key, of the value
      auto bytes = legacy_message({.magic = 1, .key = "k", .value = "v"});
      bytes.replace(place, 4, lie);
      const auto crc = sluice::testing::zlib_crc32(std::string_view(bytes).substr(16));
      std::string crc_bytes;
      sluice::testing::append_big_endian(crc_bytes, crc);
      bytes.replace(12, 4, crc_bytes);
      const auto decoded = decode(bytes);
      ASSERT_FALSE(decoded.has_value());
      EXPECT_EQ(decoded.error().kind, ErrorKind::kMalformed);
    }
  }
}

TEST(LegacyMessages, NeverTakeMoreMemoryThanTheirOwn) {
  std::vector<LegacyMessage> inner;
  for (int i = 0; i < 1000; ++i) {
    inner.push_back({.magic = 0, .offset = 1'000'000 + i});
  }
  const auto decoded = decode(wrap(Codec::kGzip, {.magic = 0, .offset = 1'000'999}, inner));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->header.record_count, 1000);
  EXPECT_LE(decoded->owned.capacity(), 26U * 1000U);
}

}  // namespace
}  // namespace sluice::protocol
