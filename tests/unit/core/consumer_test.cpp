#include "daemon/core/consumer.hpp"

#include "tests/unit/core/consumer_dialogue.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sluice::core {
namespace {

using protocol::KafkaError;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

std::set<PartitionId> owned(const Member& member) {
  std::set<PartitionId> out;
  for (const auto& [tp, partition] : member.consumer->partitions()) out.insert(tp.partition);
  return out;
}

TEST(Consumer, GoesFromJoinToFetchToAckToCommitToLeave) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  EXPECT_EQ(m.consumer->member_state(), MemberState::kStable);
  const FetchResult result = d.fetch(m);
  ASSERT_TRUE(result.batch);
  EXPECT_EQ(result.batch->records, 10U);
  EXPECT_TRUE(d.cluster.commits.empty()) << "handing out commits nothing";
  const AckResult acked = d.ack(m, result.batch->id);
  EXPECT_EQ(acked.accepted, 10U);
  ASSERT_NE(acked.commit_ticket, 0U);
  d.settle();
  EXPECT_EQ(m.committed.at(acked.commit_ticket), CommitOutcome::kCommitted);
  EXPECT_EQ(d.cluster.committed.at(0), 10);
  EXPECT_EQ(d.cluster.commits.at(0).topics[0].partitions[0].committed_leader_epoch, 5);
  EXPECT_TRUE(m.consumer->settled());
  m.consumer->leave(d.now);
  d.settle();
  EXPECT_TRUE(m.consumer->gone());
  EXPECT_EQ(d.cluster.group.size(), 0U);
}

TEST(Consumer, BeginsWhereTheGroupStands) {
  ConsumerDialogue d;
  d.cluster.produce(0, 5);
  d.cluster.produce(0, 5);
  d.cluster.committed[0] = 5;
  Member& m = d.join();
  EXPECT_EQ(d.fetch(m).batch->slices[0].segments[0].first, 5);
}

TEST(Consumer, CommitsOnlyUpToTheFirstRecordThatIsNotSettled) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult result = d.fetch(m);
  AckSpec some;
  some.fallback = Default::kKeep;
  some.accept = {OffsetSelector{{"t", 0}, {0, 2}}, OffsetSelector{{"t", 0}, {5, 9}}};
  d.ack(m, result.batch->id, some);
  d.settle();
  EXPECT_EQ(d.cluster.committed.at(0), 3);
  d.ack(m, result.batch->id);
  d.settle();
  EXPECT_EQ(d.cluster.committed.at(0), 10);
}

TEST(Consumer, StaysAMemberHoweverLongTheApplicationTakes) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult result = d.fetch(m);
  const std::int32_t generation = d.cluster.group.generation();
  d.advance(400s);
  EXPECT_EQ(d.cluster.group.generation(), generation);
  EXPECT_EQ(d.ack(m, result.batch->id).accepted, 10U);
  d.settle();
  EXPECT_EQ(d.cluster.committed.at(0), 10);
}

TEST(Consumer, HandsOutAgainWhatExpired) {
  ConsumerDialogue d;
  d.cluster.produce(0, 2);
  Member& m = d.join();
  const FetchResult first = d.fetch(m);
  d.advance(601s);
  const FetchResult second = d.fetch(m);
  ASSERT_TRUE(second.batch);
  EXPECT_EQ(second.batch->slices[0].segments[0].delivery, 2U);
  EXPECT_TRUE(d.ack(m, first.batch->id).lease_gone);
  EXPECT_EQ(m.consumer->stats().topics.at("t").lease_expirations, 2U);
}

TEST(Consumer, WaitsForOpenLeasesBeforeItLetsGo) {
  ConsumerDialogue d(2);
  d.cluster.produce(0, 3);
  d.cluster.produce(1, 3);
  Member& a = d.join();
  const FetchResult result = d.fetch(a);
  EXPECT_EQ(result.batch->slices.size(), 2U);
  Member& b = d.join();
  d.advance(4s);
  EXPECT_EQ(a.consumer->member_state(), MemberState::kRevoking);
  EXPECT_EQ(a.consumer->status(d.now).revoking.size(), 2U);
  d.cluster.produce(0, 3);
  d.advance(1s);
  EXPECT_FALSE(d.fetch(a).batch) << "no new leases from partitions that go";
  EXPECT_EQ(d.ack(a, result.batch->id).accepted, 6U);
  d.advance(1s);
  EXPECT_EQ(d.cluster.committed.at(0), 3) << "committed before it let go";
  EXPECT_EQ(d.cluster.committed.at(1), 3);
  EXPECT_EQ(a.consumer->member_state(), MemberState::kStable);
  EXPECT_EQ(b.consumer->member_state(), MemberState::kStable);
  EXPECT_EQ(owned(a).size() + owned(b).size(), 2U);
}

