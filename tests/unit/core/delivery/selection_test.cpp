#include "daemon/core/delivery/selection.hpp"

#include "tests/unit/core/delivery/delivery_world.hpp"

#include <gtest/gtest.h>

#include <map>

namespace sluice::core {
namespace {

using protocol::Codec;
using protocol::ControlType;
using std::chrono_literals::operator""s;
using sluice::testing::control_batch;
using sluice::testing::encode_record;
using sluice::testing::RecordBatchBuilder;
using sluice::testing::simple_batch;

/// One partition and what is chosen from it.
struct Chooser : World {
  using World::World;

  Selection choose(Room room = {1000, 1 << 30}, bool must_progress = true) {
    return select(partition, room, {budget, 1 << 20, must_progress, stats.topics["t"], now, redelivery});
  }
  Selection go_on(Selection so_far, Room room) {
    return select(partition, room, {budget, 1 << 20, true, stats.topics["t"], now, redelivery},
                  std::move(so_far));
  }
  /// As delivery does it with a selection.
  void lease(const Selection& selection, LeaseNumber number) {
    apply(selection, partition, number, stats.topics["t"]);
    check();
  }
  CounterByLabel& skipped() { return stats.topics["t"].skipped; }

  Partition& partition = add("t", 0);
  Redelivery redelivery;
};

TEST(Selection, TakesRecordsInOrderAcrossBatches) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 3) + simple_batch(3, 2));
  const Selection selection = c.choose();
  EXPECT_EQ(offsets_of(selection.segments), from_to(0, 4));
  EXPECT_EQ(selection.segments.size(), 2U) << "one per batch";
  ASSERT_EQ(selection.runs.size(), 1U) << "but one run of offsets";
  EXPECT_EQ(selection.runs[0].range, (OffsetRange{0, 4}));
  EXPECT_FALSE(selection.full);
  EXPECT_EQ(selection.position_after, 5);
}

TEST(Selection, NeverTakesMoreRecordsThanThereIsRoomFor) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 10));
  for (const int limit : {1, 3, 10}) {
    const Selection selection = c.choose({limit, 1 << 30});
    EXPECT_EQ(selection.records, static_cast<std::uint32_t>(limit));
    EXPECT_EQ(selection.full, limit < 10);
    EXPECT_FALSE(selection.bytes_full);
  }
}

TEST(Selection, NeverTakesMoreBytesThanThereIsRoomFor) {
  Chooser c;
  c.feed(c.partition, batch_of(0, 10, 100));
  EXPECT_EQ(c.choose({1000, 299}).records, 2U);
  EXPECT_EQ(c.choose({1000, 300}).records, 3U) << "exactly full is allowed";
  EXPECT_EQ(c.choose({1000, 300}).bytes, 300);
  EXPECT_TRUE(c.choose({1000, 300}).bytes_full);
}

TEST(Selection, AlwaysTakesAFirstRecordHoweverLargeItIs) {
  Chooser c;
  c.feed(c.partition, batch_of(0, 2, 5000));
  EXPECT_EQ(c.choose({1000, 10}).records, 1U);
  const Selection none = c.choose({1000, 10, 1});
  EXPECT_EQ(none.records, 0U) << "unless the batch holds something already";
  EXPECT_TRUE(none.full);
  EXPECT_TRUE(none.bytes_full);
}

TEST(Selection, EndsATurnWithTheRecordThatUsesTheQuotaUp) {
  Chooser c;
  c.feed(c.partition, batch_of(0, 10, 100));
  const Selection selection = c.choose({1000, 1 << 30, true, 250});
  EXPECT_EQ(selection.records, 3U);
  EXPECT_TRUE(selection.turn_over);
  EXPECT_FALSE(selection.full);
  EXPECT_FALSE(c.choose({1000, 1 << 30, true, 1000}).turn_over) << "nothing is left behind it";
}

TEST(Selection, GoesOnWhereAnEarlierRoundStopped) {
  Chooser c;
  c.feed(c.partition, batch_of(0, 4, 100) + control_batch(4, ControlType::kCommit, 1) + batch_of(5, 4, 100));
  Selection selection = c.choose({1000, 1 << 30, true, 150});
  EXPECT_EQ(selection.records, 2U);
  selection = c.go_on(std::move(selection), {1000, 1 << 30, false, 350});
  EXPECT_EQ(selection.records, 6U);
  selection = c.go_on(std::move(selection), {1000, 1 << 30, false, 350});
  EXPECT_EQ(offsets_of(selection.segments), (std::vector<Offset>{0, 1, 2, 3, 5, 6, 7, 8}));
  EXPECT_EQ(selection.segments.size(), 2U) << "rounds do not cut segments";
  EXPECT_EQ(selection.bytes, 800);
  EXPECT_EQ(selection.control, 1U);
  EXPECT_EQ(selection.compacted, 0U);
  EXPECT_FALSE(selection.turn_over);
  EXPECT_EQ(selection.position_after, 9);
}

