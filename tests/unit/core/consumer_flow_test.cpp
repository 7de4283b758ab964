#include "tests/unit/core/consumer_dialogue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::core {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

Offset first_offset(const FetchResult& result) { return result.batch->slices.at(0).segments.at(0).first; }

std::vector<EventType> events(const Member& member) {
  std::vector<EventType> types;
  for (const Event& event : member.consumer->events().since(0, 1000).events) types.push_back(event.type);
  return types;
}

bool has(const std::vector<EventType>& types, EventType type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

// ---------------------------------------------------------------------------------------------------- pause

TEST(ConsumerFlow, HandsNothingOutWhilePausedAndGoesOnAfterIt) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  m.consumer->pause({}, d.now);
  const FetchResult none = d.fetch(m);
  EXPECT_FALSE(none.batch);
  EXPECT_EQ(none.reason, EmptyReason::kPaused);
  EXPECT_TRUE(m.consumer->status(d.now).paused);
  m.consumer->resume({}, d.now);
  EXPECT_EQ(d.fetch(m).batch->records, 10U);
  EXPECT_TRUE(has(events(m), EventType::kPaused));
  EXPECT_TRUE(has(events(m), EventType::kResumed));
}

TEST(ConsumerFlow, PausesOnlyWhatIsNamed) {
  ConsumerDialogue d(2);
  d.cluster.produce(0, 5);
  d.cluster.produce(1, 5);
  Member& m = d.join();
  m.consumer->pause({{}, {{"t", 0}}}, d.now);
  const FetchResult result = d.fetch(m);
  EXPECT_EQ(result.batch->slices.size(), 1U);
  EXPECT_EQ(result.batch->slices[0].partition.partition, 1);
  EXPECT_EQ(m.consumer->status(d.now).partitions.at(0).blocked_by->code, "paused");
  m.consumer->pause({{"t"}, {}}, d.now);
  m.consumer->resume({{}, {{"t", 0}}}, d.now);
  EXPECT_TRUE(m.consumer->partitions().at({"t", 0}).paused) << "the pause of its topic stays";
  m.consumer->resume({{"t"}, {}}, d.now);
  EXPECT_FALSE(m.consumer->partitions().at({"t", 0}).paused);
}

TEST(ConsumerFlow, TakesAcksWhilePaused) {
  ConsumerDialogue d;
  d.cluster.produce(0, 5);
  Member& m = d.join();
  const FetchResult result = d.fetch(m);
  m.consumer->pause({}, d.now);
  EXPECT_EQ(d.ack(m, result.batch->id).accepted, 5U);
  d.settle();
  EXPECT_EQ(d.cluster.committed.at(0), 5);
}

// ----------------------------------------------------------------------------------------------------- seek

SeekResult seek(ConsumerDialogue& d, Member& m, SeekTarget target, Scope scope = {}) {
  const auto result = m.consumer->seek(scope, target, d.now);
  EXPECT_TRUE(result) << (result ? "" : result.error());
  d.settle();
  return result.value_or(SeekResult{});
}

TEST(ConsumerFlow, SeeksToWhereItIsTold) {
  using Kind = SeekTarget::Kind;
  struct Case {
    SeekTarget target;
    Offset goes_on_at;
  };
  const std::vector<Case> cases{{{Kind::kBeginning, 0, 0}, 0},
                                {{Kind::kOffset, 7, 0}, 7},
                                {{Kind::kCommitted, 0, 0}, 5},
                                {{Kind::kTimestamp, 0, 1012}, 12},
                                {{Kind::kTimestamp, 0, 5}, 0}};
  for (const Case& each : cases) {
    ConsumerDialogue d;
    d.cluster.produce(0, 5);
    Member& m = d.join();
    d.ack(m, d.fetch(m).batch->id);
    d.cluster.produce(0, 15);
    d.advance(6s);  // so that the end of the log is known
    const SeekResult result = seek(d, m, each.target);
    EXPECT_EQ(result.partitions.size(), 1U);
    ASSERT_EQ(m.committed.count(result.ticket), 1U);
    EXPECT_EQ(m.committed.at(result.ticket), CommitOutcome::kCommitted);
    EXPECT_EQ(d.cluster.committed.at(0), each.goes_on_at) << "where to go on is known to the group";
    EXPECT_EQ(first_offset(d.fetch(m, 1)), each.goes_on_at);
  }
}

