#include "daemon/core/group/classic_membership.hpp"
#include "tests/unit/core/group/classic_dialogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

// What the leader of a group does: waits for partition counts, assigns for everybody, notices new partitions.
namespace sluice::core::test {
namespace {

using protocol::HeartbeatRequest;
using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;
using protocol::SyncGroupRequest;

const TopicPartition kOrders0{"orders", 0};
const TopicPartition kOrders1{"orders", 1};

JoinGroupResponse::JoinGroupResponseMember member_of(const std::string& id,
                                                     const std::vector<std::string>& topics) {
  const auto protocols = make_protocols({Assignor::kRange}, {.topics = topics});
  return {id, std::nullopt, protocols.value().at(0).metadata};
}

JoinGroupResponse lead(std::int32_t generation,
                       std::vector<JoinGroupResponse::JoinGroupResponseMember> members) {
  JoinGroupResponse response;
  response.generation_id = generation;
  response.protocol_name = "range";
  response.member_id = "me";
  response.leader = "me";
  response.members = std::move(members);
  return response;
}

std::map<std::string, Partitions> assignments(const SyncGroupRequest& sync) {
  std::map<std::string, Partitions> result;
  for (const auto& entry : sync.assignments) {
    result[entry.member_id] = parse_assignment(entry.assignment.view(), {"orders", "alerts"}).value();
  }
  return result;
}

TEST(ClassicLeader, AssignsForEverybody) {
  ClassicDialogue d;
  d.member.set_partition_counts({{"orders", 3}}, d.now);
  d.take<JoinGroupRequest>();
  d.reply(lead(1, {member_of("me", {"orders"}), member_of("you", {"orders"})}));
  EXPECT_TRUE(d.member.is_leader());
  const auto assigned = assignments(d.take<SyncGroupRequest>());
  EXPECT_EQ(assigned.at("me"), (Partitions{kOrders0, kOrders1}));
  EXPECT_EQ(assigned.at("you"), (Partitions{{"orders", 2}}));
}

TEST(ClassicLeader, WaitsForThePartitionCountsOfAllTopicsOfTheGroup) {
  ClassicDialogue d;
  d.member.set_partition_counts({{"orders", 1}}, d.now);
  EXPECT_THAT(d.member.topics_to_know(), testing::ElementsAre("orders"));
  d.take<JoinGroupRequest>();
  d.reply(lead(1, {member_of("me", {"orders"}), member_of("you", {"alerts"})}));
  EXPECT_THAT(d.member.topics_to_know(), testing::ElementsAre("alerts", "orders"));
  EXPECT_TRUE(d.sent.empty());

  d.member.set_partition_counts({{"orders", 1}, {"alerts", 1}}, d.now);
  d.poll();
  EXPECT_EQ(assignments(d.take<SyncGroupRequest>()).at("you"), (Partitions{{"alerts", 0}}));
}

TEST(ClassicLeader, AssignsWhatItKnowsWhenTheMetadataDoesNotCome) {
  ClassicDialogue d;
  d.member.set_partition_counts({{"orders", 1}}, d.now);
  d.take<JoinGroupRequest>();
  d.reply(lead(1, {member_of("me", {"orders"}), member_of("you", {"alerts"})}));
  d.next_heartbeat(KafkaError::kNone);
  EXPECT_EQ(d.outbox.wake_time(), d.now + 2s);
  d.advance(2s);
  const auto assigned = assignments(d.take<SyncGroupRequest>());
  EXPECT_EQ(assigned.at("me"), Partitions{kOrders0});
  EXPECT_TRUE(assigned.at("you").empty());

  d.assign({kOrders0});
  d.member.set_partition_counts({{"orders", 1}, {"alerts", 1}}, d.now);
  EXPECT_EQ(d.member.state(), MemberState::kRevoking) << "and does it again when it comes";
}

TEST(ClassicLeader, ATopicKnownNotToExistIsNotWaitedFor) {
  ClassicDialogue d;
  d.member.set_partition_counts({{"orders", 1}, {"alerts", 0}}, d.now);
  d.take<JoinGroupRequest>();
  d.reply(lead(1, {member_of("me", {"orders"}), member_of("you", {"alerts"})}));
  EXPECT_TRUE(assignments(d.take<SyncGroupRequest>()).at("you").empty());
}

TEST(ClassicLeader, AMemberWithUnreadableSubscriptionGetsNothing) {
  ClassicDialogue d;
  d.member.set_partition_counts({{"orders", 2}}, d.now);
  d.take<JoinGroupRequest>();
  const std::string huge_count("\x00\x01\x7f\xff\xff\xff", 6);
  const std::string long_name =
      make_protocols({Assignor::kRange}, {.topics = {std::string(300, 'x')}}).value().at(0).metadata.data;
  d.reply(lead(1, {{"a", std::nullopt, protocol::Bytes("\x01")},
                   {"b", std::nullopt, protocol::Bytes(huge_count)},
                   {"c", std::nullopt, protocol::Bytes(long_name)},
                   {"d", std::nullopt, protocol::Bytes{}},
                   member_of("me", {"orders"})}));
  const auto assigned = assignments(d.take<SyncGroupRequest>());
  EXPECT_EQ(assigned.size(), 5U);
  EXPECT_EQ(assigned.at("me").size(), 2U);
  for (const char* id : {"a", "b", "c", "d"}) EXPECT_TRUE(assigned.at(id).empty()) << id;
}

TEST(ClassicLeader, LeavesTheAssignmentAloneWhenToldTo) {
  ClassicDialogue d(ClassicDialogue::fixed());
  d.take<JoinGroupRequest>();
  auto answer = lead(1, {member_of("me", {"orders"})});
  answer.skip_assignment = true;
  d.reply(answer);
  EXPECT_TRUE(d.take<SyncGroupRequest>().assignments.empty()) << "at once, metadata or not";
  d.assign({kOrders0});
  d.member.set_partition_counts({{"orders", 1}}, d.now);
  EXPECT_EQ(d.member.state(), MemberState::kStable) << "what it first hears of is not a change";
  d.member.set_partition_counts({{"orders", 2}}, d.now);
  EXPECT_EQ(d.member.state(), MemberState::kRevoking);
}

TEST(ClassicLeader, StartsARebalanceWhenATopicGrows) {
  ClassicDialogue d;
  d.member.set_partition_counts({{"orders", 1}}, d.now);
  d.take<JoinGroupRequest>();
  d.reply(lead(1, {member_of("me", {"orders"})}));
  d.take<SyncGroupRequest>();
  d.assign({kOrders0});
  d.take_event<PartitionsAssigned>();

  d.member.set_partition_counts({{"orders", 1}}, d.now);
  d.member.set_partition_counts({}, d.now);
  d.member.set_partition_counts({{"foreign", 9}}, d.now);
  d.poll();
  EXPECT_EQ(d.member.state(), MemberState::kStable) << "incomplete metadata is no change";
  d.member.set_partition_counts({{"orders", 2}}, d.now);
  d.poll();
  d.take_event<PartitionsRevoking>();
  d.member.released(d.now);
  d.poll();
  EXPECT_THAT(d.take<JoinGroupRequest>().reason.value_or(""), testing::HasSubstr("number of partitions"));
}

TEST(ClassicLeader, NoticesAChangeThatCameWhileItSynced) {
  ClassicDialogue d;
  d.member.set_partition_counts({{"orders", 1}}, d.now);
  d.take<JoinGroupRequest>();
  d.reply(lead(1, {member_of("me", {"orders"})}));
  d.take<SyncGroupRequest>();
  d.member.set_partition_counts({{"orders", 2}}, d.now);
  d.assign({kOrders0});
  d.take_event<PartitionsAssigned>();
  d.take_event<PartitionsRevoking>();
}

TEST(ClassicLeader, AFollowerLeavesChangesToTheLeader) {
  ClassicDialogue d;
  d.member.set_partition_counts({{"orders", 1}}, d.now);
  d.become_stable({kOrders0});
  EXPECT_FALSE(d.member.is_leader());
  d.member.set_partition_counts({{"orders", 2}}, d.now);
  EXPECT_EQ(d.member.state(), MemberState::kStable);
}

TEST(ClassicLeader, InAMixedGroupTheBrokerLeads) {
  ClassicDialogue d;
  d.take<JoinGroupRequest>();
  d.admit(1, "me", "");
  EXPECT_FALSE(d.member.is_leader());
  EXPECT_TRUE(d.take<SyncGroupRequest>().assignments.empty());
}

}  // namespace
}  // namespace sluice::core::test
