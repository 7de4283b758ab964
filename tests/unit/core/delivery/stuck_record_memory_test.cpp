#include "daemon/core/fetch/fetcher.hpp"
#include "tests/unit/core/delivery/delivery_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::core {
namespace {

constexpr std::int64_t kBudget = 1 << 20;

/// A partition without order whose first record is leased and stays so.
struct Stuck : World {
  Stuck() : World(kBudget) { partition.order = OrderMode::kNone; }

  /// Brings batches of `count` records in, hands them out and settles them. The most that was ever charged.
  std::int64_t work(int batches, int count, std::size_t size) {
    std::int64_t most = 0;
    for (int i = 0; i < batches; ++i) {
      feed(partition, batch_of(next, count, size));
      if (next == 0) EXPECT_EQ(offsets_of(fetch(spec_of(1))), from_to(0, 0));
      next += count;
      while (true) {
        const FetchResult result = fetch(spec_of(count));
        most = std::max(most, budget.used());
        if (!result.batch) break;
        ack(result.batch->id);
      }
    }
    return most;
  }

  Partition& partition = add("t", 0);
  Offset next = 0;
};

TEST(StuckRecord, PinsLittleMoreThanItself) {
  Stuck s;
  EXPECT_LT(s.work(400, 100, 1000), kBudget / 2);
  EXPECT_EQ(s.partition.ledger->watermark(), 0);
  EXPECT_EQ(s.partition.ledger->position(), 40'000);
}

TEST(StuckRecord, PinsLittleMoreThanItselfAmongFewLargeRecords) {
  Stuck s;
  EXPECT_LT(s.work(100, 1, 100'000), kBudget / 2) << "100 records are 10 times the budget";
}

TEST(StuckRecord, GivesWhatIsSettledBehindItToAnotherPartitionThatNeedsIt) {
  Stuck s;
  s.work(4, 1, 50'000);
  ASSERT_GT(s.partition.buffer.bytes(), 180'000) << "no reason yet to look for what can go";
  Partition& other = s.add("u", 0);
  s.feed(other, batch_of(0, 10, 80'000));
  Fetcher fetcher({}, 5);
  fetcher.poll(s.now, Metadata({.bootstrap = {-1}}, 3), s.partitions, s.budget, s.outbox);
  EXPECT_LT(s.partition.buffer.bytes(), 110'000) << "one record and the last one, which is always left alone";
}

TEST(StuckRecord, OfAnEarlierOwnerPinsLittleMoreThanItself) {
  for (const OrderMode order : {OrderMode::kKey, OrderMode::kNone}) {
    for (const protocol::Codec codec : {protocol::Codec::kNone, protocol::Codec::kLz4}) {
      Stuck s;
      s.partition.order = order;
      CommitMetadata known;
      known.settled = {{1, 19'999}, {20'001, 39'999}};
      s.partition.start_at(0, known);
      std::vector<Offset> seen;
      std::int64_t most = 0;
      for (Offset base = 0; base < 40'100; base += 100) {
        s.feed(s.partition, batch_of(base, 100, 1000, codec));
        const FetchResult result = s.fetch(spec_of(1));
        if (result.batch) seen.push_back(offsets_of(result).front());
        most = std::max(most, s.budget.used());
      }
      EXPECT_EQ(seen, (std::vector<Offset>{0, 20'000, 40'000}));
      EXPECT_LT(most, kBudget / 2);
    }
  }
}

}  // namespace
}  // namespace sluice::core
