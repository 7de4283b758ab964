#include "protocol/records/record_cursor.hpp"

#include "tests/support/record_batch_builder.hpp"
#include "tests/unit/protocol/records/read_records.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::protocol {
namespace {

namespace rv = record_varint;
using sluice::testing::encode_record;
using sluice::testing::OwnedRecord;
using sluice::testing::read_records;
using sluice::testing::RecordBatchBuilder;

constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kInt64Min = std::numeric_limits<std::int64_t>::min();

TEST(RecordCursor, KeepsNullAndEmptyApart) {
  const auto records = read_records(RecordBatchBuilder(0)
                                        .add(1, std::nullopt, std::nullopt, {{"", std::nullopt}})
                                        .add(2, "", "", {{"", ""}})
                                        .build());
  const std::vector<OwnedRecord> expected = {
      {0, 1, std::nullopt, std::nullopt, {{"", std::nullopt}}},
      {1, 2, "", "", {{"", ""}}},
  };
  EXPECT_EQ(records, expected);
}

TEST(RecordCursor, KeepsRepeatedHeadersInOrder) {
  const std::vector<sluice::testing::HeaderSpec> headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}, {"a", "1"}};
  EXPECT_EQ(read_records(RecordBatchBuilder(0).add(1, "k", "v", headers).build()).at(0).headers, headers);
}

TEST(RecordCursor, CountsKeysValuesAndHeadersAsPayload) {
  const auto bytes = RecordBatchBuilder(0)
                         .add(1, "key", "value", {{"name", "x"}, {"h", std::nullopt}})
                         .add(2, {}, {})
                         .build();
  const auto decoded = sluice::testing::decode(bytes).value();
  RecordCursor cursor(decoded.header, decoded.payload);
  Record record;
  ASSERT_TRUE(cursor.next(record));
  EXPECT_EQ(record.payload_bytes, 3U + 5U + 4U + 1U + 1U);
  ASSERT_TRUE(cursor.next(record));
  EXPECT_EQ(record.payload_bytes, 0U);
}

TEST(RecordCursor, FollowsTheGapsOfCompaction) {
  const auto bytes = RecordBatchBuilder(10).gap(3).add(1, "k", "v").gap(200).add(2, "k", "v").gap(7).build();
  const auto records = read_records(bytes);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].offset, 13);
  EXPECT_EQ(records[1].offset, 214);
  EXPECT_EQ(sluice::testing::only_batch(bytes).header.last_offset, 221);
}

// Milliseconds need more than 32 bits after 24.8 days (franz-go 1.11.5).
TEST(RecordCursor, ReadsTimestampDeltasOf64Bits) {
  const std::int64_t year = std::int64_t{365} * 86'400'000;
  const auto records = read_records(
      RecordBatchBuilder(0).base_timestamp(year).add(3 * year, "k", "v").add(0, "k", "v").build());
  EXPECT_EQ(records.at(0).timestamp, 3 * year);
  EXPECT_EQ(records.at(1).timestamp, 0);
}

TEST(RecordCursor, WrapsTimestampsThatOverflow) {
  const auto bytes =
      RecordBatchBuilder(0).base_timestamp(kInt64Max).add(kInt64Min, "k", "v").add(-1, "k", "v").build();
  const auto records = read_records(bytes);
  EXPECT_EQ(records.at(0).timestamp, kInt64Min);
  EXPECT_EQ(records.at(1).timestamp, -1);
}

// franz-go 1.6.0 and 1.1.2 gave the producer's time.
TEST(RecordCursor, GivesTheLogAppendTimeOfTheBatchToEveryRecord) {
  const auto records =
      read_records(RecordBatchBuilder(0).log_append_time(7777).add(1, "k", "v").add(99999, "k", "v").build());
  EXPECT_EQ(records.at(0).timestamp, 7777);
  EXPECT_EQ(records.at(1).timestamp, 7777);
}

TEST(RecordCursor, GoesOnWhereAnEarlierCursorStopped) {
  const auto bytes = sluice::testing::simple_batch(100, 20);
  const auto decoded = sluice::testing::decode(bytes).value();
  RecordCursor first(decoded.header, decoded.payload);
  Record record;
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(first.next(record));
  }
  RecordCursor second(decoded.header, decoded.payload, first.position());
  while (first.next(record)) {
    const auto expected = sluice::testing::own(record);
    ASSERT_TRUE(second.next(record));
    EXPECT_EQ(sluice::testing::own(record), expected);
  }
  EXPECT_FALSE(second.next(record));
  EXPECT_FALSE(second.failed());
  EXPECT_EQ(second.position(), decoded.payload.size());
}

TEST(RecordCursor, FailsForAPositionBehindThePayload) {
  const auto bytes = sluice::testing::simple_batch(0, 1);
  const auto decoded = sluice::testing::decode(bytes).value();
  RecordCursor cursor(decoded.header, decoded.payload, decoded.payload.size() + 1);
  Record record;
  EXPECT_FALSE(cursor.next(record));
  EXPECT_TRUE(cursor.failed());
}

/// A record whose body is these numbers and bytes, with the right length in front.
std::string raw_record(const std::vector<std::int64_t>& numbers_after_attributes,
                       std::string_view tail = "") {
  std::string body(1, '\0');
  for (const auto number : numbers_after_attributes) {
    rv::append(body, number);
  }
  body += tail;
  std::string out;
  rv::append(out, static_cast<std::int64_t>(body.size()));
  return out + body;
}

struct BrokenRecord {
  const char* name;
  std::string bytes;
};

