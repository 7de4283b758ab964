#include "protocol/records/aborted_transactions.hpp"

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

BatchHeader data(std::int64_t producer_id, std::int64_t base_offset, std::int64_t last_offset) {
  BatchHeader header;
  header.base_offset = base_offset;
  header.last_offset = last_offset;
  header.producer_id = producer_id;
  header.transactional = producer_id >= 0;
  return header;
}

BatchHeader marker(std::int64_t producer_id, std::int64_t offset) {
  auto header = data(producer_id, offset, offset);
  header.control = true;
  return header;
}

TEST(AbortedTransactions, HideTheBatchesUpToTheAbort) {
  AbortedTransactions aborted({{1, 10}});
  EXPECT_FALSE(aborted.is_aborted(data(1, 5, 9))) << "an earlier transaction of the producer";
  EXPECT_TRUE(aborted.is_aborted(data(1, 10, 14)));
  EXPECT_FALSE(aborted.is_aborted(data(2, 15, 19)));
  EXPECT_TRUE(aborted.is_aborted(data(1, 20, 24)));
  EXPECT_FALSE(aborted.is_aborted(marker(1, 25)));
  aborted.on_control(marker(1, 25), ControlType::kAbort);
  EXPECT_FALSE(aborted.is_aborted(data(1, 26, 30)));
}

TEST(AbortedTransactions, HideTransactionsThatBeganBeforeTheFetchOffset) {
  AbortedTransactions aborted({{1, 0}});
  EXPECT_TRUE(aborted.is_aborted(data(1, 100, 104)));
}

TEST(AbortedTransactions, HideABatchThatReachesTheFirstOffset) {
  for (const std::int64_t first_offset : {10, 12, 14}) {
    AbortedTransactions aborted({{1, first_offset}});
    EXPECT_TRUE(aborted.is_aborted(data(1, 10, 14))) << first_offset;
  }
}

// Redpanda sends the list in no order; rolled back records were delivered (franz-go 1.21.4).
TEST(AbortedTransactions, SortTheirEntries) {
  AbortedTransactions aborted({{3, 30}, {1, 10}, {2, 20}});
  EXPECT_TRUE(aborted.is_aborted(data(1, 10, 11)));
  EXPECT_FALSE(aborted.is_aborted(data(3, 12, 13)));
  EXPECT_TRUE(aborted.is_aborted(data(2, 20, 21)));
  EXPECT_TRUE(aborted.is_aborted(data(3, 30, 31)));
}

TEST(AbortedTransactions, HideASecondTransactionOfTheSameProducer) {
  AbortedTransactions aborted({{1, 20}, {1, 0}});
  EXPECT_TRUE(aborted.is_aborted(data(1, 0, 4)));
  aborted.on_control(marker(1, 5), ControlType::kAbort);
  EXPECT_FALSE(aborted.is_aborted(data(1, 6, 9)));
  aborted.on_control(marker(1, 10), ControlType::kCommit);
  EXPECT_TRUE(aborted.is_aborted(data(1, 20, 24)));
}

// brod #659: a commit of a later transaction must not end an aborted one; the list alone decides.
TEST(AbortedTransactions, AreNotEndedByACommit) {
  AbortedTransactions aborted({{1, 0}});
  aborted.on_control(marker(1, 3), ControlType::kCommit);
  EXPECT_TRUE(aborted.is_aborted(data(1, 4, 5)));
  aborted.on_control(marker(1, 6), ControlType::kOther);
  EXPECT_TRUE(aborted.is_aborted(data(1, 7, 8)));
}

// librdkafka 1.7.0 lost data and platformatic/kafka #391 crashed here.
TEST(AbortedTransactions, TakeAnAbortWithoutAnEntry) {
  AbortedTransactions aborted;
  aborted.on_control(marker(1, 3), ControlType::kAbort);
  EXPECT_FALSE(aborted.is_aborted(data(1, 4, 5)));
}

TEST(AbortedTransactions, CountAnEntryThatOnlyTheMarkerReaches) {
  AbortedTransactions aborted({{1, 3}});
  aborted.on_control(marker(1, 5), ControlType::kAbort);  // compaction took the data
  EXPECT_FALSE(aborted.is_aborted(data(1, 6, 7)));
}

TEST(AbortedTransactions, LetPassWhatIsNotTransactional) {
  AbortedTransactions aborted({{1, 0}, {-1, 0}});
  auto idempotent = data(1, 4, 5);
  idempotent.transactional = false;
  EXPECT_FALSE(aborted.is_aborted(idempotent));
  EXPECT_FALSE(aborted.is_aborted(data(-1, 6, 7)));
  auto hostile = data(-1, 6, 7);
  hostile.transactional = true;
  EXPECT_FALSE(aborted.is_aborted(hostile));
}

}  // namespace
}  // namespace sluice::protocol