TEST(Selection, ResumesInTheMiddleOfABatch) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 5));
  c.lease(c.choose({2, 1 << 30}), 1);
  EXPECT_EQ(c.partition.read_mark.chunk_last, 4);
  EXPECT_GT(c.partition.read_mark.position, 0U);
  c.partition.ledger->settle({0, 1}, 1);
  c.lease(c.choose({2, 1 << 30}), 2);
  c.partition.ledger->settle({2, 3}, 2);
  EXPECT_EQ(offsets_of(c.choose().segments), from_to(4, 4));
}

TEST(Selection, BeginsInsideABatchThatBeginsBelowThePosition) {
  World world;
  Partition& partition = world.add("t", 0, 7);
  world.feed(partition, simple_batch(5, 5));
  const Redelivery redelivery;
  const Selection selection =
      select(partition, {1000, 1 << 30},
             {world.budget, 1 << 20, true, world.stats.topics["t"], world.now, redelivery});
  EXPECT_EQ(offsets_of(selection.segments), from_to(7, 9));
  EXPECT_EQ(selection.compacted, 0U);
}

TEST(Selection, CountsWhatCompactionTookOut) {
  Chooser c;
  c.feed(c.partition, RecordBatchBuilder(2).add(1, "a", "1").gap(3).add(1, "b", "2").gap(2).build() +
                          sluice::testing::empty_batch(12, 14) + simple_batch(20, 1));
  const Selection selection = c.choose();
  EXPECT_EQ(offsets_of(selection.segments), (std::vector<Offset>{2, 6, 20}));
  EXPECT_EQ(selection.runs.size(), 3U) << "a run holds existing offsets only";
  EXPECT_EQ(selection.compacted, 21U - 3U);
  c.lease(selection, 1);
  EXPECT_EQ(c.skipped()["compaction"], 18U);
  c.partition.ledger->settle({0, 20}, 1);
  EXPECT_EQ(c.partition.ledger->watermark(), 21);
}

TEST(Selection, PassesControlAndAbortedBatchesAndCountsThem) {
  Chooser c;
  const std::string aborted =
      RecordBatchBuilder(3).transactional(7).add(1, "a", "1").add(1, "b", "2").build();
  c.feed(c.partition,
         simple_batch(0, 3) + aborted + control_batch(5, ControlType::kAbort, 7) + simple_batch(6, 1),
         protocol::AbortedTransactions({{7, 3}}));
  const Selection selection = c.choose();
  EXPECT_EQ(offsets_of(selection.segments), (std::vector<Offset>{0, 1, 2, 6}));
  EXPECT_EQ(selection.aborted, 2U);
  EXPECT_EQ(selection.control, 1U);
  EXPECT_EQ(selection.compacted, 0U);
}

TEST(Selection, DoesNotCountACompactedGapBeforeAControlBatchAsControl) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 2) + control_batch(20, ControlType::kCommit, 7));
  const Selection selection = c.choose();
  EXPECT_EQ(selection.control, 1U);
  EXPECT_EQ(selection.compacted, 18U);
}

TEST(Selection, DeliversAbortedRecordsWhenNothingIsLeftOut) {
  Chooser c;
  c.feed(c.partition, RecordBatchBuilder(0).transactional(7).add(1, "a", "1").build() +
                          control_batch(1, ControlType::kAbort, 7));
  EXPECT_EQ(c.choose().records, 1U) << "read_uncommitted";
}

TEST(Selection, ReadsABatchWithoutRecordsAsProgress) {
  Chooser c;
  c.feed(c.partition, control_batch(0, ControlType::kCommit, 7) + sluice::testing::empty_batch(1, 9));
  const Selection selection = c.choose();
  EXPECT_EQ(selection.records, 0U);
  EXPECT_EQ(selection.position_after, 10);
  apply(selection, c.partition, 0, c.stats.topics["t"]);
  EXPECT_EQ(c.partition.ledger->watermark(), 10) << "lag can reach 0";
}

TEST(Selection, StopsAtRecordsThatSomebodyHolds) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 5));
  c.lease(c.choose({2, 1 << 30}), 1);
  const Selection selection = c.choose();
  EXPECT_EQ(selection.records, 0U);
  EXPECT_TRUE(selection.blocked_by_lease);
  EXPECT_EQ(selection.position_after, 2);
}

