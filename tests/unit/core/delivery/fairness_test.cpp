#include "tests/unit/core/delivery/delivery_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace sluice::core {
namespace {

/// Partitions that never run dry, and applications that fetch and ack in turn.
class Market : public World {
 public:
  explicit Market(std::int64_t quantum = 10'000) : World(256 << 20, {.quantum = quantum}) {}

  void open(const std::string& topic, PartitionId number, std::size_t record_bytes) {
    add(topic, number);
    sizes_[{topic, number}] = record_bytes;
  }

  /// `holding`: how many batches are worked on at the same time.
  void run(int fetches, FetchSpec spec, std::size_t holding = 1) {
    std::vector<BatchId> held;
    for (int i = 0; i < fetches; ++i) {
      refill();
      const FetchResult result = fetch(spec);
      if (result.batch) {
        count(*result.batch);
        held.push_back(result.batch->id);
      }
      if (held.size() >= holding || (!result.batch && !held.empty())) {
        ack(held.front());
        held.erase(held.begin());
      }
    }
  }

  [[nodiscard]] double share(const std::string& topic, PartitionId number) const {
    const auto it = taken_.find({topic, number});
    return it == taken_.end() ? 0 : static_cast<double>(it->second) / static_cast<double>(total_);
  }
  [[nodiscard]] int longest_gap(const std::string& topic, PartitionId number) const {
    const auto it = gaps_.find({topic, number});
    return it == gaps_.end() ? batches_ : std::max(it->second.longest, batches_ - it->second.last);
  }

 private:
  struct Gap {
    int last = 0;
    int longest = 0;
  };

  void refill() {
    for (auto& [tp, partition] : partitions) {
      const std::size_t size = sizes_.at(tp);
      const std::int64_t ahead = partition.fetch_position - partition.ledger->position();
      if (ahead * static_cast<std::int64_t>(size) > 100'000) continue;
      feed(partition, batch_of(partition.fetch_position,
                               static_cast<int>(std::max<std::size_t>(1, 100'000 / size)), size));
    }
  }
  void count(const Batch& batch) {
    ++batches_;
    for (const BatchSlice& slice : batch.slices) {
      std::int64_t records = 0;
      for (const Segment& segment : slice.segments) records += segment.records;
      const auto bytes = records * static_cast<std::int64_t>(sizes_.at(slice.partition));
      taken_[slice.partition] += bytes;
      total_ += bytes;
      Gap& gap = gaps_[slice.partition];
      gap.longest = std::max(gap.longest, batches_ - gap.last);
      gap.last = batches_;
    }
  }

  std::map<TopicPartition, std::size_t> sizes_;
  std::map<TopicPartition, std::int64_t> taken_;
  std::map<TopicPartition, Gap> gaps_;
  std::int64_t total_ = 0;
  int batches_ = 0;
};

TEST(Fairness, GivesPartitionsEqualSharesOfTheBytesWhateverTheirRecordSizes) {
  Market market;
  market.open("t", 0, 100);
  market.open("t", 1, 1000);
  market.open("t", 2, 5000);
  market.run(2000, spec_of(50));
  for (PartitionId p = 0; p < 3; ++p) EXPECT_NEAR(market.share("t", p), 1.0 / 3, 0.02) << p;
}

TEST(Fairness, GivesEqualSharesWhenOneBatchHoldsMoreThanAllTurnsTogether) {
  Market market;
  market.open("t", 0, 1003);
  market.open("t", 1, 1003);
  market.run(500, spec_of(100'000, 50'000));
  EXPECT_NEAR(market.share("t", 0), 0.5, 0.02);
  EXPECT_LE(market.longest_gap("t", 1), 3);
}

TEST(Fairness, StarvesNobodyWhoseCreditIsSmallerThanItsNextRecord) {
  // The quantum is no multiple of the record size, so a remainder is left of every turn.
  Market market(10'007);
  market.open("t", 0, 1000);
  market.open("t", 1, 1000);
  market.run(1000, spec_of(7));
  EXPECT_NEAR(market.share("t", 0), 0.5, 0.02);
  EXPECT_LE(market.longest_gap("t", 0), 5);
  EXPECT_LE(market.longest_gap("t", 1), 5);
}

TEST(Fairness, LetsABusyTopicTakeNoMoreThanItsPartitionsShare) {
  Market market;
  for (PartitionId p = 0; p < 9; ++p) market.open("busy", p, 500);
  market.open("quiet", 0, 500);
  market.run(2000, spec_of(30));
  EXPECT_NEAR(market.share("quiet", 0), 0.1, 0.02);
}

TEST(Fairness, HoldsWhenSeveralBatchesAreWorkedOnAtTheSameTime) {
  Market market;
  for (PartitionId p = 0; p < 6; ++p) market.open("t", p, p < 3 ? 100 : 2000);
  market.run(4000, spec_of(20), 3);
  for (PartitionId p = 0; p < 6; ++p) {
    EXPECT_GT(market.share("t", p), 0.01) << p;
    EXPECT_LE(market.longest_gap("t", p), 60) << p;
  }
}

TEST(Fairness, MakesAPartitionOfLargeRecordsPayForThem) {
  Market market;
  market.open("t", 0, 90'000);  // nine turns' worth
  market.open("t", 1, 100);
  market.run(3000, spec_of(50));
  EXPECT_NEAR(market.share("t", 0), 0.5, 0.05);
  EXPECT_LE(market.longest_gap("t", 1), 2);
}

TEST(Fairness, ForgivesDebtsWhenNobodyElseHasData) {
  Market market;
  market.open("t", 0, 90'000);
  market.run(100, spec_of(50, 10));
  Partition& partition = market.partitions.at({"t", 0});
  EXPECT_GE(partition.deficit, -90'000) << "never more than one record";
  market.open("t", 1, 100);
  market.run(10, spec_of(50));
  EXPECT_GT(market.share("t", 1), 0);
}

TEST(Fairness, DoesNotChargeForABatchThatWasNotHandedOut) {
  World world(64 << 20, {.quantum = 1000});
  Partition& partition = world.add("t", 0);
  world.feed(partition, batch_of(0, 10, 100));
  FetchSpec patient = spec_of(100);
  patient.min_records = 50;
  patient.wait = std::chrono::seconds(5);
  (void)world.start(patient);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(world.serve().empty());
  EXPECT_EQ(partition.deficit, 0);
}

}  // namespace
}  // namespace sluice::core