TEST(Consumer, LetsGoInTimeEvenWhenTheApplicationDoesNotAck) {
  ConsumerDialogue d(2);
  d.cluster.produce(0, 3);
  d.cluster.produce(1, 3);
  Member& a = d.join();
  const FetchResult result = d.fetch(a);
  Member& b = d.join();
  d.advance(40s);
  EXPECT_EQ(b.consumer->member_state(), MemberState::kStable) << "rebalance.drain.ms is 30 s";
  const PartitionId kept = *owned(a).begin();
  const PartitionId lost = *owned(b).begin();
  const AckResult late = d.ack(a, result.batch->id);
  EXPECT_EQ(late.accepted, 3U) << "the partition that stayed keeps its lease";
  ASSERT_EQ(late.refused.size(), 1U);
  EXPECT_EQ(late.refused[0].partition.partition, lost);
  EXPECT_EQ(late.refused[0].reason, Refusal::kLeaseLost);
  d.settle();
  EXPECT_EQ(d.cluster.committed.at(kept), 3);
  EXPECT_EQ(d.cluster.committed.count(lost), 0U) << "what is lost is never committed";
  EXPECT_EQ(d.fetch(b).batch->records, 3U) << "its new owner reads it again";
}

TEST(Consumer, GivesUpOnlyWhatMovesInACooperativeGroup) {
  ConsumerDialogue d(2, {Assignor::kCooperativeSticky});
  d.cluster.produce(0, 3);
  d.cluster.produce(1, 3);
  Member& a = d.join();
  const FetchResult first = d.fetch(a, 3);
  ASSERT_EQ(first.batch->slices.size(), 1U);
  const FetchResult second = d.fetch(a, 3);
  Member& b = d.join();
  d.advance(5s);
  const ConsumerStatus status = a.consumer->status(d.now);
  ASSERT_EQ(status.revoking.size(), 1U);
  const TopicPartition moving = status.revoking[0].partition;
  const bool first_moves = first.batch->slices[0].partition == moving;
  const BatchId stays = first_moves ? second.batch->id : first.batch->id;
  const BatchId goes = first_moves ? first.batch->id : second.batch->id;
  d.ack(a, goes);
  d.advance(5s);
  EXPECT_EQ(owned(b), std::set<PartitionId>{moving.partition});
  EXPECT_EQ(d.cluster.committed.at(moving.partition), 3);
  EXPECT_EQ(d.ack(a, stays).accepted, 3U);
  d.advance(1s);
  EXPECT_EQ(d.cluster.committed.size(), 2U);
}

TEST(Consumer, FencesEverythingWhenItIsThrownOut) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult result = d.fetch(m);
  d.cluster.group.remove(d.cluster.group.member_ids().at(0), d.now);
  d.advance(5s);
  EXPECT_EQ(m.consumer->member_state(), MemberState::kStable) << "it joined again";
  const AckResult late = d.ack(m, result.batch->id);
  EXPECT_TRUE(late.lease_gone);
  EXPECT_EQ(late.refused.at(0).reason, Refusal::kLeaseLost);
  d.settle();
  EXPECT_TRUE(d.cluster.commits.empty());
  EXPECT_EQ(m.consumer->stats().stale_acks.at("revoked"), 1U);
  EXPECT_EQ(d.fetch(m).batch->records, 10U);
}

// SIGSTOP or a suspended host: the application may be heard before the timer is.
TEST(Consumer, AcceptsNoAckAfterAStopThatWasLongerThanTheSession) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult result = d.fetch(m);
  d.now += 60s;
  EXPECT_TRUE(m.consumer->ack(result.batch->id, {}, d.now).lease_gone);
  EXPECT_TRUE(m.consumer->extend(result.batch->id, 60s, d.now).lease_gone);
}