TEST(Selection, StopsAtReturnedRecordsUntilTheirDelayHasPassed) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 5));
  c.lease(c.choose({2, 1 << 30}), 1);
  c.partition.ledger->give_back({0, 1}, 1, back(c.now + 5s));
  const Selection blocked = c.choose();
  EXPECT_EQ(blocked.records, 0U);
  EXPECT_EQ(blocked.blocked_until, c.now + 5s);
  EXPECT_FALSE(blocked.blocked_by_lease);
  c.now += 5s;
  EXPECT_EQ(offsets_of(c.choose().segments), from_to(0, 4));
}

TEST(Selection, HandsOutOnlyTheHolesAgainAndThenWhatIsNew) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 4) + simple_batch(4, 4));
  c.lease(c.choose({6, 1 << 30}), 1);
  c.partition.ledger->settle({1, 2}, 1);
  c.partition.ledger->settle({4, 4}, 1);
  c.partition.ledger->give_back({0, 5}, 1, back(c.now));
  const Selection again = c.choose();
  EXPECT_EQ(offsets_of(again.segments), (std::vector<Offset>{0, 3, 5, 6, 7}));
  ASSERT_EQ(again.runs.size(), 4U);
  EXPECT_TRUE(again.runs[2].again);
  EXPECT_EQ(again.runs[3].range, (OffsetRange{6, 7}));
  EXPECT_FALSE(again.runs[3].again);
  EXPECT_EQ(again.segments[0].delivery, 2U);
  EXPECT_EQ(again.segments.back().delivery, 1U);
  c.lease(again, 2);
  EXPECT_EQ(c.partition.ledger->leased(), 5);
  EXPECT_TRUE(c.skipped().empty()) << "settled records are not counted as missing";
}

TEST(Selection, StopsAtAReturnedRecordBehindOthersWhoseDelayHasNotPassed) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 5));
  c.lease(c.choose({4, 1 << 30}), 1);
  c.partition.ledger->give_back({0, 1}, 1, back(c.now));
  c.partition.ledger->give_back({2, 3}, 1, back(c.now + 9s));
  const Selection selection = c.choose();
  EXPECT_EQ(offsets_of(selection.segments), from_to(0, 1));
  EXPECT_EQ(selection.blocked_until, c.now + 9s);
}

TEST(Selection, SkipsARecordThatIsNotAboveTheOneBefore) {
  Chooser c;
  c.feed(c.partition, RecordBatchBuilder(0)
                          .add_raw(encode_record(0, 0, "a", "1"))
                          .add_raw(encode_record(0, 2, "b", "2"))
                          .add_raw(encode_record(0, 1, "c", "3"))
                          .build());
  EXPECT_EQ(offsets_of(c.choose().segments), (std::vector<Offset>{0, 2}));
}

TEST(Selection, DecodesNoFurtherThanItNeeds) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 5) + simple_batch(5, 5));
  (void)c.choose({3, 1 << 30});
  EXPECT_EQ(c.partition.buffer.chunks().size(), 1U);
  EXPECT_TRUE(c.partition.buffer.has_undecoded());
}

TEST(Selection, WaitsForBudgetBeforeItDecompresses) {
  Chooser c(1'000);
  c.feed(c.partition, batch_of(0, 50, 100, Codec::kZstd));
  const Selection waits = c.choose({1000, 1 << 30}, false);
  EXPECT_TRUE(waits.needs_budget);
  EXPECT_EQ(waits.records, 0U);
  EXPECT_EQ(c.partition.buffer.chunks().size(), 0U);
  EXPECT_EQ(c.choose({1000, 1 << 30}, true).records, 50U) << "progress may overdraw it";
  EXPECT_GT(c.budget.used(), c.budget.limit());
}

TEST(Selection, OverdrawsTheBudgetByOneBatchOnly) {
  Chooser c(1'000);
  c.feed(c.partition, batch_of(0, 50, 100, Codec::kZstd) + batch_of(50, 50, 100, Codec::kZstd));
  const Selection selection = c.choose();
  EXPECT_EQ(selection.records, 50U);
  EXPECT_TRUE(selection.needs_budget);
}

TEST(Selection, EndsBeforeABatchWithABadChecksum) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 3) + RecordBatchBuilder(3).add(1, "a", "1").wrong_crc().build());
  const Selection selection = c.choose();
  EXPECT_EQ(selection.records, 3U);
  ASSERT_TRUE(c.partition.buffer.error());
  EXPECT_EQ(c.partition.buffer.error_offset(), 3);
}

