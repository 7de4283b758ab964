#include "protocol/records/batch_encoder.hpp"

#include "tests/unit/protocol/records/golden_batches.hpp"
#include "tests/unit/protocol/records/read_records.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace sluice::testing {
namespace {

using protocol::encode_batch;
using protocol::kBatchOverhead;
using protocol::NewRecord;
using protocol::ProducerStamp;
using protocol::record_size_bound;

NewRecord record_of(std::int64_t timestamp,
                    std::optional<std::string_view> key,
                    std::optional<std::string_view> value,
                    std::vector<protocol::RecordHeader> headers = {}) {
  return {timestamp, key, value, std::move(headers)};
}

/// The records of golden::kNone.
std::vector<NewRecord> golden_records() {
  return {record_of(1000, "k", "v", {{"h1", "x"}, {"h2", std::nullopt}}), record_of(1001, std::nullopt, "v2"),
          record_of(999, "k3", std::nullopt)};
}

TEST(BatchEncoder, WritesTheBytesThatKafkaWrites) {
  // Base offset and leader epoch are the broker's: everything else is under the checksum.
  std::string java = golden::from_hex(golden::kNone);
  java.replace(protocol::batch_layout::kOffset, 8, std::string(8, '\0'));
  java.replace(protocol::batch_layout::kLeaderEpoch, 4, std::string(4, '\xff'));
  EXPECT_EQ(encode_batch({}, golden_records()), java);
}

TEST(BatchEncoder, IsReadBackAsItWasWritten) {
  const std::string large(70'000, 'x');
  const std::vector<NewRecord> records = {
      record_of(1'700'000'000'000, "", "", {{"", ""}, {"a", std::nullopt}, {"a", "2"}}),
      record_of(-1, std::nullopt, std::nullopt),
      record_of(1'700'000'000'001, large, large, {{large, large}}),
  };
  const std::string bytes = encode_batch({77, 3, 12}, records);
  const auto raw = only_batch(bytes);
  EXPECT_EQ(raw.header.base_offset, 0);
  EXPECT_EQ(raw.header.last_offset, 2);
  EXPECT_EQ(raw.header.leader_epoch, -1);
  EXPECT_EQ(raw.header.codec, protocol::Codec::kNone);
  EXPECT_EQ(raw.header.timestamp_type, protocol::TimestampType::kCreateTime);
  EXPECT_EQ(raw.header.base_timestamp, 1'700'000'000'000);
  EXPECT_EQ(raw.header.max_timestamp, 1'700'000'000'001);
  EXPECT_EQ(raw.header.producer_id, 77);
  EXPECT_FALSE(raw.header.transactional);
  EXPECT_FALSE(raw.header.control);
  EXPECT_EQ(raw.header.record_count, 3);

  const std::vector<OwnedRecord> expected = {
      {0, 1'700'000'000'000, "", "", {{"", ""}, {"a", std::nullopt}, {"a", "2"}}},
      {1, -1, std::nullopt, std::nullopt, {}},
      {2, 1'700'000'000'001, large, large, {{large, large}}},
  };
  EXPECT_EQ(read_records(bytes), expected);
}

TEST(BatchEncoder, SaysWhoWroteItAndAsWhichInOrder) {
  const std::string bytes = encode_batch({0x0102030405060708, 0x0a0b, 0x7fffffff}, golden_records());
  EXPECT_EQ(protocol::batch_layout::load<std::int64_t>(bytes, 43), 0x0102030405060708);
  EXPECT_EQ(protocol::batch_layout::load<std::int16_t>(bytes, 51), 0x0a0b);
  EXPECT_EQ(protocol::batch_layout::load<std::int32_t>(bytes, 53), 0x7fffffff);
}

TEST(BatchEncoder, ChecksumsWhatFollowsIt) {
  std::string bytes = encode_batch({}, golden_records());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  const auto decoded = decode(bytes);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().kind, protocol::ErrorKind::kCorrupt);
}

TEST(BatchEncoder, KeepsTimestampsThatNoDifferenceCanExpress) {
  constexpr auto kFirst = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLast = std::numeric_limits<std::int64_t>::min();
  const std::vector<NewRecord> records = {record_of(kFirst, "k", "v"), record_of(kLast, "k", "v"),
                                          record_of(0, "k", "v")};
  const auto read = read_records(encode_batch({}, records));
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].timestamp, kFirst);
  EXPECT_EQ(read[1].timestamp, kLast);
  EXPECT_EQ(read[2].timestamp, 0);
}

TEST(BatchEncoder, TakesNoMoreThanTheBoundsTogether) {
  std::vector<NewRecord> records;
  const std::string text(300, 't');
  std::size_t bound = kBatchOverhead;
  for (std::size_t i = 0; i < 500; ++i) {
    records.push_back(record_of(i % 2 == 0 ? 0 : std::numeric_limits<std::int64_t>::max(),
                                std::string_view(text).substr(0, i % 300), std::nullopt,
                                {{"h", std::string_view(text).substr(0, i % 70)}}));
    bound += record_size_bound(records.back());
    const std::size_t alone = encode_batch({}, {&records.back(), 1}).size();
    EXPECT_LE(alone, kBatchOverhead + record_size_bound(records.back()));
    EXPECT_GE(alone + 24, kBatchOverhead + record_size_bound(records.back())) << "a bound far off is useless";
  }
  EXPECT_LE(encode_batch({}, records).size(), bound);
}

}  // namespace
}  // namespace sluice::testing