TEST(Consumer, TellsAWaitingAckThatItsCommitWasFenced) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult result = d.fetch(m);
  d.cluster.commit_error = KafkaError::kUnknownMemberId;
  const AckResult acked = d.ack(m, result.batch->id);
  d.advance(1s);
  EXPECT_EQ(m.committed.at(acked.commit_ticket), CommitOutcome::kFenced);
}

TEST(Consumer, SendsAgainWhatWasNotCommittedDuringARebalance) {
  ConsumerDialogue d(2);
  d.cluster.produce(0, 3);
  Member& a = d.join();
  const FetchResult result = d.fetch(a);
  d.cluster.commit_error = KafkaError::kRebalanceInProgress;
  const AckResult acked = d.ack(a, result.batch->id);
  d.advance(1s);
  d.cluster.commit_error.reset();
  d.advance(5s);
  EXPECT_EQ(a.committed.at(acked.commit_ticket), CommitOutcome::kCommitted);
  EXPECT_EQ(d.cluster.committed.at(0), 3);
}

TEST(Consumer, NeverCommitsOutsideOfAGeneration) {
  ConsumerDialogue d(2);
  for (int i = 0; i < 3; ++i) {
    d.cluster.produce(0, 3);
    d.cluster.produce(1, 3);
    Member& member = d.join();
    const FetchResult result = d.fetch(member);
    if (result.batch) d.ack(member, result.batch->id);
    d.advance(10s);
  }
  ASSERT_FALSE(d.cluster.commits.empty());
  for (const auto& commit : d.cluster.commits) EXPECT_GE(commit.generation_id_or_member_epoch, 0);
}

TEST(Consumer, LeasesNothingMoreWhileItDrainsButFinishesWhatIsOpen) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult result = d.fetch(m, 4);
  m.consumer->drain();
  EXPECT_EQ(d.fetch(m, 4).reason, EmptyReason::kDraining);
  EXPECT_FALSE(m.consumer->settled());
  EXPECT_EQ(m.consumer->extend(result.batch->id, 900s, d.now).expires_at, d.now + 900s);
  d.advance(100s);
  EXPECT_EQ(d.cluster.group.size(), 1U) << "it goes on heartbeating";
  d.ack(m, result.batch->id);
  EXPECT_FALSE(m.consumer->settled()) << "not committed yet";
  d.settle();
  EXPECT_TRUE(m.consumer->settled());
  EXPECT_EQ(d.cluster.committed.at(0), 4) << "what was never handed out is not committed";
}

TEST(Consumer, GivesAllItsMemoryBackWhenItsPartitionsAreSettledAndGone) {
  ConsumerDialogue d(2);
  for (int i = 0; i < 20; ++i) {
    d.cluster.produce(0, 50);
    d.cluster.produce(1, 50);
  }
  Member& m = d.join();
  std::uint32_t records = 0;
  for (int i = 0; i < 100 && records < 2000; ++i) {
    const FetchResult result = d.fetch(m, 77);
    if (!result.batch) continue;
    records += result.batch->records;
    d.ack(m, result.batch->id);
  }
  EXPECT_EQ(records, 2000U);
  m.fetched.clear();
  m.consumer->drain();
  d.advance(2s);
  EXPECT_EQ(m.budget->used(), 0);
  EXPECT_EQ(d.cluster.committed.at(0), 1000);
}

TEST(Consumer, ReadsEverythingInModeAutoAlsoWithASmallBudget) {
  ConsumerDialogue d;
  for (int i = 0; i < 100; ++i) d.cluster.produce(0, 50);
  Member& m = d.join();
  FetchSpec spec;
  spec.max_records = 100;
  spec.wait = 500ms;
  spec.settle_at_once = true;
  std::uint32_t records = 0;
  for (int i = 0; i < 200 && records < 5000; ++i) {
    const FetchResult result = d.fetch(m, spec);
    if (result.batch) records += result.batch->records;
  }
  EXPECT_EQ(records, 5000U);
  m.fetched.clear();
  m.consumer->drain();
  d.advance(2s);
  EXPECT_EQ(d.cluster.committed.at(0), 5000);
  EXPECT_EQ(m.budget->used(), 0);
}

