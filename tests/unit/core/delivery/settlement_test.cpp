#include "daemon/core/delivery/settlement.hpp"

#include "tests/unit/core/delivery/delivery_world.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::core {
namespace {

using std::chrono_literals::operator""s;
using sluice::testing::RecordBatchBuilder;
using sluice::testing::simple_batch;

const TopicPartition kFirst{"t", 0};
const TopicPartition kSecond{"t", 1};

/// A batch with offsets 10 to 14 of t-0 and 20 to 22 of t-1.
struct TwoPartitions : World {
  TwoPartitions() {
    feed(first, simple_batch(10, 5));
    feed(second, simple_batch(20, 3));
    id = fetch(spec_of(100)).batch->id;
  }
  void expire_now() {
    now += 30s;
    expire();
  }

  Partition& first = add("t", 0, 10);
  Partition& second = add("t", 1, 20);
  BatchId id;
};

AckSpec keep(std::vector<Selector> accept, std::vector<Selector> release = {}) {
  AckSpec spec;
  spec.fallback = Default::kKeep;
  spec.accept = std::move(accept);
  for (Selector& each : release) spec.release.push_back({std::move(each), Duration{}});
  return spec;
}

std::string text(const AckResult& result) {
  std::string out;
  for (const RefusedRecords& each : result.refused) {
    out += to_string(each.partition) + " " + std::to_string(each.range.first) + ".." +
           std::to_string(each.range.last) + " " + std::string(to_string(each.reason)) + "; ";
  }
  return out;
}

TEST(Settlement, AcceptsEverythingWhenNothingIsSaid) {
  TwoPartitions world;
  const AckResult result = world.ack(world.id);
  EXPECT_EQ(result.accepted, 8U);
  EXPECT_EQ(result.kept, 0U);
  EXPECT_TRUE(result.refused.empty());
  ASSERT_EQ(result.offsets.size(), 2U);
  EXPECT_EQ(result.offsets[0].acked_through, 14);
  EXPECT_EQ(result.offsets[1].acked_through, 22);
  EXPECT_FALSE(result.offsets[0].committed);
}

TEST(Settlement, AcceptsWhatIsNamedAndKeepsTheRest) {
  TwoPartitions world;
  const AckResult result =
      world.ack(world.id, keep({OffsetSelector{kFirst, {10, 11}}, OffsetSelector{kSecond, {22, 22}}}));
  EXPECT_EQ(result.accepted, 3U);
  EXPECT_EQ(result.kept, 5U);
  EXPECT_EQ(result.offsets[0].acked_through, 11);
  EXPECT_EQ(result.offsets[1].acked_through, 19) << "one below the first unsettled record";
  EXPECT_EQ(world.leases.open_count(), 1U);
}

TEST(Settlement, AcceptsWhatIsNotNamedWhenTheCallerSaysSo) {
  TwoPartitions world;
  AckSpec spec = keep({}, {OffsetSelector{kFirst, {12, 12}}});
  spec.fallback = Default::kAccept;
  const AckResult result = world.ack(world.id, spec);
  EXPECT_EQ(result.accepted, 7U);
  EXPECT_EQ(result.released, 1U);
  EXPECT_TRUE(result.refused.empty()) << text(result);
  EXPECT_EQ(world.leases.open_count(), 0U);
  EXPECT_EQ(offsets_of(world.fetch(spec_of(100))), from_to(12, 12));
}

TEST(Settlement, AcceptsThroughAnOffsetInclusively) {
  TwoPartitions world;
  EXPECT_EQ(world.ack(world.id, keep({ThroughSelector{kFirst, 12}})).accepted, 3U);
  EXPECT_EQ(world.first.ledger->watermark(), 13);
}

TEST(Settlement, TakesThroughBelowTheBatchForNothing) {
  TwoPartitions world;
  const AckResult result =
      world.ack(world.id, keep({ThroughSelector{kFirst, 9}, ThroughSelector{kFirst, -1}}));
  EXPECT_EQ(result.accepted, 0U);
  EXPECT_TRUE(result.refused.empty()) << text(result);
  EXPECT_FALSE(result.lease_gone);
}

TEST(Settlement, NamesWhatThroughReachesBeyondTheBatch) {
  TwoPartitions world;
  const AckResult result = world.ack(world.id, keep({ThroughSelector{kFirst, 99}}));
  EXPECT_EQ(result.accepted, 5U);
  EXPECT_EQ(text(result), "t-0 15..99 not_in_batch; ");
}

TEST(Settlement, SettlesByIndexAcrossPartitions) {
  TwoPartitions world;
  const AckResult result = world.ack(world.id, keep({IndexSelector{3, 5}}));
  EXPECT_EQ(result.accepted, 3U);
  EXPECT_EQ(world.first.ledger->leased(), 3);
  EXPECT_EQ(world.second.ledger->watermark(), 21);
}

TEST(Settlement, NamesIndexesThatTheBatchDoesNotHave) {
  TwoPartitions world;
  const AckResult result = world.ack(world.id, keep({IndexSelector{7, 4'000'000'000U}}));
  EXPECT_EQ(result.accepted, 1U);
  EXPECT_EQ(text(result), "-0 8..4000000000 not_in_batch; ");
  EXPECT_TRUE(world.ack(world.id, keep({IndexSelector{9, 2}})).refused.empty())
      << "an empty range is nothing";
}

TEST(Settlement, ReleasesWhatIsNamedAfterTheDelay) {
  TwoPartitions world;
  AckSpec spec = keep({}, {OffsetSelector{kFirst, {10, 14}}});
  spec.release[0].delay = 5s;
  const AckResult result = world.ack(world.id, spec);
  EXPECT_EQ(result.released, 5U);
  EXPECT_EQ(result.kept, 3U);
  EXPECT_FALSE(world.fetch(spec_of(100)).batch);
  world.now += 5s;
  EXPECT_EQ(offsets_of(world.fetch(spec_of(100))), from_to(10, 14));
}

TEST(Settlement, NamesWhatIsNotInTheBatch) {
  TwoPartitions world;
  const AckResult result =
      world.ack(world.id, keep({OffsetSelector{kFirst, {8, 11}}, OffsetSelector{kFirst, {14, 16}},
                                OffsetSelector{{"t", 7}, {0, 1}}, OffsetSelector{{"x", 0}, {0, 0}}}));
  EXPECT_EQ(result.accepted, 3U);
  EXPECT_EQ(text(result),
            "t-0 8..9 not_in_batch; t-0 15..16 not_in_batch; t-7 0..1 not_in_batch; x-0 0..0 not_in_batch; ");
  EXPECT_FALSE(result.lease_gone);
}

TEST(Settlement, NamesTheHolesOfACompactedBatch) {
  World world;
  Partition& partition = world.add("t", 0);
  world.feed(partition, RecordBatchBuilder(0).add(1, "a", "").gap(3).add(1, "b", "").add(1, "c", "").build());
  const BatchId id = world.fetch(spec_of(10)).batch->id;
  const AckResult result = world.ack(id, keep({OffsetSelector{kFirst, {0, 4}}}));
  EXPECT_EQ(result.accepted, 2U);
  EXPECT_EQ(text(result), "t-0 1..3 not_in_batch; ");
  const AckResult through = world.ack(id, keep({ThroughSelector{kFirst, 5}}));
  EXPECT_EQ(through.accepted, 1U);
  EXPECT_EQ(text(through), "t-0 0..0 already_settled; t-0 4..4 already_settled; ") << "it reaches over holes";
}

TEST(Settlement, IsHarmlessTwice) {
  TwoPartitions world;
  world.ack(world.id);
  const AckResult again = world.ack(world.id);
  EXPECT_TRUE(again.found);
  EXPECT_FALSE(again.lease_gone);
  EXPECT_EQ(again.accepted, 0U);
  EXPECT_EQ(text(again), "t-0 10..14 already_settled; t-1 20..22 already_settled; ");
}

TEST(Settlement, MergesRefusedRecordsIntoRanges) {
  TwoPartitions world;
  world.ack(world.id, keep({OffsetSelector{kFirst, {10, 13}}}));
  const AckResult result =
      world.ack(world.id, keep({OffsetSelector{kFirst, {12, 12}}, OffsetSelector{kFirst, {10, 10}},
                                OffsetSelector{kFirst, {11, 11}}, OffsetSelector{kFirst, {10, 12}}}));
  EXPECT_EQ(text(result), "t-0 10..12 already_settled; ");
}

TEST(Settlement, AppliesOverlappingSelectorsOnce) {
  TwoPartitions world;
  const AckResult result =
      world.ack(world.id, keep({OffsetSelector{kFirst, {10, 13}}, OffsetSelector{kFirst, {12, 14}}}));
  EXPECT_EQ(result.accepted, 5U);
  EXPECT_EQ(text(result), "t-0 12..13 already_settled; ");
}

TEST(Settlement, AcceptsBeforeItReleases) {
  TwoPartitions world;
  const AckResult result =
      world.ack(world.id, keep({OffsetSelector{kFirst, {10, 12}}}, {OffsetSelector{kFirst, {12, 13}}}));
  EXPECT_EQ(result.accepted, 3U);
  EXPECT_EQ(result.released, 1U);
  EXPECT_EQ(text(result), "t-0 12..12 already_settled; ");
}

TEST(Settlement, AcceptsLateWhatNobodyElseGot) {
  TwoPartitions world;
  world.expire_now();
  const AckResult result = world.ack(world.id);
  EXPECT_EQ(result.accepted, 8U);
  EXPECT_FALSE(result.lease_gone);
  EXPECT_EQ(world.first.ledger->watermark(), 15);
}

TEST(Settlement, RefusesLateWhatWasHandedOutAgain) {
  TwoPartitions world;
  world.expire_now();
  const BatchId other = world.fetch(spec_of(3)).batch->id;
  const AckResult result = world.ack(world.id);
  EXPECT_EQ(result.accepted, 5U);
  EXPECT_EQ(text(result), "t-0 10..12 lease_expired; ");
  EXPECT_FALSE(result.lease_gone) << "something could be applied";
  EXPECT_EQ(world.ack(other).accepted, 3U);
}

TEST(Settlement, SaysThatTheLeaseIsGoneWhenAllWasHandedOutAgain) {
  TwoPartitions world;
  world.expire_now();
  (void)world.fetch(spec_of(100));
  const AckResult result = world.ack(world.id);
  EXPECT_TRUE(result.lease_gone);
  EXPECT_EQ(text(result), "t-0 10..14 lease_expired; t-1 20..22 lease_expired; ");
  EXPECT_EQ(world.first.ledger->watermark(), 10);
}

TEST(Settlement, RefusesALateRelease) {
  TwoPartitions world;
  world.expire_now();
  const AckResult result = world.ack(world.id, keep({}, {OffsetSelector{kFirst, {10, 10}}}));
  EXPECT_EQ(result.released, 0U);
  EXPECT_EQ(text(result), "t-0 10..10 lease_expired; ");
}

TEST(Settlement, DoesNotAcceptLateWhatTheSameCallWantsReleased) {
  TwoPartitions world;
  world.expire_now();
  AckSpec spec = keep({}, {OffsetSelector{kFirst, {10, 10}}});
  spec.fallback = Default::kAccept;
  const AckResult result = world.ack(world.id, spec);
  EXPECT_EQ(result.accepted, 7U);
  EXPECT_EQ(text(result), "t-0 10..10 lease_expired; ");
  EXPECT_EQ(world.first.ledger->watermark(), 10);
}

TEST(Settlement, TellsWhatTheFallbackCouldNotAcceptBecauseTheLeaseIsGone) {
  TwoPartitions world;
  world.expire_now();
  (void)world.fetch(spec_of(100));
  AckSpec spec = keep({}, {OffsetSelector{kFirst, {10, 10}}});
  spec.fallback = Default::kAccept;
  const AckResult result = world.ack(world.id, spec);
  EXPECT_EQ(text(result), "t-0 10..14 lease_expired; t-1 20..22 lease_expired; ");
  EXPECT_TRUE(result.lease_gone);
}

TEST(Settlement, IsSilentAboutWhatWasSettledBeforeWhenOnlySomeAreNamed) {
  TwoPartitions world;
  world.ack(world.id, keep({OffsetSelector{kFirst, {10, 11}}}, {OffsetSelector{kFirst, {12, 12}}}));
  AckSpec rest = keep({OffsetSelector{kFirst, {13, 13}}});
  rest.fallback = Default::kAccept;
  const AckResult result = world.ack(world.id, rest);
  EXPECT_TRUE(result.refused.empty()) << text(result);
  EXPECT_EQ(result.accepted, 5U) << "12 stays released";
  EXPECT_EQ(world.first.ledger->watermark(), 12);
}

TEST(Settlement, NamesWhatWasLostWithItsPartitionAndAppliesTheRest) {
  TwoPartitions world;
  world.lose("t", 0);
  const AckResult result = world.ack(world.id);
  EXPECT_EQ(result.accepted, 3U);
  EXPECT_EQ(text(result), "t-0 10..14 lease_lost; ");
  EXPECT_FALSE(result.lease_gone);
  EXPECT_EQ(result.offsets.size(), 1U) << "no progress of a partition that is not ours";
}

TEST(Settlement, NamesWhatWasLostAlsoWhenItWasNotNamed) {
  TwoPartitions world;
  world.lose("t", 0);
  AckSpec spec = keep({OffsetSelector{kSecond, {20, 20}}});
  spec.fallback = Default::kAccept;
  EXPECT_EQ(text(world.ack(world.id, spec)), "t-0 10..14 lease_lost; ");
}

TEST(Settlement, SaysThatTheLeaseIsGoneWhenAllPartitionsAreLost) {
  TwoPartitions world;
  world.lose("t", 0);
  world.lose("t", 1);
  const AckResult result = world.ack(world.id);
  EXPECT_TRUE(result.found);
  EXPECT_TRUE(result.lease_gone);
  EXPECT_EQ(text(result), "t-0 10..14 lease_lost; t-1 20..22 lease_lost; ");
}

TEST(Settlement, IsNotImpressedByHugeRanges) {
  TwoPartitions world;
  constexpr Offset kMin = std::numeric_limits<Offset>::min();
  constexpr Offset kMax = std::numeric_limits<Offset>::max();
  std::vector<Selector> huge;
  for (int i = 0; i < 1000; ++i) huge.emplace_back(OffsetSelector{kFirst, {0, std::int64_t{1} << 62}});
  huge.emplace_back(OffsetSelector{kFirst, {kMin, kMax}});
  huge.emplace_back(OffsetSelector{kSecond, {kMin, kMax}});
  huge.emplace_back(OffsetSelector{{"x", 0}, {kMin, kMax}});
  huge.emplace_back(ThroughSelector{kFirst, kMax});
  huge.emplace_back(IndexSelector{0, std::numeric_limits<std::uint32_t>::max()});
  const AckResult result = world.ack(world.id, keep(huge));
  EXPECT_EQ(result.accepted, 8U);
  EXPECT_LE(result.refused.size(), 8U);
  world.check();
}

TEST(Settlement, TakesAnInvertedRangeForNothing) {
  TwoPartitions world;
  const AckResult result = world.ack(world.id, keep({OffsetSelector{kFirst, {13, 11}}}));
  EXPECT_EQ(result.accepted, 0U);
  EXPECT_TRUE(result.refused.empty()) << text(result);
}

}  // namespace
}  // namespace sluice::core
