#include "daemon/core/dead_letter/letter_record.hpp"

#include "tests/unit/core/dead_letter/letter_world.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::core {
namespace {

using testing::HeaderSpec;
using testing::OwnedRecord;
using testing::RecordBatchBuilder;

const LetterOrigin kOrigin{"billing", "main"};

OwnedRecord written(const DeadLetter& letter) {
  const LetterRecord text(letter, kOrigin);
  return testing::read_records(protocol::encode_batch({}, {&text.record(), 1})).at(0);
}

std::vector<HeaderSpec> provenance(const std::string& offset, std::vector<HeaderSpec> more = {}) {
  std::vector<HeaderSpec> headers = {{"sluice.dead-letter.topic", "orders"},
                                     {"sluice.dead-letter.partition", "3"},
                                     {"sluice.dead-letter.offset", offset}};
  headers.insert(headers.end(), more.begin(), more.end());
  headers.insert(headers.end(), {{"sluice.dead-letter.group", "billing"},
                                 {"sluice.dead-letter.consumer", "main"},
                                 {"sluice.dead-letter.deliveries", "3"},
                                 {"sluice.dead-letter.cause", "rejected"}});
  return headers;
}

TEST(LetterRecord, KeepsTheRecordAndSaysBehindItsHeadersWhereItCameFrom) {
  const auto chunk = chunk_of(RecordBatchBuilder(16)
                                  .add(1000, "before", "x")
                                  .add(1234, "k", "v", {{"a", "1"}, {"a", std::nullopt}, {"b", ""}})
                                  .add(1000, "after", "x"));
  const auto record = written(letter_about({"orders", 3}, chunk, 1));
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.value, "v");
  EXPECT_EQ(record.timestamp, 1234);
  auto expected = provenance("17", {{"sluice.dead-letter.timestamp", "1234"}});
  expected.insert(expected.begin(), {{"a", "1"}, {"a", std::nullopt}, {"b", ""}});
  EXPECT_EQ(record.headers, expected);
}

TEST(LetterRecord, KeepsNullApartFromEmpty) {
  const auto null = written(
      letter_about({"orders", 3}, chunk_of(RecordBatchBuilder().add(1000, std::nullopt, std::nullopt))));
  EXPECT_FALSE(null.key.has_value());
  EXPECT_FALSE(null.value.has_value()) << "a tombstone stays one";
  const auto empty = written(letter_about({"orders", 3}, chunk_of(RecordBatchBuilder().add(1000, "", ""))));
  EXPECT_EQ(empty.key, "");
  EXPECT_EQ(empty.value, "");
}

TEST(LetterRecord, SaysNothingAboutATimeThatThereIsNot) {
  const auto record =
      written(letter_about({"orders", 3}, chunk_of(RecordBatchBuilder(17).add(-1, "k", "v"))));
  EXPECT_EQ(record.timestamp, -1);
  EXPECT_EQ(record.headers, provenance("17"));
}

TEST(LetterRecord, TakesTheTimeOfTheBrokerWhereThatCounts) {
  const auto chunk = chunk_of(RecordBatchBuilder().add(1000, "k", "v").log_append_time(7777));
  EXPECT_EQ(written(letter_about({"orders", 3}, chunk)).timestamp, 7777);
}

TEST(LetterRecord, GivesTheReasonWhenThereIsOne) {
  auto letter = letter_about({"orders", 3}, chunk_of(RecordBatchBuilder(17).add(-1, "k", "v")));
  letter.reason = "no such customer";
  auto expected = provenance("17");
  expected.push_back({"sluice.dead-letter.reason", "no such customer"});
  EXPECT_EQ(written(letter).headers, expected);
}

TEST(LetterRecord, MakesRawBytesTheValue) {
  auto letter = letter_about({"orders", 3}, chunk_of(RecordBatchBuilder(17).add(1000, "k", "v")));
  letter.raw = true;
  letter.begin = 1;
  letter.end = 4;
  letter.offsets = {17, 20};
  const auto record = written(letter);
  EXPECT_FALSE(record.key.has_value());
  EXPECT_EQ(record.value, letter.chunk->batch.payload.substr(1, 3));
  EXPECT_EQ(record.timestamp, -1);
  EXPECT_EQ(record.headers, provenance("17", {{"sluice.dead-letter.last-offset", "20"}}));
}

TEST(LetterRecord, TakesBytesThatAreNoRecordAsTheyAreAndReadsNothingBehindThem) {
  auto letter = letter_about({"orders", 3}, chunk_of(RecordBatchBuilder(17).add(1000, "k", "v")));
  const std::size_t size = letter.end;
  letter.end = size - 1;
  EXPECT_EQ(written(letter).value, letter.chunk->batch.payload.substr(0, size - 1)) << "cut short";
  letter.begin = size + 5;
  letter.end = size + 9;
  EXPECT_EQ(written(letter).value, "") << "beyond the payload";
  letter.chunk.reset();
  EXPECT_FALSE(written(letter).value.has_value()) << "no bytes at all";
}

}  // namespace
}  // namespace sluice::core
