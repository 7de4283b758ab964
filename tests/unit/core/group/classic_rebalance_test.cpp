#include "daemon/core/group/classic_membership.hpp"
#include "tests/unit/core/group/classic_dialogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What a member gives up and gets in a rebalance, in both protocols.
namespace sluice::core::test {
namespace {

using protocol::HeartbeatRequest;
using protocol::JoinGroupRequest;
using protocol::SyncGroupRequest;

const TopicPartition kOrders0{"orders", 0};
const TopicPartition kOrders1{"orders", 1};
const TopicPartition kOrders2{"orders", 2};

ClassicDialogue cooperative_dialogue() {
  ClassicDialogue d(ClassicDialogue::cooperative());
  d.assignor = Assignor::kCooperativeSticky;
  return d;
}

TEST(ClassicEagerRebalance, GivesUpEverythingBeforeItJoins) {
  ClassicDialogue d;
  d.become_stable({kOrders0, kOrders1});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  const auto revoking = d.take_event<PartitionsRevoking>();
  EXPECT_EQ(revoking.partitions, (Partitions{kOrders0, kOrders1}));
  EXPECT_EQ(revoking.finish_by, d.now + 20s);
  EXPECT_EQ(d.member.state(), MemberState::kRevoking);
  EXPECT_TRUE(d.sent.empty());

  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_TRUE(d.events.empty()) << "said once";
  d.member.released(d.now);
  d.poll();
  const auto join = d.take<JoinGroupRequest>();
  EXPECT_EQ(join.member_id, "me");
  EXPECT_TRUE(ClassicDialogue::subscription(join).owned_partitions.empty());
}

TEST(ClassicEagerRebalance, JoinsWithoutReleaseWhenTheTimeIsUp) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  for (int i = 0; i < 6; ++i) d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_EQ(d.outbox.wake_time(), d.now + 2s);
  d.advance(2s);
  d.take<JoinGroupRequest>();
}

TEST(ClassicEagerRebalance, NeverDrainsIntoTheRebalanceTimeout) {
  const auto drain_of = [](std::chrono::milliseconds rebalance_timeout) {
    auto options = ClassicDialogue::eager();
    options.rebalance_timeout = rebalance_timeout;
    options.rebalance_drain = 10min;
    ClassicDialogue d(options);
    d.become_stable({kOrders0});
    d.next_heartbeat(KafkaError::kRebalanceInProgress);
    return d.take_event<PartitionsRevoking>().finish_by - d.now;
  };
  EXPECT_EQ(drain_of(300s), 240s) << "a fifth is kept back";
  EXPECT_EQ(drain_of(10s), 7s) << "but at least 3 s";
  EXPECT_EQ(drain_of(4s), 2s) << "unless there is no room";
}

TEST(ClassicEagerRebalance, AMemberWithoutPartitionsJoinsAtOnce) {
  ClassicDialogue d;
  d.become_stable({});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_TRUE(d.events.empty());
  d.take<JoinGroupRequest>();
}

TEST(ClassicEagerRebalance, WhatComesBackInTheNextGenerationStayed) {
  ClassicDialogue d;
  d.become_stable({kOrders0, kOrders1});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take_event<PartitionsRevoking>();
  d.member.released(d.now);
  d.poll();
  d.join_as_follower(6, {kOrders1, kOrders2});
  const auto assigned = d.take_event<PartitionsAssigned>();
  EXPECT_EQ(assigned.added, Partitions{kOrders2});
  EXPECT_EQ(assigned.all, (Partitions{kOrders1, kOrders2}));
  EXPECT_TRUE(d.events.empty());
  EXPECT_EQ(d.member.assignment(), assigned.all);
}

TEST(ClassicEagerRebalance, WhatComesBackAfterAMissedGenerationWasLost) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take_event<PartitionsRevoking>();
  d.member.released(d.now);
  d.poll();
  d.join_as_follower(7, {kOrders0});
  EXPECT_EQ(d.take_event<PartitionsLost>().partitions, Partitions{kOrders0});
  EXPECT_EQ(d.take_event<PartitionsAssigned>().added, Partitions{kOrders0});
  EXPECT_EQ(d.member.rebalances().at("lagging"), 1U);
}

