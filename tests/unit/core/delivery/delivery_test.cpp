#include "daemon/core/delivery/delivery.hpp"

#include "tests/unit/core/delivery/delivery_world.hpp"

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

using protocol::Codec;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using sluice::testing::control_batch;
using sluice::testing::encode_record;
using sluice::testing::RecordBatchBuilder;
using sluice::testing::simple_batch;

FetchSpec waiting(Duration wait, std::int32_t max_records = 100) {
  FetchSpec spec = spec_of(max_records);
  spec.wait = wait;
  return spec;
}

TEST(Delivery, AnswersAtOnceWhenThereIsData) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 3));
  const std::uint64_t ticket = world.start(waiting(5s));
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].ticket, ticket);
  EXPECT_EQ(offsets_of(done[0].result), from_to(0, 2));
  EXPECT_EQ(done[0].result.lease_expires_at, world.now + 30s);
  EXPECT_EQ(done[0].result.truncated_by, TruncatedBy::kNothing);
  EXPECT_EQ(done[0].result.used.max_records, 100);
  EXPECT_EQ(world.delivery.waiting(), 0U);
}

TEST(Delivery, WaitsExactlyAsLongAsAsked) {
  World world;
  world.add("t", 0);
  world.outbox.begin_turn();
  (void)world.start(waiting(5s));
  EXPECT_TRUE(world.serve().empty());
  EXPECT_EQ(world.outbox.wake_time(), world.now + 5s);
  world.now += 5s - 1ms;
  EXPECT_TRUE(world.serve().empty());
  world.now += 1ms;
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_FALSE(done[0].result.batch);
  EXPECT_EQ(done[0].result.reason, EmptyReason::kTimeout);
}

TEST(Delivery, AnswersAWaitingFetchWhenDataComes) {
  World world;
  Partition& partition = world.add("t", 0);
  (void)world.start(waiting(5s));
  EXPECT_TRUE(world.serve().empty());
  world.feed(partition, simple_batch(0, 1));
  EXPECT_EQ(world.serve().size(), 1U);
}

TEST(Delivery, ServesWaitingFetchesInTheOrderTheyCame) {
  World world;
  Partition& partition = world.add("t", 0);
  const std::uint64_t first = world.start(waiting(5s));
  const std::uint64_t second = world.start(waiting(5s));
  EXPECT_TRUE(world.serve().empty());
  world.feed(partition, simple_batch(0, 1));
  auto done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].ticket, first);
  world.ack(done[0].result.batch->id);
  world.feed(partition, simple_batch(1, 1));
  done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].ticket, second);
}

TEST(Delivery, WaitsForTheSmallestNumberOfRecords) {
  World world;
  Partition& partition = world.add("t", 0);
  FetchSpec spec = waiting(5s);
  spec.min_records = 3;
  (void)world.start(spec);
  world.feed(partition, simple_batch(0, 2));
  EXPECT_TRUE(world.serve().empty());
  EXPECT_FALSE(partition.ledger->has_leased()) << "nothing is leased while it waits";
  EXPECT_TRUE(partition.wants_more) << "or nobody would ask the broker while two records are here";
  world.feed(partition, simple_batch(2, 1));
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_FALSE(partition.wants_more);
  EXPECT_EQ(offsets_of(done[0].result), from_to(0, 2));
}

TEST(Delivery, WaitsForTheSmallestNumberOfBytesButNotForever) {
  World world;
  Partition& partition = world.add("t", 0);
  FetchSpec spec = waiting(5s);
  spec.min_bytes = 1000;
  (void)world.start(spec);
  world.feed(partition, batch_of(0, 2, 100));
  EXPECT_TRUE(world.serve().empty());
  world.now += 5s;
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(offsets_of(done[0].result), from_to(0, 1)) << "what is there";
}

TEST(Delivery, FillsABatchBeyondTheQuantumOfItsOnlyPartition) {
  World world(64 << 20, {.quantum = 1000});
  world.feed(world.add("t", 0), batch_of(0, 50, 100));
  FetchSpec spec = waiting(5s);
  spec.min_records = 50;
  (void)world.start(spec);
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(offsets_of(done[0].result), from_to(0, 49));
}

TEST(Delivery, HandsARecordWithoutPayloadToWhoeverWantsNoBytes) {
  World world;
  Partition& partition = world.add("t", 0);
  FetchSpec patient = waiting(5s);
  patient.min_bytes = 1;
  (void)world.start(patient);
  const std::uint64_t second = world.start(waiting(5s));
  world.feed(partition, RecordBatchBuilder(0).add(1, std::nullopt, std::nullopt).build());
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].ticket, second);
}

