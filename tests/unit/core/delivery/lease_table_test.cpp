#include "daemon/core/delivery/lease_table.hpp"

#include "tests/unit/core/delivery/delivery_world.hpp"

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;
using sluice::testing::simple_batch;

/// One partition with ten records, all of them handed out in one batch.
struct OneBatch : World {
  OneBatch() {
    feed(partition, simple_batch(0, 10));
    id = fetch(spec_of(100)).batch->id;
  }
  BatchId fetch_again() { return fetch(spec_of(100)).batch->id; }

  Partition& partition = add("t", 0);
  BatchId id;
};

TEST(LeaseTable, KnowsOnlyTheBatchesItGave) {
  OneBatch world;
  EXPECT_FALSE(world.ack(BatchId({1, 2})).found);
  EXPECT_FALSE(world.release(BatchId({1, 2})).found);
  EXPECT_FALSE(world.leases.extend(BatchId({1, 2}), 1s, world.now).found);
  EXPECT_TRUE(world.ack(world.id).found);
}

// Ids that follow from the seed can be computed by whoever has seen one.
TEST(LeaseTable, TakesIdsFromTheSourceThatItIsGiven) {
  LeaseTable table(1);
  table.set_id_source([] { return BatchId({7, 9}); });
  EXPECT_EQ(table.next_id(), BatchId({7, 9}));
}

TEST(LeaseTable, EndsALeaseWhenAllOfItIsSettled) {
  OneBatch world;
  EXPECT_EQ(world.leases.open_count(), 1U);
  world.ack(world.id);
  EXPECT_EQ(world.leases.open_count(), 0U);
  EXPECT_EQ(world.leases.next_deadline(), kNever);
  EXPECT_EQ(world.leases.find(world.id)->state, LeaseTable::State::kDone);
  EXPECT_FALSE(world.leases.find(world.id)->answer.batch) << "the records are free";
}

TEST(LeaseTable, MovesTheDeadlineWhenExtended) {
  OneBatch world;
  EXPECT_EQ(world.leases.next_deadline(), world.now + 30s);
  world.now += 20s;
  const LeaseResult result = world.leases.extend(world.id, 60s, world.now);
  EXPECT_EQ(result.expires_at, world.now + 60s);
  EXPECT_EQ(world.leases.next_deadline(), world.now + 60s);
  world.now += 59s;
  world.expire();
  EXPECT_EQ(world.leases.open_count(), 1U);
}

TEST(LeaseTable, ShortensTheDeadlineWhenAskedTo) {
  OneBatch world;
  (void)world.leases.extend(world.id, 1s, world.now);
  EXPECT_EQ(world.leases.next_deadline(), world.now + 1s);
}

TEST(LeaseTable, ReturnsTheRecordsOfAnExpiredLease) {
  OneBatch world;
  world.now += 30s;
  std::int64_t returned = 0;
  world.leases.expire(world.now, world.partitions,
                      [&](const LeaseTable::Lease&, const TopicPartition& tp, std::int64_t records) {
                        EXPECT_EQ(tp, (TopicPartition{"t", 0}));
                        returned += records;
                      });
  EXPECT_EQ(returned, 10);
  EXPECT_EQ(world.leases.open_count(), 0U);
  const FetchResult again = world.fetch(spec_of(100));
  EXPECT_EQ(offsets_of(again), from_to(0, 9));
  EXPECT_EQ(again.batch->slices[0].segments[0].delivery, 2U);
  EXPECT_TRUE(world.leases.extend(world.id, 1s, world.now).lease_gone);
}

TEST(LeaseTable, ReturnsOnlyWhatIsNotSettledWhenItExpires) {
  OneBatch world;
  AckSpec some;
  some.fallback = Default::kKeep;
  some.accept = {OffsetSelector{{"t", 0}, {2, 3}}};
  world.ack(world.id, some);
  world.now += 30s;
  world.expire();
  EXPECT_EQ(offsets_of(world.fetch(spec_of(100))), (std::vector<Offset>{0, 1, 4, 5, 6, 7, 8, 9}));
}

TEST(LeaseTable, GivesEverythingBackAtOnceWhenReleased) {
  OneBatch world;
  EXPECT_EQ(world.release(world.id).released, 10U);
  EXPECT_EQ(offsets_of(world.fetch(spec_of(100))), from_to(0, 9));
}

TEST(LeaseTable, GivesBackAfterTheDelay) {
  OneBatch world;
  (void)world.release(world.id, 5s);
  EXPECT_FALSE(world.fetch(spec_of(100)).batch);
  world.now += 5s;
  EXPECT_TRUE(world.fetch(spec_of(100)).batch);
}

TEST(LeaseTable, TakesASecondReleaseForHarmless) {
  OneBatch world;
  (void)world.release(world.id);
  const BatchId next = world.fetch_again();
  const LeaseResult second = world.release(world.id);
  EXPECT_TRUE(second.found);
  EXPECT_FALSE(second.lease_gone);
  EXPECT_EQ(second.released, 0U);
  EXPECT_EQ(LeaseTable::unsettled(*world.leases.find(next), world.partitions), 10) << "not those of others";
}

TEST(LeaseTable, SaysThatTheLeaseIsGoneWhenAnExpiredOneIsReleased) {
  OneBatch world;
  world.now += 30s;
  world.expire();
  EXPECT_TRUE(world.release(world.id).lease_gone);
}