TEST(ConsumerFlow, SeeksBehindTheLastRecord) {
  for (const SeekTarget target :
       {SeekTarget{SeekTarget::Kind::kEnd, 0, 0}, SeekTarget{SeekTarget::Kind::kTimestamp, 0, 999'999}}) {
    ConsumerDialogue d;
    d.cluster.produce(0, 5);
    Member& m = d.join();
    const SeekResult result = seek(d, m, target);
    EXPECT_EQ(m.committed.at(result.ticket), CommitOutcome::kCommitted);
    EXPECT_EQ(d.cluster.committed.at(0), 5);
    EXPECT_FALSE(d.fetch(m).batch);
    d.cluster.produce(0, 1);
    EXPECT_EQ(first_offset(d.fetch(m)), 5);
  }
}

TEST(ConsumerFlow, VoidsOpenLeasesWithASeek) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult before = d.fetch(m);
  const SeekResult result = seek(d, m, {SeekTarget::Kind::kBeginning, 0, 0});
  EXPECT_EQ(result.voided_records, 10U);
  const AckResult late = d.ack(m, before.batch->id);
  EXPECT_TRUE(late.lease_gone);
  EXPECT_EQ(late.refused.at(0).reason, Refusal::kLeaseLost);
  EXPECT_EQ(d.cluster.committed.at(0), 0);
  const FetchResult again = d.fetch(m);
  EXPECT_EQ(first_offset(again), 0);
  EXPECT_EQ(again.batch->slices[0].segments[0].delivery, 1U);
}

TEST(ConsumerFlow, MovesNothingWhenOnePartitionIsNotOurs) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult before = d.fetch(m);
  const auto result =
      m.consumer->seek({{}, {{"t", 0}, {"t", 9}}}, {SeekTarget::Kind::kBeginning, 0, 0}, d.now);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->strangers, (std::vector<TopicPartition>{{"t", 9}}));
  EXPECT_EQ(d.ack(m, before.batch->id).accepted, 10U);
}

TEST(ConsumerFlow, RefusesAnOffsetOutsideOfTheLog) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  (void)d.fetch(m, 1);
  const auto result = m.consumer->seek({}, {SeekTarget::Kind::kOffset, 11, 0}, d.now);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().find("from 0 to 10"), std::string::npos) << result.error();
  EXPECT_EQ(m.consumer->open_leases(), 1U);
}

// --------------------------------------------------------------------------------------------------- commit

TEST(ConsumerFlow, CommitsWhenAskedWhateverThePolicySays) {
  ConsumerDialogue d;
  d.options.commit.every_records = 1'000'000;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  AckSpec later;
  later.await_commit = false;
  EXPECT_TRUE(d.ack(m, d.fetch(m).batch->id, later).pending);
  d.advance(1s);
  EXPECT_EQ(d.cluster.committed.count(0), 0U);
  std::vector<PartitionProgress> offsets;
  const std::uint64_t ticket = m.consumer->commit(offsets, d.now);
  d.settle();
  EXPECT_EQ(m.committed.at(ticket), CommitOutcome::kCommitted);
  EXPECT_EQ(d.cluster.committed.at(0), 10);
  EXPECT_EQ(m.consumer->commit(offsets, d.now), 0U) << "nothing is left to be committed";
}

TEST(ConsumerFlow, CommitsWhatItSettledAtOnceBeforeTheRecordsGoOut) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  FetchSpec spec;
  spec.settle_at_once = true;
  spec.wait = 500ms;
  const FetchResult result = d.fetch(m, spec);
  ASSERT_NE(result.commit_ticket, 0U);
  EXPECT_EQ(m.committed.at(result.commit_ticket), CommitOutcome::kCommitted);
  EXPECT_EQ(d.cluster.committed.at(0), 10);
}

TEST(ConsumerFlow, KeepsAcksAboveAGapForTheNextMember) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const BatchId id = d.fetch(m).batch->id;
  AckSpec some;
  some.fallback = Default::kKeep;
  some.accept = {IndexSelector{3, 9}};
  d.ack(m, id, some);
  d.settle();
  EXPECT_EQ(d.cluster.committed.at(0), 0);
  d.cluster.group = test::FakeCoordinator();  // the member is gone without a word
  d.members.clear();
  Member& next = d.join();
  const FetchResult holes = d.fetch(next);
  EXPECT_EQ(holes.batch->records, 3U);
  d.ack(next, holes.batch->id);
  d.settle();
  EXPECT_EQ(d.cluster.committed.at(0), 10);
  EXPECT_EQ(d.cluster.committed_metadata.at(0), "");
}

// -------------------------------------------------------------------------------------------------- silence

