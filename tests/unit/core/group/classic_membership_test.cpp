#include "daemon/core/group/classic_membership.hpp"

#include "daemon/core/group/member_state.hpp"
#include "tests/unit/core/group/classic_dialogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// How a member joins, stays and leaves. Rebalances, errors and the leader's work have files of their own.
namespace sluice::core::test {
namespace {

using protocol::HeartbeatRequest;
using protocol::JoinGroupRequest;
using protocol::LeaveGroupRequest;
using protocol::SyncGroupRequest;

const TopicPartition kOrders0{"orders", 0};
const TopicPartition kOrders1{"orders", 1};

TEST(ClassicMembership, JoinsInTwoStepsWhereTheCoordinatorAsksForAMemberId) {
  ClassicDialogue d;
  const auto first = d.take<JoinGroupRequest>();
  EXPECT_EQ(first.member_id, "");
  EXPECT_EQ(d.last.lane, protocol::Lane::kJoin);
  d.refuse_join(KafkaError::kMemberIdRequired, "me");

  const auto second = d.take<JoinGroupRequest>();
  EXPECT_EQ(second.member_id, "me");
  d.admit(1);
  const auto sync = d.take<SyncGroupRequest>();
  EXPECT_EQ(sync.member_id, "me");
  EXPECT_EQ(sync.generation_id, 1);
  EXPECT_EQ(sync.protocol_name, "range");
  EXPECT_TRUE(sync.assignments.empty());
  d.assign({kOrders0});

  EXPECT_EQ(d.member.state(), MemberState::kStable);
  const auto assigned = d.take_event<PartitionsAssigned>();
  EXPECT_EQ(assigned.added, Partitions{kOrders0});
  EXPECT_EQ(assigned.all, Partitions{kOrders0});
  EXPECT_EQ(d.member.identity().generation, 1);
}

TEST(ClassicMembership, SendsWhatTheGroupHasToKnow) {
  auto options = ClassicDialogue::eager();
  options.topics = {"orders", "alerts"};
  options.rack = "r1";
  options.strategies = {Assignor::kRange, Assignor::kCooperativeSticky};
  ClassicDialogue d(options);
  const auto join = d.take<JoinGroupRequest>();
  EXPECT_EQ(join.group_id, "g");
  EXPECT_EQ(join.protocol_type, "consumer");
  EXPECT_EQ(join.session_timeout_ms, 10'000);
  EXPECT_EQ(join.rebalance_timeout_ms, 60'000);
  ASSERT_EQ(join.protocols.size(), 2U);
  EXPECT_EQ(join.protocols[0].name, "range");
  EXPECT_EQ(join.protocols[1].name, "cooperative-sticky");
  const auto subscription = ClassicDialogue::subscription(join);
  EXPECT_THAT(subscription.topics, testing::ElementsAre("alerts", "orders"));
  EXPECT_EQ(subscription.generation_id, -1);
  EXPECT_EQ(subscription.rack_id, "r1");
}

TEST(ClassicMembership, JoinGroupMayBeParkedForTheWholeRebalanceTimeout) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  EXPECT_EQ(d.last.timeout, 65s);

  auto options = ClassicDialogue::eager();
  options.rebalance_timeout = 10s;
  ClassicDialogue short_rebalance(options);
  short_rebalance.take<JoinGroupRequest>();
  EXPECT_EQ(short_rebalance.last.timeout, 30s);
}

TEST(ClassicMembership, AStaticMemberShowsItsInstanceIdEverywhere) {
  ClassicDialogue d(ClassicDialogue::fixed());
  EXPECT_EQ(d.take<JoinGroupRequest>().group_instance_id, "pod-1");
  d.admit(1);
  EXPECT_EQ(d.take<SyncGroupRequest>().group_instance_id, "pod-1");
  d.assign({kOrders0});
  d.advance(3s);
  EXPECT_EQ(d.take<HeartbeatRequest>().group_instance_id, "pod-1");
  EXPECT_EQ(d.member.identity().instance_id, "pod-1");
}

TEST(ClassicMembership, SendsNothingWhileTheCoordinatorIsUnknown) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.fail(FailureKind::kDisconnected);
  d.sent.clear();
  d.coordinator.reset();
  d.advance(5s);
  EXPECT_TRUE(d.sent.empty());
}

TEST(ClassicMembership, NeverHasTwoJoinsOrSyncsInFlight) {
  ClassicDialogue d;
  for (int i = 0; i < 20; ++i) d.advance(1s);
  EXPECT_EQ(d.sent.size(), 1U);
  d.take<JoinGroupRequest>();
  d.admit(1);
  d.take<SyncGroupRequest>();
  for (int i = 0; i < 2; ++i) d.advance(1s);
  EXPECT_TRUE(d.sent.empty());
}

TEST(ClassicMembership, LosingMembershipWaitsForTheParkedSyncBeforeJoiningAgain) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.admit(5);
  d.take<SyncGroupRequest>();
  const auto sync = d.last;
  d.next_heartbeat(KafkaError::kUnknownMemberId);
  EXPECT_EQ(d.member.state(), MemberState::kUnjoined);
  d.advance(1s);
  EXPECT_TRUE(d.sent.empty());

