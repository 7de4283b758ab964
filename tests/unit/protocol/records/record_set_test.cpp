#include "protocol/records/record_set.hpp"

#include "tests/support/record_batch_builder.hpp"
#include "tests/unit/protocol/records/golden_batches.hpp"
#include "tests/unit/protocol/records/read_records.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace sluice::protocol {
namespace {

namespace golden = sluice::testing::golden;
using sluice::testing::RecordBatchBuilder;

constexpr std::int32_t kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();

TEST(RecordSetReader, SplitsASetOfAllMagicsIntoBatches) {
  const auto set = golden::from_hex(golden::kMagic0) + golden::from_hex(golden::kMagic1) +
                   golden::from_hex(golden::kZstd) + golden::from_hex(golden::kAbort);
  RecordSetReader reader(set);
  std::vector<std::pair<int, std::int64_t>> seen;
  for (auto batch = reader.next(); batch && *batch; batch = reader.next()) {
    seen.emplace_back((*batch)->header.magic, (*batch)->header.last_offset + 1);
  }
  EXPECT_EQ(seen, (std::vector<std::pair<int, std::int64_t>>{{0, 11}, {1, 11}, {2, 45}, {2, 51}}));
  EXPECT_EQ(reader.position(), set.size());
  EXPECT_EQ(reader.partial_tail(), 0U);
}

TEST(RecordSetReader, ReadsEveryFieldOfTheHeader) {
  const auto bytes = RecordBatchBuilder(100)
                         .codec(Codec::kLz4)
                         .leader_epoch(9)
                         .log_append_time(7777)
                         .transactional(123456789012, 4)
                         .base_timestamp(5000)
                         .add(5001, "k", "v")
                         .gap(4)
                         .build();
  const auto batch = sluice::testing::only_batch(bytes);
  EXPECT_EQ(batch.bytes, bytes);
  const auto& header = batch.header;
  EXPECT_EQ(header.base_offset, 100);
  EXPECT_EQ(header.last_offset, 104);
  EXPECT_EQ(header.leader_epoch, 9);
  EXPECT_EQ(header.magic, 2);
  EXPECT_EQ(header.codec, Codec::kLz4);
  EXPECT_EQ(header.timestamp_type, TimestampType::kLogAppendTime);
  EXPECT_EQ(header.base_timestamp, 5000);
  EXPECT_EQ(header.max_timestamp, 7777);
  EXPECT_EQ(header.producer_id, 123456789012);
  EXPECT_TRUE(header.transactional);
  EXPECT_FALSE(header.control);
  EXPECT_EQ(header.record_count, 1);
}

TEST(RecordSetReader, IgnoresAttributeBitsWithoutAMeaningForAReader) {
  const auto bytes = RecordBatchBuilder(0).attribute_bits(0xffc0).add(1, "k", "v").build();
  const auto header = sluice::testing::only_batch(bytes).header;
  EXPECT_EQ(header.codec, Codec::kNone);
  EXPECT_FALSE(header.control);
  EXPECT_EQ(sluice::testing::read_records(bytes).size(), 1U);
}

TEST(RecordSetReader, FindsNothingInNothing) {
  RecordSetReader reader("");
  const auto batch = reader.next();
  ASSERT_TRUE(batch.has_value());
  EXPECT_FALSE(batch->has_value());
  EXPECT_EQ(reader.first_batch_size(), std::nullopt);
}

TEST(RecordSetReader, EndsQuietlyAtEveryPossiblePartialTail) {
  const auto whole = golden::from_hex(golden::kNone);
  for (const auto hex :
       {golden::kNone, golden::kGzip, golden::kAbort, golden::kMagic0, golden::kMagic1Gzip}) {
    const auto last = golden::from_hex(hex);
    for (std::size_t size = 0; size < last.size(); ++size) {
      const auto set = whole + last.substr(0, size);
      RecordSetReader reader(set);
      ASSERT_TRUE(reader.next().value().has_value());
      const auto end = reader.next();
      ASSERT_TRUE(end.has_value()) << "tail of " << size << " bytes: " << end.error().message;
      EXPECT_FALSE(end->has_value());
      EXPECT_EQ(reader.partial_tail(), size);
      EXPECT_EQ(reader.position(), whole.size());
    }
  }
}

TEST(RecordSetReader, TellsTheSizeOfAFirstBatchThatDidNotFit) {
  const auto bytes = sluice::testing::simple_batch(0, 100);
  EXPECT_EQ(RecordSetReader(bytes.substr(0, 17)).first_batch_size(), bytes.size());
  EXPECT_EQ(RecordSetReader(bytes).first_batch_size(), bytes.size());
  EXPECT_EQ(RecordSetReader(bytes.substr(0, 16)).first_batch_size(), std::nullopt);
  const auto huge = RecordBatchBuilder(0).batch_length(kInt32Max).build();
  EXPECT_EQ(RecordSetReader(huge).first_batch_size(), std::uint64_t{kInt32Max} + 12);
  const auto negative = RecordBatchBuilder(0).batch_length(-1).build();
  EXPECT_EQ(RecordSetReader(negative).first_batch_size(), std::nullopt);
}

TEST(RecordSetReader, CarriesThePositionOverAnEmptyBatch) {
  const auto bytes = sluice::testing::empty_batch(10, 14, 3);
  const auto header = sluice::testing::only_batch(bytes).header;
  EXPECT_EQ(header.record_count, 0);
  EXPECT_EQ(header.last_offset + 1, 15);
  EXPECT_TRUE(sluice::testing::read_records(bytes).empty());
}

struct HostileHeader {
  const char* name;
  std::string bytes;
  ErrorKind kind;
};

std::vector<HostileHeader> hostile_headers() {
  const auto good = [](std::int64_t offset = 0) { return RecordBatchBuilder(offset).add(1, "k", "v"); };
  const auto legacy_length = [](std::string_view hex, int length) {
    auto bytes = golden::from_hex(hex);
    bytes[11] = static_cast<char>(length);
    return bytes;
  };
  return {
      {"batchLength -1", good().batch_length(-1).build(), ErrorKind::kMalformed},
      {"batchLength 0", good().batch_length(0).build(), ErrorKind::kMalformed},
      {"batchLength INT32_MIN", good().batch_length(-kInt32Max - 1).build(), ErrorKind::kMalformed},
      {"batchLength one byte short of a header", good().batch_length(48).build(), ErrorKind::kMalformed},
      {"magic 0 length below its header", legacy_length(golden::kMagic0, 13), ErrorKind::kMalformed},
      {"magic 1 length below its header", legacy_length(golden::kMagic1, 21), ErrorKind::kMalformed},
      {"magic 3", good().magic(3).build(), ErrorKind::kUnsupported},
      {"magic -1", good().magic(-1).build(), ErrorKind::kUnsupported},
      {"recordCount -1", good().record_count(-1).build(), ErrorKind::kMalformed},
      {"recordCount above what the bytes allow", good().record_count(2).build(), ErrorKind::kMalformed},
      {"recordCount INT32_MAX", good().record_count(kInt32Max).build(), ErrorKind::kMalformed},
      {"lastOffsetDelta -1", good().last_offset_delta(-1).build(), ErrorKind::kMalformed},
      {"lastOffsetDelta INT32_MIN", good().last_offset_delta(-kInt32Max - 1).build(), ErrorKind::kMalformed},
      {"baseOffset -1", good(-1).build(), ErrorKind::kMalformed},
      {"no offset left for the position", good(kInt64Max).build(), ErrorKind::kMalformed},
      {"last offset overflows", good(kInt64Max - 10).last_offset_delta(10).build(), ErrorKind::kMalformed},
      {"legacy offset -1", sluice::testing::legacy_message({.offset = -1}), ErrorKind::kMalformed},
      {"legacy offset INT64_MAX", sluice::testing::legacy_message({.offset = kInt64Max}),
       ErrorKind::kMalformed},
  };
}

TEST(RecordSetReader, RefusesHeadersThatNoBrokerWrites) {
  for (const auto& hostile : hostile_headers()) {
    RecordSetReader reader(hostile.bytes);
    const auto batch = reader.next();
    ASSERT_FALSE(batch.has_value()) << hostile.name;
    EXPECT_EQ(batch.error().kind, hostile.kind) << hostile.name << ": " << batch.error().message;
  }
}

TEST(RecordSetReader, RepeatsItsErrorInsteadOfGoingOn) {
  const auto set = sluice::testing::simple_batch(0, 3) + RecordBatchBuilder(3).record_count(-1).build() +
                   sluice::testing::simple_batch(4, 3);
  RecordSetReader reader(set);
  ASSERT_TRUE(reader.next().value().has_value());
  const auto first = reader.next();
  const auto second = reader.next();
  ASSERT_FALSE(first.has_value());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(first.error().message, second.error().message);
}

TEST(RecordSetReader, TakesTheLargestOffsetsThatLeaveAPosition) {
  const auto bytes = RecordBatchBuilder(kInt64Max - 11).add(1, "k", "v").last_offset_delta(10).build();
  EXPECT_EQ(sluice::testing::only_batch(bytes).header.last_offset, kInt64Max - 1);
  EXPECT_EQ(sluice::testing::read_records(bytes).at(0).offset, kInt64Max - 11);
}

TEST(RecordSetReader, TreatsABatchLongerThanTheSetAsPartial) {
  const auto bytes = RecordBatchBuilder(0).add(1, "k", "v").batch_length(kInt32Max).build();
  RecordSetReader reader(bytes);
  const auto batch = reader.next();
  ASSERT_TRUE(batch.has_value());
  EXPECT_FALSE(batch->has_value());
  EXPECT_EQ(reader.partial_tail(), bytes.size());
}

// The span of offsets is data of the peer; only bytes may cost time (franz-go 1.21.4).
TEST(RecordSetReader, SpendsNoTimeOnClaimedOffsets) {
  const auto started = std::chrono::steady_clock::now();
  const auto tail = RecordBatchBuilder(5).add(1, "k", "v").last_offset_delta(kInt32Max).build();
  const auto count =
      RecordBatchBuilder(5).codec(Codec::kZstd).add(1, "k", "v").record_count(kInt32Max).build();
  EXPECT_EQ(sluice::testing::read_records(tail).size(), 1U);
  EXPECT_EQ(sluice::testing::only_batch(tail).header.last_offset, std::int64_t{kInt32Max} + 5);
  EXPECT_EQ(sluice::testing::decode(count).error().kind, ErrorKind::kMalformed);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(2));
}

}  // namespace
}  // namespace sluice::protocol