TEST(Delivery, GivesTheSameBatchAgainForTheSameRequestId) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 3));
  FetchSpec spec = spec_of(2);
  spec.request_id = "r";
  const FetchResult first = world.fetch(spec);
  const FetchResult second = world.fetch(spec);
  EXPECT_FALSE(first.repeated);
  EXPECT_TRUE(second.repeated);
  EXPECT_EQ(second.batch, first.batch);
  EXPECT_EQ(second.lease_expires_at, first.lease_expires_at);
  world.ack(first.batch->id);
  EXPECT_EQ(offsets_of(world.fetch(spec)), from_to(2, 2)) << "its lease has ended: a new request";
}

TEST(Delivery, GivesTheSameBatchToARequestThatIsRepeatedWhileTheFirstStillWaits) {
  World world;
  Partition& partition = world.add("t", 0);
  FetchSpec spec = waiting(5s, 2);
  spec.request_id = "r";
  (void)world.start(spec);
  (void)world.start(spec);
  EXPECT_TRUE(world.serve().empty());
  world.feed(partition, simple_batch(0, 4));
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(done[0].result.batch, done[1].result.batch);
  EXPECT_TRUE(done[1].result.repeated);
}

TEST(Delivery, RepeatsTheDeadlineOfAnExtendedLease) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 3));
  FetchSpec spec = spec_of(2);
  spec.request_id = "r";
  const FetchResult first = world.fetch(spec);
  (void)world.leases.extend(first.batch->id, 99s, world.now);
  EXPECT_EQ(world.fetch(spec).lease_expires_at, world.now + 99s);
}

TEST(Delivery, ForgetsACancelledFetch) {
  World world;
  Partition& partition = world.add("t", 0);
  const std::uint64_t ticket = world.start(waiting(5s));
  EXPECT_TRUE(world.delivery.cancel(ticket));
  EXPECT_FALSE(world.delivery.cancel(ticket));
  world.feed(partition, simple_batch(0, 3));
  EXPECT_TRUE(world.serve().empty());
  EXPECT_FALSE(partition.ledger->has_leased());
}

TEST(Delivery, EndsEveryWaitWhenItDrainsAndLeasesNothingMore) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 3));
  world.situation.draining = true;
  (void)world.start(waiting(5s));
  (void)world.start(waiting(5s));
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 2U);
  EXPECT_FALSE(done[0].result.batch);
  EXPECT_EQ(done[0].result.reason, EmptyReason::kDraining);
  EXPECT_EQ(world.stats.polls["draining"], 2U);
}

TEST(Delivery, RepeatsAnOpenBatchWhileItDrains) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 3));
  FetchSpec spec = spec_of(2);
  spec.request_id = "r";
  const FetchResult first = world.fetch(spec);
  world.situation.draining = true;
  EXPECT_EQ(world.fetch(spec).batch, first.batch);
}

TEST(Delivery, TakesOnlyFromTheTopicsAskedFor) {
  World world;
  world.feed(world.add("a", 0), simple_batch(0, 1));
  world.feed(world.add("b", 0), simple_batch(10, 1));
  world.feed(world.add("c", 0), simple_batch(20, 1));
  FetchSpec spec = spec_of(100);
  spec.topics = {"b", "c"};
  EXPECT_EQ(offsets_of(world.fetch(spec)), (std::vector<Offset>{10, 20}));
  EXPECT_FALSE(world.fetch(spec).batch);
  EXPECT_TRUE(world.fetch(spec_of(100)).batch);
}

TEST(Delivery, ServesALaterFetchFromAnotherTopicThanTheOneThatFoundNothing) {
  World world;
  world.add("a", 0);
  Partition& other = world.add("b", 0);
  FetchSpec a = waiting(5s);
  a.topics = {"a"};
  FetchSpec b = waiting(5s);
  b.topics = {"b"};
  FetchSpec both = waiting(5s);
  both.topics = {"a", "b"};
  (void)world.start(a);
  const std::uint64_t first = world.start(both);
  (void)world.start(b);
  world.feed(other, simple_batch(0, 1));
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].ticket, first);
}

TEST(Delivery, OpensOneLeasePerPartitionAtMost) {
  World world;
  Partition& partition = world.add("t", 0);
  world.feed(partition, simple_batch(0, 10));
  const BatchId first = world.fetch(spec_of(4)).batch->id;
  EXPECT_FALSE(world.fetch(spec_of(4)).batch);
  AckSpec some;
  some.fallback = Default::kKeep;
  some.accept = {OffsetSelector{{"t", 0}, {0, 1}}};
  world.ack(first, some);
  EXPECT_FALSE(world.fetch(spec_of(4)).batch) << "2 and 3 are still held";
  world.ack(first);
  EXPECT_EQ(offsets_of(world.fetch(spec_of(4))), from_to(4, 7));
}