TEST(Consumer, SaysWhyAPartitionDoesNotMove) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult result = d.fetch(m, 4);
  d.advance(42s);
  const auto code = [&] {
    const ConsumerStatus status = m.consumer->status(d.now);
    return status.partitions.at(0).blocked_by ? status.partitions.at(0).blocked_by->code : "";
  };
  EXPECT_EQ(code(), "leased");
  EXPECT_NE(m.consumer->status(d.now).partitions[0].blocked_by->text.find(result.batch->id.to_string()),
            std::string::npos);
  AckSpec some;
  some.fallback = Default::kKeep;
  some.release = {{OffsetSelector{{"t", 0}, {0, 1}}, Duration{}}};
  d.ack(m, result.batch->id, some);
  EXPECT_EQ(code(), "leased") << "2 and 3 are still held";
  (void)m.consumer->release(result.batch->id, 60s, d.now);
  some.release.clear();
  const FetchResult again = d.fetch(m, 2);
  ASSERT_TRUE(again.batch);
  (void)m.consumer->release(again.batch->id, 60s, d.now);
  EXPECT_EQ(code(), "back_off");
}

TEST(Consumer, TellsOfAnEventWhenItHappenedHoweverLongAgoItsLastTurnWas) {
  ConsumerDialogue d;
  Member& m = d.join();
  m.consumer->turn(d.now, 1'700'000'000'000);
  m.consumer->pause({}, d.now + 90s);
  const EventLog::Page page = m.consumer->events().since(0);
  EXPECT_EQ(page.events.back().type, EventType::kPaused);
  EXPECT_EQ(page.events.back().wall_ms, 1'700'000'090'000);
}

TEST(Consumer, TellsReadersWhatIsNewToAMemberAndNothingElse) {
  ConsumerDialogue d(4, {Assignor::kCooperativeSticky});
  Member& first = d.join();
  const std::uint64_t since = first.consumer->events().last_id();
  (void)d.join();
  d.advance(10s);
  const EventLog::Page page = first.consumer->events().since(since);
  ASSERT_EQ(page.events.size(), 2U);
  EXPECT_EQ(page.events[0].type, EventType::kRevoking);
  EXPECT_EQ(page.events[1].type, EventType::kRevoked);
  EXPECT_EQ(page.events[1].partitions.size(), 2U);
}

TEST(Consumer, TellsOfAnErrorThatLastsOnceAMinuteAndNotWithEveryTry) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult result = d.fetch(m);
  ASSERT_TRUE(result.batch);
  const std::uint64_t since = m.consumer->events().last_id();
  d.cluster.commit_error = KafkaError::kGroupAuthorizationFailed;
  d.ack(m, result.batch->id);
  d.advance(50s);
  EventLog::Page page = m.consumer->events().since(since);
  ASSERT_EQ(page.events.size(), 2U);
  EXPECT_EQ(page.events[0].type, EventType::kLost);
  EXPECT_EQ(page.events[1].type, EventType::kError);
  EXPECT_EQ(page.events[1].count, 1U);
  EXPECT_EQ(page.events[1].text, m.consumer->status(d.now).error);
  d.advance(50s);
  page = m.consumer->events().since(since);
  ASSERT_EQ(page.events.size(), 2U);
  EXPECT_EQ(page.events[1].count, 2U);
}

TEST(Consumer, KeepsTheBatchOfARequestOverARebalanceThatLeavesItsPartitions) {
  ConsumerDialogue d(1);
  d.cluster.produce(0, 3);
  Member& a = d.join();
  FetchSpec spec;
  spec.wait = 500ms;
  spec.lease = 600s;
  spec.request_id = "r";
  const FetchResult first = d.fetch(a, spec);
  d.cluster.group.start_rebalance(d.now);
  d.advance(60s);
  EXPECT_EQ(a.consumer->member_state(), MemberState::kStable);
  const FetchResult again = d.fetch(a, spec);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.batch, first.batch);
  EXPECT_EQ(d.ack(a, first.batch->id).accepted, 3U);
}

}  // namespace
}  // namespace sluice::core