TEST(ClassicEagerRebalance, AGenerationWithoutSyncIsAMissedOne) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take_event<PartitionsRevoking>();
  d.member.released(d.now);
  d.poll();
  d.take<JoinGroupRequest>();
  d.admit(6);
  d.take<SyncGroupRequest>();
  d.refuse_sync(KafkaError::kRebalanceInProgress);
  EXPECT_TRUE(d.events.empty());
  d.take<JoinGroupRequest>();
  d.admit(7);
  d.take_event<PartitionsLost>();
}

TEST(ClassicEagerRebalance, RejoiningTheSameGenerationKeepsEverything) {
  ClassicDialogue d(ClassicDialogue::fixed());
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take_event<PartitionsRevoking>();
  d.member.released(d.now);
  d.poll();
  d.join_as_follower(5, {kOrders0});
  EXPECT_TRUE(d.take_event<PartitionsAssigned>().added.empty());
}

TEST(ClassicEagerRebalance, ReleasedOutOfTurnMeansNothing) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.member.released(d.now);
  d.poll();
  EXPECT_EQ(d.member.state(), MemberState::kStable);
  EXPECT_TRUE(d.sent.empty());
}

TEST(ClassicEagerRebalance, MembershipLostWhileRevokingIsToldAndJoinsAtOnce) {
  ClassicDialogue d;
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take_event<PartitionsRevoking>();
  d.next_heartbeat(KafkaError::kUnknownMemberId);
  d.take_event<PartitionsLost>();
  EXPECT_EQ(d.take<JoinGroupRequest>().member_id, "");
}

TEST(ClassicEagerRebalance, AMixedListOfAssignorsIsEager) {
  auto options = ClassicDialogue::eager();
  options.strategies = {Assignor::kRange, Assignor::kCooperativeSticky};
  ClassicDialogue d(options);
  d.assignor = Assignor::kCooperativeSticky;
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_EQ(d.take_event<PartitionsRevoking>().partitions, Partitions{kOrders0});
  d.member.released(d.now);
  d.poll();
  const auto join = d.take<JoinGroupRequest>();
  for (const auto& protocol : join.protocols) {
    const auto subscription =
        protocol::decode_blob<protocol::ConsumerProtocolSubscription>(protocol.metadata.view());
    EXPECT_TRUE(subscription->owned_partitions.empty()) << protocol.name;
  }
}

TEST(ClassicCooperativeRebalance, JoinsAtOnceAndKeepsItsPartitions) {
  ClassicDialogue d = cooperative_dialogue();
  d.become_stable({kOrders0, kOrders1});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_TRUE(d.events.empty());
  const auto subscription = ClassicDialogue::subscription(d.take<JoinGroupRequest>());
  ASSERT_EQ(subscription.owned_partitions.size(), 1U);
  EXPECT_EQ(subscription.owned_partitions[0].topic, "orders");
  EXPECT_THAT(subscription.owned_partitions[0].partitions, testing::ElementsAre(0, 1));
  EXPECT_EQ(subscription.generation_id, 5);
  EXPECT_EQ(d.member.assignment(), (Partitions{kOrders0, kOrders1}));
}

TEST(ClassicCooperativeRebalance, GivesUpWhatMovesAndThenJoinsAgain) {
  ClassicDialogue d = cooperative_dialogue();
  d.become_stable({kOrders0, kOrders1});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take<JoinGroupRequest>();
  d.admit(6);
  d.take<SyncGroupRequest>();
  d.assign({kOrders1, kOrders2});
  const auto assigned = d.take_event<PartitionsAssigned>();
  EXPECT_EQ(assigned.added, Partitions{kOrders2});
  EXPECT_EQ(assigned.all, (Partitions{kOrders0, kOrders1, kOrders2})) << "what goes is still ours";
  const auto revoking = d.take_event<PartitionsRevoking>();
  EXPECT_EQ(revoking.partitions, Partitions{kOrders0});
  EXPECT_EQ(revoking.finish_by, d.now + 20s);
  EXPECT_EQ(d.member.state(), MemberState::kRevoking);

  d.next_heartbeat(KafkaError::kNone);
  d.member.released(d.now);
  d.poll();
  const auto subscription = ClassicDialogue::subscription(d.take<JoinGroupRequest>());
  EXPECT_THAT(subscription.owned_partitions.at(0).partitions, testing::ElementsAre(1, 2));
  EXPECT_EQ(subscription.generation_id, 6);

  d.admit(7);
  d.take<SyncGroupRequest>();
  d.assign({kOrders1, kOrders2});
  EXPECT_TRUE(d.take_event<PartitionsAssigned>().added.empty());
  EXPECT_EQ(d.member.state(), MemberState::kStable);
}