TEST(Delivery, OpensNoSecondLeaseOnAPartitionOfWhichSomeIsReleased) {
  World world;
  Partition& partition = world.add("t", 0);
  world.feed(partition, simple_batch(0, 10));
  const BatchId first = world.fetch(spec_of(4)).batch->id;
  AckSpec some;
  some.fallback = Default::kKeep;
  some.release = {{OffsetSelector{{"t", 0}, {0, 1}}, Duration{}}};
  world.ack(first, some);
  const FetchResult none = world.fetch(spec_of(4));
  EXPECT_FALSE(none.batch) << "0 and 1 are free, but 2 and 3 are still being worked on";
  EXPECT_EQ(none.reason, EmptyReason::kWindowFull);
  some.release.clear();
  some.accept = {OffsetSelector{{"t", 0}, {2, 3}}};
  world.ack(first, some);
  EXPECT_EQ(offsets_of(world.fetch(spec_of(4))), (std::vector<Offset>{0, 1, 4, 5})) << "in order";
}

TEST(Delivery, LeasesDifferentPartitionsToDifferentApplications) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 5));
  world.feed(world.add("t", 1), simple_batch(0, 5));
  const FetchResult first = world.fetch(spec_of(5));
  const FetchResult second = world.fetch(spec_of(5));
  ASSERT_TRUE(first.batch && second.batch);
  EXPECT_NE(first.batch->slices[0].partition, second.batch->slices[0].partition);
  EXPECT_EQ(world.leases.open_count(), 2U);
}

TEST(Delivery, FillsOneBatchFromSeveralPartitions) {
  World world;
  for (int p = 0; p < 3; ++p) world.feed(world.add("t", p), simple_batch(0, 2));
  const FetchResult result = world.fetch(spec_of(5));
  EXPECT_EQ(result.batch->records, 5U);
  EXPECT_EQ(result.batch->slices.size(), 3U);
  EXPECT_EQ(result.truncated_by, TruncatedBy::kMaxRecords);
}

TEST(Delivery, PassesOverPartitionsThatArePausedRevokedOrNotReady) {
  World world;
  for (int p = 0; p < 3; ++p) world.feed(world.add("t", p), simple_batch(p * 10, 1));
  world.partitions.at({"t", 0}).paused = true;
  world.partitions.at({"t", 1}).revoking = true;
  EXPECT_EQ(offsets_of(world.fetch(spec_of(5))), from_to(20, 20));
}

TEST(Delivery, SaysWhatTruncatedTheBatch) {
  World world;
  Partition& partition = world.add("t", 0);
  const auto result_of = [&](FetchSpec spec) {
    FetchResult result = world.fetch(std::move(spec));
    world.undo(result.batch->id);
    return result.truncated_by;
  };
  world.feed(partition, batch_of(0, 10, 100));
  EXPECT_EQ(result_of(spec_of(3)), TruncatedBy::kMaxRecords);
  EXPECT_EQ(result_of(spec_of(100, 350)), TruncatedBy::kMaxBytes);
  EXPECT_EQ(result_of(spec_of(100, 1000)), TruncatedBy::kNothing);
  const Charge others = world.budget.take(world.budget.available() - 500);
  EXPECT_EQ(result_of(spec_of(100)), TruncatedBy::kBudget);
  EXPECT_EQ(result_of(spec_of(100, 100)), TruncatedBy::kMaxBytes);
}

TEST(Delivery, SaysThatTheBudgetTruncatedTheBatchWhenTheNextRecordsCannotBeDecompressed) {
  World world(20'000);
  world.feed(world.add("t", 0), simple_batch(0, 2));
  world.feed(world.add("t", 1), batch_of(0, 50, 1000, Codec::kZstd));
  world.feed(world.add("t", 2), batch_of(0, 50, 1000, Codec::kZstd));
  FetchSpec spec = waiting(5s, 1000);
  spec.min_records = 500;
  (void)world.start(spec);
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 1U) << "waiting for more would not help";
  EXPECT_EQ(done[0].result.truncated_by, TruncatedBy::kBudget);
}

