#include "daemon/core/fetch/partition.hpp"

#include "tests/unit/core/delivery/delivery_world.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice::core {
namespace {

using sluice::testing::RecordBatchBuilder;
using sluice::testing::simple_batch;
using State = PartitionLedger::State;

/// What the next owner of a partition knows when `before` has committed.
CommitMetadata handed_over(const Partition& before) {
  const Offset committed = before.ledger->watermark();
  const EncodedMetadata text = encode_metadata(before.commit_metadata(), committed, 4096);
  EXPECT_TRUE(text.complete);
  const ParsedMetadata parsed = parse_metadata(text.text, committed);
  EXPECT_NE(parsed.kind, MetadataKind::kUnreadable) << parsed.problem;
  return parsed.data;
}

TEST(Partition, HandsOutOnlyTheHolesThatAnEarlierOwnerLeft) {
  for (const OrderMode mode : {OrderMode::kPartition, OrderMode::kKey, OrderMode::kNone}) {
    World first;
    Partition& before = first.add("t", 0);
    first.feed(before, simple_batch(0, 10) + simple_batch(10, 10));
    const BatchId id = first.fetch(spec_of(20)).batch->id;
    AckSpec some;
    some.fallback = Default::kKeep;
    some.accept = {IndexSelector{0, 2}, IndexSelector{4, 8}, IndexSelector{10, 18}};
    first.ack(id, some);

    World second;
    Partition& after = second.add("t", 0);
    after.order = mode;
    after.start_at(before.ledger->watermark(), handed_over(before));
    EXPECT_EQ(after.ledger->watermark(), 3);
    EXPECT_EQ(after.ledger->position(), 19);
    second.feed(after, simple_batch(0, 10) + simple_batch(10, 10) + simple_batch(20, 2));
    FetchResult holes = second.fetch(spec_of(100));
    EXPECT_EQ(offsets_of(holes), (std::vector<Offset>{3, 9, 19, 20, 21}));
    EXPECT_EQ(holes.batch->slices[0].segments[0].delivery, 1U) << "a lease that was open has not failed";
    second.ack(holes.batch->id);
    EXPECT_EQ(after.ledger->watermark(), 22);
    holes = {};
    EXPECT_EQ(second.budget.used(), 0);
  }
}

TEST(Partition, GoesOnCountingFailedDeliveriesOfAnEarlierOwner) {
  World first;
  Partition& before = first.add("t", 0);
  first.feed(before, simple_batch(0, 3));
  for (int i = 0; i < 2; ++i) (void)first.release(first.fetch(spec_of(3)).batch->id);
  World second;
  Partition& after = second.add("t", 0);
  after.start_at(0, handed_over(before));
  second.feed(after, simple_batch(0, 3));
  const FetchResult again = second.fetch(spec_of(3));
  EXPECT_EQ(again.batch->slices[0].segments[0].delivery, 3U);
  EXPECT_EQ(again.batch->records, 1U) << "what failed before comes alone";
}

TEST(Partition, CondemnsWhatAnEarlierOwnerTriedAsOftenAsAllowed) {
  CommitMetadata known;
  known.failed = {{{4, 4}, 5}, {{6, 7}, 2}};
  World world;
  Partition& partition = world.add("t", 0);
  partition.start_at(3, known);
  Redelivery redelivery;
  redelivery.max_deliveries = 5;
  EXPECT_EQ(partition.condemn_exhausted(redelivery), 1);
  ASSERT_EQ(partition.condemned.size(), 1U);
  EXPECT_EQ(partition.condemned[0].range, (OffsetRange{4, 4}));
  EXPECT_EQ(partition.condemned[0].deliveries, 5U);
  EXPECT_EQ(partition.condemned[0].cause, "max_deliveries");
}

TEST(Partition, SettlesHolesOfAnEarlierOwnerThatHaveNoRecordAnyMore) {
  for (const OrderMode mode : {OrderMode::kPartition, OrderMode::kKey, OrderMode::kNone}) {
    CommitMetadata known;
    known.settled = {{12, 14}, {16, 16}};  // open: 10, 11, 15
    World world;
    Partition& partition = world.add("t", 0);
    partition.order = mode;
    partition.start_at(10, known);
    EXPECT_TRUE(partition.inherits());
    // Compaction has taken 10 and 15 since.
    world.feed(partition, RecordBatchBuilder(8).add(0, "a", "").gap(2).add(0, "b", "").build() +
                              RecordBatchBuilder(16).add(0, "c", "").add(0, "d", "").build());
    EXPECT_EQ(offsets_of(world.fetch(spec_of(9))), (std::vector<Offset>{11, 17}));
    EXPECT_FALSE(partition.inherits());
    EXPECT_EQ(partition.ledger->watermark(), 11);
    EXPECT_EQ(partition.ledger->returned(), 0);
    world.check();
  }
}

TEST(Partition, SettlesHolesOfAnEarlierOwnerThatRetentionHasTaken) {
  CommitMetadata known;
  known.settled = {{12, 14}};
  World world;
  Partition& partition = world.add("t", 0);
  partition.start_at(10, known);
  EXPECT_EQ(partition.lose_below(20), 2 + 5) << "10, 11, and what nobody has ever seen";
  EXPECT_EQ(partition.ledger->watermark(), 20);
  EXPECT_FALSE(partition.inherits());
}

TEST(Partition, SettlesWhatWasCondemnedAndIsGoneBeforeAnybodyCouldReadIt) {
  CommitMetadata known;
  known.failed = {{{10, 11}, 5}};
  World world;
  Partition& partition = world.add("t", 0);
  partition.start_at(10, known);
  Redelivery redelivery;
  redelivery.max_deliveries = 5;
  EXPECT_EQ(partition.condemn_exhausted(redelivery), 2);
  EXPECT_EQ(partition.lose_below(11), 1);
  EXPECT_EQ(partition.ledger->watermark(), 11);
  EXPECT_EQ(partition.ledger->condemned(), 1) << "the other one is still there to be read";
}

TEST(Partition, DoesNotWaitForRecordsThatRetentionTookWhileItsDataWasDropped) {
  World world;
  Partition& partition = world.add("t", 0);
  partition.order = OrderMode::kNone;
  world.feed(partition, simple_batch(0, 10));
  const BatchId first = world.fetch(spec_of(4)).batch->id;
  world.ack(world.fetch(spec_of(100)).batch->id);
  (void)world.release(first);  // 0 to 3 wait, 4 to 9 are settled
  partition.forget_data();
  EXPECT_EQ(partition.fetch_position, 0);
  EXPECT_EQ(partition.lose_below(2), 2);
  EXPECT_EQ(partition.ledger->watermark(), 2);
  world.feed(partition, simple_batch(0, 12));
  EXPECT_EQ(offsets_of(world.fetch(spec_of(100))), (std::vector<Offset>{2, 3, 10, 11}));
}

TEST(Partition, KeepsTheOrderOfAKeyAcrossOwners) {
  CommitMetadata known;
  known.settled = {{1, 1}};  // open: 0, and 2 on
  World world;
  Partition& partition = world.add("t", 0);
  partition.order = OrderMode::kKey;
  partition.start_at(0, known);
  world.feed(partition, RecordBatchBuilder(0).add(0, "a", "").add(0, "b", "").add(0, "a", "").build());
  const FetchResult first = world.fetch(spec_of(9));
  EXPECT_EQ(offsets_of(first), (std::vector<Offset>{0})) << "2 has the key of 0";
  world.ack(first.batch->id);
  EXPECT_EQ(offsets_of(world.fetch(spec_of(9))), (std::vector<Offset>{2}));
}

TEST(Partition, NotesWhatIsCondemnedOnceWithItsReason) {
  World world;
  Partition& partition = world.add("t", 0);
  world.feed(partition, simple_batch(0, 4));
  const FetchResult result = world.fetch(spec_of(4));
  AckSpec spec;
  spec.fallback = Default::kKeep;
  spec.reject = {{IndexSelector{1, 2}, "no such customer"}};
  const AckResult once = world.ack(result.batch->id, spec);
  EXPECT_EQ(once.rejected, 2U);
  EXPECT_EQ(once.kept, 2U);
  const AckResult twice = world.ack(result.batch->id, spec);
  EXPECT_EQ(twice.rejected, 0U);
  ASSERT_EQ(twice.refused.size(), 1U);
  EXPECT_EQ(twice.refused[0].reason, Refusal::kAlreadySettled);
  ASSERT_EQ(partition.condemned.size(), 1U);
  EXPECT_EQ(partition.condemned[0].range, (OffsetRange{1, 2}));
  EXPECT_EQ(partition.condemned[0].reason, "no such customer");
  spec.reject.clear();
  spec.accept = {IndexSelector{0, 3}};
  EXPECT_EQ(world.ack(result.batch->id, spec).accepted, 2U);
  EXPECT_EQ(partition.ledger->watermark(), 1) << "not before the dead letter topic has them";
  EXPECT_EQ(partition.settle_condemned({1, 1}), 1);
  EXPECT_EQ(partition.settle_condemned({2, 2}), 1);
  EXPECT_EQ(partition.ledger->watermark(), 4);
}

TEST(Partition, TakesALateAckOfARecordThatHadItsLastDelivery) {
  World world;
  Redelivery once;
  once.max_deliveries = 1;
  world.leases = LeaseTable(1, once);
  Partition& partition = world.add("t", 0);
  world.feed(partition, simple_batch(0, 3));
  const FetchResult alone = world.fetch(spec_of(9));
  EXPECT_EQ(alone.batch->records, 1U) << "alone on its last delivery";
  EXPECT_TRUE(alone.batch->slices[0].segments[0].is_final);
  world.now += std::chrono::hours(1);
  world.expire();
  EXPECT_EQ(partition.ledger->condemned(), 1);
  ASSERT_EQ(partition.condemned.size(), 1U);
  EXPECT_EQ(world.ack(alone.batch->id).accepted, 1U);
  EXPECT_EQ(partition.ledger->watermark(), 1);
  ASSERT_EQ(partition.withdrawn.size(), 1U);
  EXPECT_EQ(partition.withdrawn[0], (OffsetRange{0, 0}));
}

TEST(Partition, TellsNothingOfADeliveryThatIsNotOver) {
  World world;
  Partition& partition = world.add("t", 0);
  world.feed(partition, simple_batch(0, 3));
  const FetchResult result = world.fetch(spec_of(3));
  EXPECT_TRUE(partition.commit_metadata().empty());
  (void)world.release(result.batch->id);
  const CommitMetadata told = partition.commit_metadata();
  ASSERT_EQ(told.failed.size(), 1U);
  EXPECT_EQ(told.failed[0].range, (OffsetRange{0, 2}));
  EXPECT_EQ(told.failed[0].deliveries, 1U);
}

TEST(Partition, ForgetsWhatIsSaidOfRecordsBehindTheEndOfTheLog) {
  CommitMetadata known;
  known.settled = {{12, 14}, {16, 30}};
  known.failed = {{{15, 15}, 2}};
  World world;
  Partition& partition = world.add("t", 0);
  partition.start_at(10, known);
  EXPECT_FALSE(partition.forget_beyond(31)) << "all of it is there";
  EXPECT_TRUE(partition.forget_beyond(13)) << "the rest was lost with its leader";
  EXPECT_EQ(partition.ledger->position(), 13);
  world.feed(partition, simple_batch(10, 10));
  EXPECT_EQ(offsets_of(world.fetch(spec_of(99))), (std::vector<Offset>{10, 11, 13, 14, 15, 16, 17, 18, 19}));
}

}  // namespace
}  // namespace sluice::core