std::vector<BrokenRecord> broken_records() {
  const std::string five("\xff\xff\xff\xff\x1f", 5);                      // 33 bits
  const std::string ten("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);  // 65 bits
  const std::string endless(20, '\x80');
  const auto with_length = [](std::int64_t length, const std::string& body) {
    std::string out;
    rv::append(out, length);
    return out + body;
  };
  const auto good = encode_record(0, 0, "k", "v");
  return {
      {"length 0", with_length(0, "")},
      {"length -1", with_length(-1, "")},
      {"length behind the payload", with_length(100, "abc")},
      {"length one below the fields",
       with_length(static_cast<std::int64_t>(good.size()) - 2, good.substr(1))},
      {"length one above the fields",
       with_length(static_cast<std::int64_t>(good.size()), good.substr(1) + "x")},
      {"length of 33 bits", five},
      {"length without an end", endless},
      {"timestamp of 65 bits", with_length(20, std::string(1, '\0') + ten + std::string(9, '\0'))},
      {"timestamp without an end", with_length(21, std::string(1, '\0') + endless)},
      {"offset delta -1", raw_record({0, -1, -1, -1, 0})},
      {"offset delta above lastOffsetDelta", raw_record({0, 1, -1, -1, 0})},
      {"offset delta INT32_MAX", raw_record({0, 2147483647, -1, -1, 0})},
      {"key length -2", raw_record({0, 0, -2, -1, 0})},
      {"key length behind the record", raw_record({0, 0, 100, -1, 0})},
      {"key length INT32_MAX", raw_record({0, 0, 2147483647, -1, 0})},
      {"value length -2", raw_record({0, 0, -1, -2, 0})},
      {"value length behind the record", raw_record({0, 0, -1, 1})},
      {"no header count", raw_record({0, 0, -1, -1})},
      {"header count -1", raw_record({0, 0, -1, -1, -1})},
      {"header count above the bytes", raw_record({0, 0, -1, -1, 2, 0, -1})},
      {"header count INT32_MAX", raw_record({0, 0, -1, -1, 2147483647, 0, -1})},
      {"header count below the bytes", raw_record({0, 0, -1, -1, 1, 0, -1, 0, -1})},
      {"header name null", raw_record({0, 0, -1, -1, 1, -1, -1})},
      {"header name behind the record", raw_record({0, 0, -1, -1, 1, 5, -1})},
      {"header value -2", raw_record({0, 0, -1, -1, 1, 0, -2})},
      {"header value behind the record", raw_record({0, 0, -1, -1, 1, 0, 1})},
      {"bytes behind the headers", raw_record({0, 0, -1, -1, 0}, "x")},
  };
}

TEST(RecordCursor, FailsAtRecordsThatNoProducerWrites) {
  BatchHeader header;
  header.base_offset = header.last_offset = 5;
  for (const auto& broken : broken_records()) {
    const auto payload = encode_record(0, 0, "first", "good") + broken.bytes;
    RecordCursor cursor(header, payload);
    Record record;
    ASSERT_TRUE(cursor.next(record)) << broken.name;
    const auto position = cursor.position();
    EXPECT_FALSE(cursor.next(record)) << broken.name;
    EXPECT_TRUE(cursor.failed()) << broken.name;
    EXPECT_EQ(cursor.position(), position) << broken.name;
    EXPECT_FALSE(cursor.next(record)) << broken.name << ": an error is final";
  }
}

TEST(RecordCursor, FailsAtEveryTruncationOfARecord) {
  BatchHeader header;
  const auto whole =
      encode_record(-5, 0, "key", std::string(300, 'v'), {{"name", "value"}, {"null", std::nullopt}});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    RecordCursor cursor(header, std::string_view(whole).substr(0, size));
    Record record;
    EXPECT_FALSE(cursor.next(record)) << size;
    EXPECT_TRUE(cursor.failed()) << size;
  }
}

TEST(RecordHeaders, NeverLeaveBytesThatNobodyChecked) {
  int calls = 0;
  RecordHeaders(std::string_view("\x04"
                                 "ab\x7fx",
                                 5),
                1000)
      .for_each([&](const RecordHeader&) { ++calls; });
  EXPECT_EQ(calls, 0);
  RecordHeaders({}, 1000).for_each([&](const RecordHeader&) { ++calls; });
  EXPECT_EQ(calls, 0);
}

TEST(RecordVarint, ReadsBackWhatItWrites) {
  std::vector<std::int64_t> numbers = {0, -1, 1, kInt64Max, kInt64Min};
  for (int shift = 1; shift < 63; ++shift) {
    for (const std::int64_t near : {-1, 0, 1}) {
      numbers.push_back((std::int64_t{1} << shift) + near);
      numbers.push_back(-(std::int64_t{1} << shift) + near);
    }
  }
  for (const auto number : numbers) {
    std::string bytes;
    rv::append(bytes, number);
    EXPECT_EQ(rv::size(number), bytes.size());
    const char* p = bytes.data();
    std::int64_t wide = 0;
    EXPECT_TRUE(rv::read(p, bytes.data() + bytes.size(), wide));
    EXPECT_EQ(wide, number);
    EXPECT_EQ(p, bytes.data() + bytes.size());
    p = bytes.data();
    std::int32_t narrow = 0;
    const bool fits = number >= std::numeric_limits<std::int32_t>::min() &&
                      number <= std::numeric_limits<std::int32_t>::max();
    EXPECT_EQ(rv::read(p, bytes.data() + bytes.size(), narrow), fits) << number;
    EXPECT_TRUE(!fits || narrow == number);
  }
}

}  // namespace
}  // namespace sluice::protocol