  d.reply(protocol::SyncGroupResponse{}, sync);
  EXPECT_EQ(d.take<JoinGroupRequest>().member_id, "");
  EXPECT_TRUE(d.events.empty());
}

TEST(ClassicMembership, JoinsAtTheNewCoordinatorWithoutWaitingForTheOldOne) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  const auto old = d.last;
  d.coordinator = 2;
  d.poll();
  d.take<JoinGroupRequest>();
  EXPECT_EQ(d.last.node, 2);
  d.admit(3);

  protocol::Reply late;
  late.id = old.id;
  late.response = protocol::JoinGroupResponse{};
  EXPECT_TRUE(d.member.on_reply(late, d.now));
  EXPECT_EQ(d.member.state(), MemberState::kSyncing);
}

TEST(ClassicMembership, DoesNotTakeForeignAnswers) {
  ClassicDialogue d;
  protocol::Reply foreign;
  foreign.id = 4711;
  foreign.response = protocol::JoinGroupResponse{};
  EXPECT_FALSE(d.member.on_reply(foreign, d.now));
  EXPECT_FALSE(d.member.on_failure({4711, 1, FailureKind::kTimedOut, ""}, d.now));
}

TEST(ClassicMembership, JoinGroupWaitsForACommitInFlight) {
  ClassicDialogue d(ClassicDialogue::cooperative());
  d.assignor = Assignor::kCooperativeSticky;
  d.become_stable({kOrders0});
  d.commit_in_flight = true;
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_TRUE(d.sent.empty());
  EXPECT_FALSE(d.member.may_commit());

  d.commit_in_flight = false;
  d.poll();
  d.take<JoinGroupRequest>();
}

TEST(ClassicMembership, JoinGroupDoesNotWaitForACommitBeyondTheRebalanceTimeout) {
  ClassicDialogue d(ClassicDialogue::cooperative());
  d.assignor = Assignor::kCooperativeSticky;
  d.become_stable({kOrders0});
  d.commit_in_flight = true;
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  for (int i = 0; i < 17; ++i) d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_TRUE(d.sent.empty());
  d.advance(3s);  // 54 s: the rebalance timeout without half of its margin
  d.take<JoinGroupRequest>();
}

TEST(ClassicMembership, MayCommitOnlyAsAMemberThatIsNotJoining) {
  ClassicDialogue d;
  EXPECT_FALSE(d.member.may_commit());
  d.take<JoinGroupRequest>();
  d.admit(5);
  EXPECT_FALSE(d.member.may_commit());
  d.take<SyncGroupRequest>();
  d.assign({kOrders0});
  EXPECT_TRUE(d.member.may_commit());
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_EQ(d.member.state(), MemberState::kRevoking);
  EXPECT_TRUE(d.member.may_commit());
  d.member.released(d.now);
  EXPECT_FALSE(d.member.may_commit());
}

TEST(ClassicMembership, HeartbeatsOnItsOwnTimer) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  EXPECT_EQ(d.outbox.wake_time(), d.now + 3s);
  d.advance(2999ms);
  EXPECT_TRUE(d.sent.empty());
  d.advance(1ms);
  const auto heartbeat = d.take<HeartbeatRequest>();
  EXPECT_EQ(heartbeat.generation_id, 5);
  EXPECT_EQ(heartbeat.member_id, "me");
  EXPECT_EQ(d.last.lane, protocol::Lane::kGroup);
  EXPECT_EQ(d.last.timeout, 5s);
  d.advance(4s);
  EXPECT_TRUE(d.sent.empty()) << "one in flight";
  d.answer_heartbeat();
  EXPECT_EQ(d.member.last_heartbeat(), d.now);
  d.take<HeartbeatRequest>();
  EXPECT_EQ(d.member.heartbeats().at("ok"), 1U);
}

TEST(ClassicMembership, HeartbeatsWhileItSyncs) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.admit(1);
  d.take<SyncGroupRequest>();
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_EQ(d.member.state(), MemberState::kSyncing) << "some brokers say so until the leader has assigned";
}

