#include "daemon/core/fetch/list_offsets.hpp"

#include "tests/unit/core/fetch/fetch_world.hpp"

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

using protocol::KafkaError;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr std::int64_t kLatest = -1;
constexpr std::int64_t kEarliest = -2;

struct Listing : FetchWorld {
  explicit Listing(ListOffsets::Options options = {}) : FetchWorld({{"t", {1}}}), machine(options, 5) {}

  void poll() {
    machine.poll(now, metadata, partitions, outbox);
    collect();
  }
  std::int64_t ask() {
    poll();
    const auto request = take<ListOffsetsRequest>();
    if (request.topics.empty()) return 0;
    return request.topics[0].partitions[0].timestamp;
  }
  void answer(Offset offset, KafkaError error = KafkaError::kNone) {
    ListOffsetsResponse response;
    response.topics.emplace_back();
    response.topics[0].name = "t";
    response.topics[0].partitions.emplace_back();
    response.topics[0].partitions[0].error_code = code_of(error);
    response.topics[0].partitions[0].offset = offset;
    EXPECT_TRUE(
        machine.on_reply(reply_to(last, std::move(response)), metadata, partitions, stats, now, outbox));
  }
  /// The leader refused `offset`.
  void out_of_range_at(Offset offset) {
    partition.start_at(offset);
    partition.phase = PartitionPhase::kOutOfRange;
  }

  ListOffsets machine;
  Partition& partition = at("t", 0);
};

TEST(ListOffsets, BeginsAtTheLogStartWhenNothingWasCommitted) {
  Listing l;
  l.partition.phase = PartitionPhase::kReset;
  EXPECT_EQ(l.ask(), kEarliest);
  EXPECT_EQ(l.last.node, 1) << "only the leader knows";
  EXPECT_EQ(l.last.lane, protocol::Lane::kControl);
  l.poll();
  EXPECT_TRUE(l.sent.empty()) << "one in flight per leader";
  l.answer(17);
  EXPECT_EQ(l.partition.phase, PartitionPhase::kFetching);
  EXPECT_EQ(l.partition.ledger->position(), 17);
  EXPECT_FALSE(l.partition.committed);
  EXPECT_FALSE(l.partition.needs_commit()) << "nothing has been settled";
}

TEST(ListOffsets, BeginsAtTheEndWhenToldTo) {
  Listing l({.reset = OffsetReset::kLatest});
  l.partition.phase = PartitionPhase::kReset;
  EXPECT_EQ(l.ask(), kLatest);
  l.answer(90);
  EXPECT_EQ(l.partition.ledger->position(), 90);
}

TEST(ListOffsets, StopsAndSaysSoWhenItMayNotReset) {
  Listing l({.reset = OffsetReset::kNone});
  l.partition.phase = PartitionPhase::kReset;
  l.poll();
  EXPECT_TRUE(l.sent.empty());
  EXPECT_EQ(l.partition.phase, PartitionPhase::kStopped);
  ASSERT_TRUE(l.partition.error);
  EXPECT_NE(l.partition.error->find("auto.offset.reset"), std::string::npos);
}

TEST(ListOffsets, NeverResetsBecauseOfAnError) {
  Listing l;
  l.partition.phase = PartitionPhase::kReset;
  l.ask();
  l.answer(-1, KafkaError::kNotLeaderOrFollower);
  EXPECT_EQ(l.partition.phase, PartitionPhase::kReset);
  EXPECT_TRUE(l.metadata_is_wanted());
  l.poll();
  EXPECT_TRUE(l.sent.empty()) << "not at once";
  l.now = l.partition.retry_at;
  l.ask();
  l.answer(-1);
  EXPECT_EQ(l.partition.phase, PartitionPhase::kReset) << "no offset is no answer";
  l.now = l.partition.retry_at;
  l.ask();
  EXPECT_TRUE(l.machine.on_failure(l.failure_of(l.last), l.metadata, l.partitions, l.now));
  EXPECT_EQ(l.partition.phase, PartitionPhase::kReset);
  EXPECT_EQ(l.partition.error, "connection lost");
}