TEST(LeaseTable, DoesNotCountADeliveryThatNobodyGot) {
  OneBatch world;
  world.undo(world.id);
  EXPECT_EQ(world.leases.open_count(), 0U);
  EXPECT_EQ(world.fetch(spec_of(100)).batch->slices[0].segments[0].delivery, 1U);
  world.undo(world.id);
  EXPECT_EQ(world.partition.ledger->leased(), 10) << "undoing twice takes nothing from others";
}

TEST(LeaseTable, KeepsABatchWhileOneOfItsAnswersMayHaveArrived) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 2));
  FetchSpec spec = spec_of(100);
  spec.request_id = "r";
  const BatchId id = world.fetch(spec).batch->id;
  EXPECT_TRUE(world.fetch(spec).repeated);
  world.undo(id);
  EXPECT_EQ(world.leases.open_count(), 1U)
      << "whoever asked again may have it, though the first answer failed";
  EXPECT_TRUE(world.fetch(spec).repeated);
  world.undo(id);
  EXPECT_EQ(world.leases.open_count(), 1U);
  world.undo(id);
  EXPECT_EQ(world.leases.open_count(), 0U) << "no answer has arrived";
  EXPECT_EQ(world.fetch(spec).batch->slices[0].segments[0].delivery, 1U);
}

TEST(LeaseTable, EndsALeaseWithItsLastPartition) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 2));
  world.feed(world.add("t", 1), simple_batch(0, 2));
  const BatchId id = world.fetch(spec_of(100)).batch->id;
  world.lose("t", 0);
  EXPECT_EQ(world.leases.open_count(), 1U);
  EXPECT_EQ(LeaseTable::unsettled(*world.leases.find(id), world.partitions), 2);
  world.lose("t", 1);
  EXPECT_EQ(world.leases.open_count(), 0U);
}

TEST(LeaseTable, TakesAPartitionThatCameBackForAnotherOne) {
  OneBatch world;
  world.lose("t", 0);
  Partition& again = world.add("t", 0);
  world.feed(again, simple_batch(0, 10));
  const AckResult late = world.ack(world.id);
  EXPECT_EQ(late.accepted, 0U);
  EXPECT_TRUE(late.lease_gone);
  EXPECT_EQ(again.ledger->watermark(), 0);
}

TEST(LeaseTable, FindsTheOpenLeaseOfARequest) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 2));
  FetchSpec spec = spec_of(10);
  spec.request_id = "r1";
  const BatchId id = world.fetch(spec).batch->id;
  ASSERT_NE(world.leases.find_request("r1"), nullptr);
  EXPECT_EQ(world.leases.find_request("r1")->id, id);
  EXPECT_EQ(world.leases.find_request("r2"), nullptr);
  EXPECT_EQ(world.leases.find_request(""), nullptr);
  world.ack(id);
  EXPECT_EQ(world.leases.find_request("r1"), nullptr);
}

/// Opens and ends leases without records.
struct Empty {
  explicit Empty(LeaseTable::Options options) : table(7, Redelivery{}, options) {}
  BatchId open(std::size_t runs = 1) {
    LeaseTable::Lease lease;
    lease.number = table.next_number();
    lease.id = table.next_id();
    lease.expires_at = now + 1s;
    lease.parts.push_back({{"t", 0}, 1, std::vector<OffsetRange>(runs)});
    return table.open(std::move(lease)).id;
  }
  void end_all() {
    now += 1s;
    table.expire(now, partitions, [](const LeaseTable::Lease&, const TopicPartition&, std::int64_t) {});
  }
  Partitions partitions;
  TimePoint now{1000s};
  LeaseTable table;
};

TEST(LeaseTable, RemembersABoundedNumberOfEndedLeases) {
  Empty world({.ended_max = 3, .ended_runs_max = 100, .ended_for = 1h});
  std::vector<BatchId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(world.open());
    world.end_all();
  }
  EXPECT_EQ(world.table.find(ids[0]), nullptr);
  EXPECT_EQ(world.table.find(ids[1]), nullptr);
  EXPECT_NE(world.table.find(ids[2]), nullptr);
}

TEST(LeaseTable, RemembersABoundedNumberOfRunsOfEndedLeases) {
  Empty world({.ended_max = 100, .ended_runs_max = 250, .ended_for = 1h});
  const BatchId first = world.open(100);
  world.end_all();
  const BatchId second = world.open(100);
  world.end_all();
  EXPECT_NE(world.table.find(first), nullptr);
  world.open(100);
  world.end_all();
  EXPECT_EQ(world.table.find(first), nullptr);
  EXPECT_NE(world.table.find(second), nullptr);
}

TEST(LeaseTable, ForgetsEndedLeasesAfterAWhile) {
  Empty world({.ended_max = 100, .ended_runs_max = 100, .ended_for = 10s});
  const BatchId id = world.open();
  world.end_all();
  world.now += 8s;
  world.end_all();
  EXPECT_NE(world.table.find(id), nullptr);
  world.end_all();
  EXPECT_EQ(world.table.find(id), nullptr);
}

TEST(LeaseTable, GivesIdsThatParseAndDiffer) {
  LeaseTable table(5);
  const BatchId a = table.next_id();
  const BatchId b = table.next_id();
  EXPECT_NE(a, b);
  EXPECT_EQ(BatchId::parse(a.to_string()), a);
  EXPECT_FALSE(BatchId::parse("xyz"));
  EXPECT_FALSE(BatchId::parse(a.to_string() + "0"));
  EXPECT_FALSE(BatchId::parse(std::string(32, 'A')));
}

}  // namespace
}  // namespace sluice::core