TEST(ClassicMembership, ALostHeartbeatIsRepeatedAtOnceUnderTheSameGeneration) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.advance(3s);
  d.take<HeartbeatRequest>();
  d.fail(FailureKind::kTimedOut);
  const auto lost = d.member.take_coordinator_lost();
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->node, 1);
  d.coordinator = 2;
  d.poll();
  d.take<HeartbeatRequest>();  // was sent to broker 1 again before the Consumer could say otherwise
  d.fail(FailureKind::kDisconnected);
  EXPECT_TRUE(d.sent.empty()) << "the second time only after a back-off";
  d.advance(300ms);
  EXPECT_EQ(d.take<HeartbeatRequest>().generation_id, 5);
  EXPECT_EQ(d.last.node, 2);
  d.answer_heartbeat();
  EXPECT_EQ(d.member.state(), MemberState::kStable);
  EXPECT_TRUE(d.events.empty());
}

TEST(ClassicMembership, NoHeartbeatForASessionTimeoutLosesThePartitions) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.coordinator.reset();
  d.advance(10s);
  EXPECT_EQ(d.member.state(), MemberState::kStable);
  EXPECT_EQ(d.outbox.wake_time(), d.now + 1ns);
  d.advance(1ns);
  EXPECT_EQ(d.take_event<PartitionsLost>().partitions, Partitions{kOrders0});
  EXPECT_TRUE(d.member.assignment().empty());
  EXPECT_EQ(d.member.identity().generation, -1);
  EXPECT_FALSE(d.member.joined_since());
  d.coordinator = 1;
  d.poll();
  EXPECT_EQ(d.take<JoinGroupRequest>().member_id, "me") << "no ghost in the group";
}

TEST(ClassicMembership, AHeartbeatAnsweredAfterALongPauseDoesNotCount) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.advance(3s);
  d.take<HeartbeatRequest>();
  d.now += 15s;  // SIGSTOP; the answer waits in the socket
  d.answer_heartbeat();
  d.take_event<PartitionsLost>();
  EXPECT_EQ(d.member.rebalances().at("member_expired"), 1U);
  EXPECT_EQ(d.member.state(), MemberState::kJoining);
}

TEST(ClassicMembership, ASyncAnsweredAfterALongPauseDoesNotCount) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.admit(5);
  d.take<SyncGroupRequest>();
  d.now += 15s;
  d.assign({kOrders0});
  EXPECT_TRUE(d.events.empty());
  EXPECT_EQ(d.member.state(), MemberState::kJoining);
}

TEST(ClassicMembership, AParkedJoinGroupKeepsPartitionsButNotAcrossALongPause) {
  ClassicDialogue d(ClassicDialogue::cooperative());
  d.assignor = Assignor::kCooperativeSticky;
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take<JoinGroupRequest>();
  for (int i = 0; i < 15; ++i) d.advance(3s);
  EXPECT_TRUE(d.events.empty());
  EXPECT_LE(d.outbox.wake_time(), d.now + 3s);

  d.advance(11s);
  d.take_event<PartitionsLost>();
  EXPECT_EQ(d.member.state(), MemberState::kJoining);
  d.admit(6);
  d.take<SyncGroupRequest>();
  d.assign({kOrders0});
  EXPECT_EQ(d.take_event<PartitionsAssigned>().added, Partitions{kOrders0});
}

TEST(ClassicMembership, AParkedJoinGroupThatFailsIsNotYetALoss) {
  ClassicDialogue d(ClassicDialogue::cooperative());
  d.assignor = Assignor::kCooperativeSticky;
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take<JoinGroupRequest>();
  for (int i = 0; i < 15; ++i) d.advance(3s);
  d.fail(FailureKind::kDisconnected);
  d.take<JoinGroupRequest>();
  EXPECT_TRUE(d.events.empty());
}

TEST(ClassicMembership, ASyncCountsFromWhenItWasSent) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.admit(5);
  d.take<SyncGroupRequest>();
  const auto sync = d.last;
  d.advance(9s);
  d.take<HeartbeatRequest>();  // never answered
  d.last = sync;
  d.assign({kOrders0});
  d.take_event<PartitionsAssigned>();
  d.advance(1s);
  EXPECT_TRUE(d.events.empty());
  d.advance(1ns);
  d.take_event<PartitionsLost>();
}