TEST(ListOffsets, GoesOnAtTheLogStartWhenRetentionWasFasterAndCountsWhatIsGone) {
  Listing l;
  l.out_of_range_at(10);
  EXPECT_EQ(l.ask(), kEarliest);
  l.answer(40);
  EXPECT_EQ(l.ask(), kLatest);
  l.answer(100);
  EXPECT_EQ(l.partition.phase, PartitionPhase::kFetching);
  EXPECT_EQ(l.partition.fetch_position, 40);
  EXPECT_EQ(l.partition.ledger->position(), 40);
  EXPECT_EQ(l.partition.end, 100);
  EXPECT_EQ(l.stats["t"].skipped["retention"], 30U);
}

TEST(ListOffsets, KeepsOpenLeasesWhenRetentionWasFaster) {
  Listing l;
  l.partition.start_at(10);
  l.partition.ledger->lease_new({10, 14}, 1);
  l.partition.fetch_position = 15;
  l.partition.phase = PartitionPhase::kOutOfRange;
  l.ask();
  l.answer(40);
  l.ask();
  l.answer(100);
  EXPECT_EQ(l.partition.ledger->watermark(), 10) << "not settled by that";
  EXPECT_EQ(l.partition.ledger->position(), 40);
  EXPECT_EQ(l.stats["t"].skipped["retention"], 25U);
}

TEST(ListOffsets, StopsAndSaysSoWhenThePositionIsBeyondTheEnd) {
  Listing l;
  l.out_of_range_at(500);
  l.ask();
  l.answer(0);
  l.ask();
  l.answer(100);
  EXPECT_EQ(l.partition.phase, PartitionPhase::kStopped);
  ASSERT_TRUE(l.partition.error);
  EXPECT_NE(l.partition.error->find("500"), std::string::npos);
  EXPECT_EQ(l.partition.ledger->position(), 500) << "jumping would lose or repeat records";
  l.now += 60s;
  l.poll();
  EXPECT_TRUE(l.sent.empty());
}

TEST(ListOffsets, TriesAgainWhenThePositionIsInRangeAfterAll) {
  Listing l;
  l.out_of_range_at(50);
  l.ask();
  l.answer(0);
  l.ask();
  l.answer(50);
  EXPECT_EQ(l.partition.phase, PartitionPhase::kFetching) << "the end itself is in range";
  EXPECT_EQ(l.partition.fetch_position, 50);
  EXPECT_GT(l.partition.retry_at, l.now) << "but not at once: the broker that refused it is behind";
}

TEST(ListOffsets, AsksForTheEndOfALogThatIsNotBeingFetched) {
  Listing l({.end_refresh = 5s});
  l.start_all();
  l.outbox.begin_turn();
  l.poll();
  EXPECT_TRUE(l.sent.empty());
  EXPECT_EQ(l.outbox.wake_time(), l.now + 5s);
  l.now += 5s;
  EXPECT_EQ(l.ask(), kLatest);
  l.answer(70);
  EXPECT_EQ(l.partition.end, 70);
  EXPECT_EQ(l.partition.phase, PartitionPhase::kFetching);
  l.poll();
  EXPECT_TRUE(l.sent.empty()) << "it is fresh again";
}

TEST(ListOffsets, LeavesTheEndToTheFetchThatIsParked) {
  Listing l;
  l.start_all();
  l.partition.fetch_in_flight = true;
  l.now += 60s;
  l.poll();
  EXPECT_TRUE(l.sent.empty());
}

TEST(ListOffsets, IgnoresTheAnswerForAnEarlierAssignmentOrPhase) {
  Listing l;
  l.partition.phase = PartitionPhase::kReset;
  l.ask();
  l.partition.start_at(3);
  l.answer(17);
  EXPECT_EQ(l.partition.ledger->position(), 3);
  Listing other;
  other.partition.phase = PartitionPhase::kReset;
  other.ask();
  other.add({"t", 0}).phase = PartitionPhase::kReset;
  other.answer(17);
  EXPECT_EQ(other.at("t", 0).phase, PartitionPhase::kReset);
}

TEST(ListOffsets, WaitsForALeader) {
  Listing l;
  l.partition.phase = PartitionPhase::kReset;
  l.learn(cluster_of({{"t", {-1}}}));
  l.poll();
  EXPECT_TRUE(l.sent.empty());
}

}  // namespace
}  // namespace sluice::core