TEST(ConsumerFlow, LeavesTheGroupWhenTheApplicationIsSilentAndJoinsAgainWithItsNextCall) {
  ConsumerDialogue d;
  d.options.idle_policy = IdlePolicy::kLeave;
  d.options.idle_timeout = 60s;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  d.ack(m, d.fetch(m, 5).batch->id);
  d.advance(59s);
  EXPECT_EQ(m.consumer->member_state(), MemberState::kStable);
  d.advance(2s);
  EXPECT_EQ(m.consumer->member_state(), MemberState::kLeft);
  EXPECT_EQ(d.cluster.group.size(), 0U);
  EXPECT_TRUE(m.consumer->partitions().empty());
  EXPECT_FALSE(m.consumer->gone()) << "it only rests";
  FetchSpec spec;
  spec.wait = 20s;
  const std::uint64_t ticket = m.consumer->start_fetch(spec, d.now, 0);
  d.advance(15s);
  ASSERT_EQ(m.fetched.count(ticket), 1U);
  ASSERT_TRUE(m.fetched.at(ticket).batch);
  EXPECT_EQ(first_offset(m.fetched.at(ticket)), 5);
  EXPECT_TRUE(has(events(m), EventType::kIdle));
  EXPECT_TRUE(has(events(m), EventType::kLeft));
  EXPECT_TRUE(has(events(m), EventType::kRejoined));
}

TEST(ConsumerFlow, TakesNobodyForSilentWhoWorksOrWaits) {
  ConsumerDialogue d;
  d.options.idle_policy = IdlePolicy::kLeave;
  d.options.idle_timeout = 60s;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult work = d.fetch(m);  // leased for ten minutes
  d.advance(300s);
  EXPECT_EQ(m.consumer->member_state(), MemberState::kStable);
  d.ack(m, work.batch->id);
  FetchSpec spec;
  spec.wait = 600s;
  (void)m.consumer->start_fetch(spec, d.now, 0);
  d.advance(300s);
  EXPECT_EQ(m.consumer->member_state(), MemberState::kStable);
}

TEST(ConsumerFlow, ReadsNothingWhileIdleAndKeepsItsPartitions) {
  ConsumerDialogue d;
  d.options.idle_policy = IdlePolicy::kPause;
  d.options.idle_timeout = 60s;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  d.advance(70s);
  EXPECT_EQ(m.consumer->member_state(), MemberState::kStable);
  EXPECT_EQ(m.consumer->partitions().size(), 1U);
  EXPECT_TRUE(m.consumer->status(d.now).idle);
  EXPECT_EQ(m.budget->used(), 0) << "what was read ahead is given up";
  EXPECT_EQ(d.fetch(m).batch->records, 10U);
}

TEST(ConsumerFlow, GivesUpWhatNobodyAskedForWhenAnotherConsumerIsShortOfMemory) {
  ConsumerDialogue d;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  d.advance(10s);
  EXPECT_GT(m.budget->used(), 0) << "read ahead";
  m.budget->note_shortage(d.now);
  d.advance(1s);
  EXPECT_EQ(m.budget->used(), 0);
  EXPECT_EQ(d.fetch(m).batch->records, 10U) << "but whoever asks gets it";
  m.budget->note_shortage(d.now);
  d.advance(1s);
  EXPECT_GT(m.budget->used(), 0) << "what is leased stays";
}

// ----------------------------------------------------------------------------------------- a topic made anew

TEST(ConsumerFlow, VoidsLeasesOfATopicThatWasCreatedAgain) {
  ConsumerDialogue d;
  d.options.metadata.max_age = 5s;
  d.cluster.produce(0, 10);
  Member& m = d.join();
  const FetchResult old = d.fetch(m, 5);
  d.cluster.recreate();
  d.cluster.produce(0, 3);
  d.advance(20s);
  EXPECT_TRUE(d.ack(m, old.batch->id).lease_gone);
  d.settle();
  EXPECT_LE(d.cluster.committed[0], 0) << "nothing of the old one is committed to the new one";
  const FetchResult fresh = d.fetch(m);
  ASSERT_TRUE(fresh.batch);
  EXPECT_EQ(first_offset(fresh), 0);
  EXPECT_EQ(fresh.batch->records, 3U);
  d.ack(m, fresh.batch->id);
  d.settle();
  EXPECT_EQ(d.cluster.committed.at(0), 3);
}

// -------------------------------------------------------------------------------------------------
// revocation

TEST(ConsumerFlow, TellsEveryFetchWhatIsBeingTakenAwayAndUntilWhen) {
  ConsumerDialogue d(2);
  d.options.membership.rebalance_drain = 10s;
  d.cluster.produce(0, 5);
  d.cluster.produce(1, 5);
  Member& m = d.join();
  const FetchResult work = d.fetch(m);
  ASSERT_TRUE(work.batch);
  EXPECT_TRUE(work.revoking.empty());
  (void)d.join();
  d.advance(4s);
  FetchSpec spec;
  const FetchResult told = d.fetch(m, spec);
  EXPECT_FALSE(told.batch);
  ASSERT_FALSE(told.revoking.empty());
  EXPECT_GT(told.revoking[0].finish_by, d.now);
  EXPECT_TRUE(has(events(m), EventType::kRevoking));
}

}  // namespace
}  // namespace sluice::core