TEST(Delivery, OverdrawsTheBudgetByOneDecompressedBatchHoweverManyPartitionsThereAre) {
  constexpr std::int64_t kBatch = 100 * 1000;
  World world(20'000);
  for (int p = 0; p < 20; ++p) world.feed(world.add("t", p), batch_of(0, 100, 1000, Codec::kZstd));
  std::int64_t records = 0;
  for (int i = 0; i < 20'000 && records < 2000; ++i) {
    const FetchResult result = world.fetch(spec_of(1000));
    ASSERT_TRUE(result.batch) << i;
    records += result.batch->records;
    ASSERT_LT(world.budget.used(), world.budget.limit() + 2 * kBatch);
    world.ack(result.batch->id);
  }
  EXPECT_EQ(records, 2000) << "and everything gets through";
  EXPECT_EQ(world.budget.used(), 0);
}

TEST(Delivery, OverdrawsTheBudgetOnceHoweverManyBatchesAreWorkedOn) {
  constexpr std::int64_t kBatch = 100 * 1000;
  World world(20'000);
  for (int p = 0; p < 20; ++p) world.feed(world.add("t", p), batch_of(0, 100, 1000, Codec::kZstd));
  const FetchResult first = world.fetch(spec_of(1000));
  ASSERT_TRUE(first.batch);
  for (int i = 0; i < 20; ++i) {
    const FetchResult next = world.fetch(spec_of(1000));
    EXPECT_FALSE(next.batch);
    EXPECT_EQ(next.reason, EmptyReason::kWindowFull);
  }
  EXPECT_LT(world.budget.used(), world.budget.limit() + 2 * kBatch);
}

TEST(Delivery, SaysWhyItIsEmpty) {
  World world;
  world.situation.joined = false;
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kJoining);
  world.situation.joined = true;
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kNoPartitions);
  Partition& partition = world.add("t", 0);
  partition.phase = PartitionPhase::kCommittedOffset;
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kJoining);
  partition.phase = PartitionPhase::kFetching;
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kTimeout);
  partition.paused = true;
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kPaused);
  partition.paused = false;
  partition.revoking = true;
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kJoining) << "a rebalance goes on";
  partition.revoking = false;
  world.feed(partition, simple_batch(0, 2));
  const BatchId id = world.fetch(spec_of(2)).batch->id;
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kWindowFull);
  (void)world.release(id, 5s);
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kBackOff);
  world.situation.draining = true;
  EXPECT_EQ(world.fetch(spec_of(1)).reason, EmptyReason::kDraining);
}

TEST(Delivery, GivesTheSameReasonToEveryFetchThatIsDueTogether) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 2));
  (void)world.fetch(spec_of(2));
  (void)world.start(waiting(5s));
  (void)world.start(waiting(5s));
  EXPECT_TRUE(world.serve().empty());
  world.now += 5s;
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(done[0].result.reason, EmptyReason::kWindowFull);
  EXPECT_EQ(done[1].result.reason, EmptyReason::kWindowFull);
}

TEST(Delivery, WakesUpWhenADelayHasPassed) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 2));
  (void)world.release(world.fetch(spec_of(2)).batch->id, 2s);
  (void)world.start(waiting(5s));
  world.outbox.begin_turn();
  EXPECT_TRUE(world.serve().empty());
  EXPECT_EQ(world.outbox.wake_time(), world.now + 2s);
}

TEST(Delivery, CountsWhatIsLeftBehindABatch) {
  World world;
  Partition& partition = world.add("t", 0);
  world.feed(partition, simple_batch(0, 5));
  partition.end = 100;
  const FetchResult result = world.fetch(spec_of(3));
  EXPECT_EQ(result.backlog, 97);
  (void)world.release(result.batch->id, 60s);
  EXPECT_EQ(world.fetch(spec_of(3)).backlog, 100) << "what was given back waits as well";
}

TEST(Delivery, SettlesAtOnceInModeAutoAndFreesTheMemory) {
  World world;
  Partition& partition = world.add("t", 0);
  FetchSpec spec = spec_of(5);
  spec.settle_at_once = true;
  for (Offset base = 0; base < 50; base += 5) {
    world.feed(partition, simple_batch(base, 5, 7));
    EXPECT_EQ(offsets_of(world.fetch(spec)), from_to(base, base + 4));
    EXPECT_EQ(partition.ledger->watermark(), base + 5);
    EXPECT_TRUE(partition.buffer.empty());
    EXPECT_EQ(world.budget.used(), 0);
  }
  EXPECT_EQ(partition.watermark_epoch, 7);
  EXPECT_EQ(world.leases.open_count(), 0U);
}

TEST(Delivery, ServesSeveralAutoFetchesInOneTurnFromOnePartition) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 10));
  FetchSpec spec = waiting(5s, 5);
  spec.settle_at_once = true;
  (void)world.start(spec);
  (void)world.start(spec);
  const auto done = world.serve();
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(offsets_of(done[1].result), from_to(5, 9));
}