TEST(Selection, GivesOneRecordWithAnErrorForWhatCannotBeReadInABatchWithAGoodChecksum) {
  Chooser c;
  c.feed(c.partition, RecordBatchBuilder(0)
                              .add(1, "a", "1")
                              .add_raw(std::string("\x04\x00\x7f", 3))  // two bytes that are no record
                              .add(1, "c", "3")
                              .build() +
                          simple_batch(3, 2));
  const Selection selection = c.choose();
  EXPECT_FALSE(c.partition.buffer.error());
  ASSERT_EQ(selection.segments.size(), 3U);
  EXPECT_EQ(selection.segments[0].chunk->kind, ChunkKind::kData);
  EXPECT_EQ(selection.segments[1].chunk->kind, ChunkKind::kUndecodable);
  EXPECT_EQ(selection.segments[1].first, 1);
  EXPECT_EQ(selection.segments[1].records, 1U);
  EXPECT_EQ(selection.segments[2].first, 3);
  EXPECT_EQ(selection.records, 4U);
  EXPECT_EQ(selection.undecodable, 1U) << "offset 2 passes with the record that stands for both";
  c.lease(selection, 1);
  EXPECT_EQ(c.partition.ledger->watermark(), 0);
  c.partition.settle({0, 4}, 1);
  EXPECT_EQ(c.partition.ledger->watermark(), 5);
}

TEST(Selection, RemembersTheTimestampOfItsFirstRecord) {
  Chooser c;
  c.feed(c.partition, simple_batch(0, 3));
  EXPECT_EQ(c.choose().oldest_timestamp, 1000);
}

/// Random batches, random limits, random settlements: each record is handed out in order, none twice at once,
/// none lost, and every offset without a record is counted once.
TEST(Selection, LosesAndRepeatsNothingWhateverHappens) {
  Random random(4);
  for (int run = 0; run < 300; ++run) {
    Chooser c;
    std::vector<Offset> expected;
    std::string log;
    Offset next = 0;
    for (int batch = 0; batch < 6; ++batch) {
      next += static_cast<Offset>(random.below(3));
      if (random.below(4) == 0) {
        log += control_batch(next, ControlType::kCommit, 1);
        ++next;
        continue;
      }
      RecordBatchBuilder builder(next);
      builder.codec(random.below(2) == 0 ? Codec::kNone : Codec::kLz4);
      const std::uint64_t count = 1 + random.below(8);
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto gap = static_cast<Offset>(random.below(3) == 0 ? random.below(3) : 0);
        builder.gap(gap);
        next += gap;
        builder.add(1, std::nullopt, std::string(random.below(200), 'v'));
        expected.push_back(next++);
      }
      log += builder.build();
    }
    c.feed(c.partition, log);
    std::map<Offset, int> handed_out;
    LeaseNumber lease = 0;
    std::uint64_t idle = 0;
    while (c.partition.ledger->watermark() < next && idle < 50) {
      Selection selection = c.choose({static_cast<std::int64_t>(1 + random.below(6)), 300, 0,
                                      static_cast<std::int64_t>(1 + random.below(300))});
      if (random.below(2) == 0) {
        selection = c.go_on(std::move(selection), {static_cast<std::int64_t>(random.below(4)), 100, 1});
      }
      idle = selection.records == 0 ? idle + 1 : 0;
      std::vector<Offset> offsets = offsets_of(selection.segments);
      ASSERT_TRUE(std::is_sorted(offsets.begin(), offsets.end()));
      c.lease(selection, ++lease);
      for (const Offset offset : offsets) {
        ++handed_out[offset];
        if (random.below(3) > 0) c.partition.ledger->settle({offset, offset}, lease);
      }
      c.partition.ledger->give_back({0, next}, lease, back(c.now));
      c.partition.free_settled(c.budget);
    }
    ASSERT_EQ(c.partition.ledger->watermark(), next) << "run " << run;
    std::vector<Offset> seen;
    for (const auto& [offset, times] : handed_out) seen.push_back(offset);
    ASSERT_EQ(seen, expected) << "run " << run;
    std::uint64_t skipped = 0;
    for (const auto& [reason, count] : c.skipped()) skipped += count;
    ASSERT_EQ(skipped, static_cast<std::uint64_t>(next) - expected.size()) << "run " << run;
    ASSERT_EQ(c.budget.used(), 0) << "run " << run;
  }
}

}  // namespace
}  // namespace sluice::core