TEST(ClassicCooperativeRebalance, WhatWasGivenUpStartsAfreshWhenItComesBack) {
  ClassicDialogue d = cooperative_dialogue();
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.join_as_follower_of_revocation(6, {});
  d.member.released(d.now);
  d.poll();
  d.join_as_follower(7, {kOrders0});
  EXPECT_EQ(d.take_event<PartitionsAssigned>().added, Partitions{kOrders0});
}

TEST(ClassicCooperativeRebalance, AFailedSyncKeepsTheClaim) {
  ClassicDialogue d = cooperative_dialogue();
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take<JoinGroupRequest>();
  d.admit(6);
  d.take<SyncGroupRequest>();
  d.refuse_sync(KafkaError::kRebalanceInProgress);
  const auto subscription = ClassicDialogue::subscription(d.take<JoinGroupRequest>());
  EXPECT_EQ(subscription.generation_id, 6);
  EXPECT_EQ(subscription.owned_partitions.size(), 1U);
  d.admit(7);
  d.take<SyncGroupRequest>();
  d.assign({kOrders0});
  EXPECT_TRUE(d.take_event<PartitionsAssigned>().added.empty());
}

TEST(ClassicCooperativeRebalance, AMissedGenerationLosesEverything) {
  ClassicDialogue d = cooperative_dialogue();
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.take<JoinGroupRequest>();
  d.admit(8);
  EXPECT_EQ(d.take_event<PartitionsLost>().partitions, Partitions{kOrders0});
  d.take<SyncGroupRequest>();
  d.assign({kOrders0});
  EXPECT_EQ(d.take_event<PartitionsAssigned>().added, Partitions{kOrders0});
}

TEST(ClassicCooperativeRebalance, AfterLosingMembershipNothingIsClaimed) {
  ClassicDialogue d = cooperative_dialogue();
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kUnknownMemberId);
  d.take_event<PartitionsLost>();
  const auto join = d.take<JoinGroupRequest>();
  EXPECT_EQ(join.member_id, "");
  EXPECT_TRUE(ClassicDialogue::subscription(join).owned_partitions.empty());
  EXPECT_EQ(ClassicDialogue::subscription(join).generation_id, -1);
}

TEST(ClassicCooperativeRebalance, ARebalanceDuringARevocationIsJoinedWhenTheRevocationEnds) {
  ClassicDialogue d = cooperative_dialogue();
  d.become_stable({kOrders0});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  d.join_as_follower_of_revocation(6, {});
  d.next_heartbeat(KafkaError::kRebalanceInProgress);
  EXPECT_EQ(d.member.state(), MemberState::kRevoking);
  EXPECT_TRUE(d.sent.empty());
  d.member.released(d.now);
  d.poll();
  d.take<JoinGroupRequest>();
}

TEST(ClassicAssignment, UnusableBytesAreAskedForAgainSlowly) {
  const auto answer_with = [](const std::string& bytes) {
    ClassicDialogue d;
    d.take<JoinGroupRequest>();
    d.admit(5);
    d.take<SyncGroupRequest>();
    protocol::SyncGroupResponse response;
    response.assignment = protocol::Bytes(bytes);
    d.reply(response);
    EXPECT_EQ(d.member.state(), MemberState::kUnjoined);
    EXPECT_TRUE(d.events.empty());
    d.advance(700ms);
    EXPECT_TRUE(d.sent.empty());
    d.advance(600ms);
    EXPECT_EQ(d.take<JoinGroupRequest>().member_id, "me");
  };
  answer_with("\x01");
  answer_with(std::string("\x00\x00\x7f\xff\xff\xff", 6));
  answer_with(make_assignment({{"orders", -1}}).value());
  answer_with(make_assignment({kOrders0, kOrders0}).value());
  answer_with(make_assignment({{"not-ours", 0}}).value());
}

TEST(ClassicAssignment, NoBytesMeanNoPartitions) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.admit(5);
  d.take<SyncGroupRequest>();
  d.reply(protocol::SyncGroupResponse{});
  EXPECT_EQ(d.member.state(), MemberState::kStable);
  EXPECT_TRUE(d.take_event<PartitionsAssigned>().all.empty());
}

}  // namespace
}  // namespace sluice::core::test