TEST(ClassicMembership, ADynamicMemberLeavesWithAWord) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.member.leave(d.now);
  d.poll();
  const auto leave = d.take<LeaveGroupRequest>();
  EXPECT_EQ(leave.member_id, "me");
  ASSERT_EQ(leave.members.size(), 1U);
  EXPECT_EQ(leave.members[0].member_id, "me");
  EXPECT_TRUE(leave.members[0].reason);
  EXPECT_EQ(d.last.lane, protocol::Lane::kGroup);
  EXPECT_EQ(d.member.state(), MemberState::kLeaving);
  EXPECT_TRUE(d.member.assignment().empty());
  d.reply(protocol::LeaveGroupResponse{});
  EXPECT_EQ(d.member.state(), MemberState::kLeft);
  d.advance(60s);
  EXPECT_TRUE(d.sent.empty());
  EXPECT_TRUE(d.events.empty());
}

TEST(ClassicMembership, AStaticMemberJustStops) {
  ClassicDialogue d(ClassicDialogue::fixed());
  d.become_stable({kOrders0});
  d.member.leave(d.now);
  d.poll();
  EXPECT_EQ(d.member.state(), MemberState::kLeft);
  EXPECT_TRUE(d.sent.empty());
}

TEST(ClassicMembership, LeavingIsTriedAgainButNotForLong) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.member.leave(d.now);
  d.poll();
  d.take<LeaveGroupRequest>();
  d.fail(FailureKind::kDisconnected);
  EXPECT_TRUE(d.member.take_coordinator_lost());
  d.take<LeaveGroupRequest>();
  protocol::LeaveGroupResponse moved;
  moved.error_code = static_cast<std::int16_t>(KafkaError::kNotCoordinator);
  d.reply(moved);
  EXPECT_EQ(d.member.state(), MemberState::kLeaving);
  d.coordinator.reset();
  d.advance(5s);
  EXPECT_EQ(d.member.state(), MemberState::kLeft);
}

TEST(ClassicMembership, AnUnknownMemberHasLeft) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.member.leave(d.now);
  d.poll();
  d.take<LeaveGroupRequest>();
  protocol::LeaveGroupResponse response;
  response.members.push_back({"me", std::nullopt, static_cast<std::int16_t>(KafkaError::kUnknownMemberId)});
  d.reply(response);
  EXPECT_EQ(d.member.state(), MemberState::kLeft);
}

TEST(ClassicMembership, LeavingWhileJoinGroupIsParkedUndoesTheJoin) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.refuse_join(KafkaError::kMemberIdRequired, "me");
  d.take<JoinGroupRequest>();
  const auto parked = d.last;
  d.member.leave(d.now);
  d.poll();
  EXPECT_EQ(d.take<LeaveGroupRequest>().member_id, "me");
  d.reply(protocol::LeaveGroupResponse{});
  EXPECT_EQ(d.member.state(), MemberState::kLeft);
  protocol::JoinGroupResponse gone;
  gone.error_code = static_cast<std::int16_t>(KafkaError::kUnknownMemberId);
  d.reply(gone, parked);
  EXPECT_EQ(d.member.state(), MemberState::kLeft);
}

TEST(ClassicMembership, LeavingBeforeTheGroupGaveUsANameWaitsForTheName) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.member.leave(d.now);
  d.poll();
  EXPECT_TRUE(d.sent.empty());
  d.refuse_join(KafkaError::kMemberIdRequired, "me");
  EXPECT_EQ(d.take<LeaveGroupRequest>().member_id, "me");
}

TEST(ClassicMembership, LeavingBeforeJoiningEndsAtOnce) {
  ClassicMembership member(ClassicDialogue::eager(), 1);
  member.leave(TimePoint(1s));
  EXPECT_EQ(member.state(), MemberState::kLeft);
}

TEST(ClassicMembership, MovesOnlyAlongTheTable) {
  using enum MemberState;
  const auto may = [](MemberState from, MemberState to) { return may_follow(kClassicStateRules, from, to); };
  EXPECT_TRUE(may(kStable, kRevoking));
  EXPECT_FALSE(may(kUnjoined, kStable));
  EXPECT_FALSE(may(kJoining, kStable));
  EXPECT_FALSE(may(kLeaving, kUnjoined));
  EXPECT_TRUE(may(kLeft, kUnjoined)) << "to join again";
  EXPECT_FALSE(may(kFailed, kUnjoined));
  for (const MemberState to : {kRevoking, kJoining, kSyncing, kStable, kLeaving, kFailed}) {
    EXPECT_FALSE(may(kLeft, to));
    EXPECT_FALSE(may(kFailed, to));
  }
}

}  // namespace
}  // namespace sluice::core::test