TEST(Delivery, PassesOverControlBatchesAtTheEndSoThatLagReachesZero) {
  World world;
  Partition& partition = world.add("t", 0);
  world.feed(partition, simple_batch(0, 1));
  world.ack(world.fetch(spec_of(5)).batch->id);
  world.feed(partition, control_batch(1, protocol::ControlType::kCommit, 7, 9));
  EXPECT_FALSE(world.fetch(spec_of(5)).batch);
  EXPECT_EQ(partition.ledger->watermark(), 2);
  EXPECT_EQ(partition.watermark_epoch, 9);
  EXPECT_TRUE(partition.buffer.empty());
  EXPECT_EQ(world.budget.used(), 0);
}

TEST(Delivery, FetchesAgainWithBackOffWhatCannotBeRead) {
  World world;
  Partition& partition = world.add("t", 0);
  const std::string bad = RecordBatchBuilder(3).add(1, "a", "1").wrong_crc().build();
  world.feed(partition, simple_batch(0, 3) + bad);
  const FetchResult good = world.fetch(spec_of(100));
  EXPECT_EQ(offsets_of(good), from_to(0, 2)) << "what comes before it is good";
  EXPECT_EQ(partition.phase, PartitionPhase::kFetching) << "another copy may be better";
  EXPECT_EQ(partition.fetch_position, 3);
  EXPECT_GT(partition.retry_at, world.now);
  ASSERT_TRUE(partition.broken);
  EXPECT_NE(partition.broken->find("offset 3"), std::string::npos) << *partition.broken;
  world.ack(good.batch->id);
  const Duration first = partition.retry_at - world.now;
  world.now = partition.retry_at;
  world.feed(partition, bad);
  EXPECT_FALSE(world.fetch(spec_of(100)).batch);
  EXPECT_GT(partition.retry_at - world.now, first) << "slower each time";
  EXPECT_EQ(partition.ledger->watermark(), 3) << "never skipped";
  world.feed(partition, simple_batch(3, 1));
  EXPECT_EQ(offsets_of(world.fetch(spec_of(100))), from_to(3, 3));
  EXPECT_FALSE(partition.broken);
  EXPECT_EQ(world.stats.topics["t"].corrupt_batches, 2U);
}

TEST(Delivery, LetsTheApplicationDecideAboutWhatCannotBeRead) {
  World world;
  Partition& partition = world.add("t", 0);
  world.feed(partition, RecordBatchBuilder(0)
                            .add(1, "a", "1")
                            .add(1, "b", "2")
                            .add_raw(std::string("\x04\x00\x7f", 3))
                            .build());
  const FetchResult result = world.fetch(spec_of(100));
  EXPECT_EQ(result.batch->records, 3U);
  EXPECT_EQ(result.batch->slices[0].segments.back().chunk->kind, ChunkKind::kUndecodable);
  (void)world.release(result.batch->id);
  EXPECT_EQ(partition.ledger->watermark(), 0);
  world.ack(world.fetch(spec_of(100)).batch->id);
  EXPECT_EQ(partition.ledger->watermark(), 3);
}

TEST(Delivery, KeepsEveryoneElseGoingWhenOnePartitionIsStuck) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 3));
  Partition& other = world.add("t", 1);
  (void)world.fetch(spec_of(100));
  for (Offset base = 0; base < 10; ++base) {
    world.feed(other, simple_batch(base, 1));
    world.ack(world.fetch(spec_of(100)).batch->id);
  }
  EXPECT_EQ(other.ledger->watermark(), 10);
}

TEST(Delivery, CountsFirstAndRepeatedDeliveries) {
  World world;
  world.feed(world.add("t", 0), simple_batch(0, 3));
  (void)world.release(world.fetch(spec_of(2)).batch->id);
  (void)world.fetch(spec_of(3));
  EXPECT_EQ(world.stats.topics["t"].delivered_first, 3U);
  EXPECT_EQ(world.stats.topics["t"].delivered_again, 2U);
  EXPECT_EQ(world.stats.batch_records.count(), 2U);
}

TEST(Delivery, SurvivesPartitionsThatComeAndGo) {
  World world;
  for (int p = 0; p < 4; ++p) world.feed(world.add("t", p), simple_batch(0, 4));
  for (int p = 3; p >= 0; --p) {
    (void)world.fetch(spec_of(2));
    world.lose("t", p);
    world.expire();
  }
  EXPECT_EQ(world.fetch(spec_of(2)).reason, EmptyReason::kNoPartitions);
  EXPECT_EQ(world.budget.used(), 0);
}

}  // namespace
}  // namespace sluice::core
