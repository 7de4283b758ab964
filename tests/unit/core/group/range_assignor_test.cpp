#include "daemon/core/group/assignor.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::core::test {
namespace {

using Partitions = std::vector<TopicPartition>;

MemberSubscription member(std::string id, std::vector<std::string> topics) {
  return {.member_id = std::move(id), .topics = std::move(topics)};
}

TEST(RangeAssignor, GivesContiguousRangesAndTheRestToTheFirst) {
  const GroupAssignment assignment =
      assign(Assignor::kRange, {member("b", {"t"}), member("c", {"t"}), member("a", {"t"})}, {{"t", 7}});
  EXPECT_EQ(assignment.at("a"), (Partitions{{"t", 0}, {"t", 1}, {"t", 2}}));
  EXPECT_EQ(assignment.at("b"), (Partitions{{"t", 3}, {"t", 4}}));
  EXPECT_EQ(assignment.at("c"), (Partitions{{"t", 5}, {"t", 6}}));
}

TEST(RangeAssignor, CutsTopicsOfTheSameSizeAtTheSamePlaces) {
  const GroupAssignment assignment =
      assign(Assignor::kRange, {member("a", {"t", "u"}), member("b", {"t", "u"})}, {{"t", 3}, {"u", 3}});
  EXPECT_EQ(assignment.at("a"), (Partitions{{"t", 0}, {"t", 1}, {"u", 0}, {"u", 1}}));
  EXPECT_EQ(assignment.at("b"), (Partitions{{"t", 2}, {"u", 2}}));
}

TEST(RangeAssignor, LeavesMembersBeyondTheLastPartitionEmpty) {
  const GroupAssignment assignment =
      assign(Assignor::kRange, {member("a", {"t"}), member("b", {"t"})}, {{"t", 1}});
  EXPECT_EQ(assignment.at("a"), (Partitions{{"t", 0}}));
  EXPECT_TRUE(assignment.at("b").empty());
}

TEST(RangeAssignor, CountsOnlyTheSubscribersOfATopic) {
  const GroupAssignment assignment =
      assign(Assignor::kRange, {member("a", {"t", "u"}), member("b", {"u"})}, {{"t", 2}, {"u", 2}});
  EXPECT_EQ(assignment.at("a"), (Partitions{{"t", 0}, {"t", 1}, {"u", 0}}));
  EXPECT_EQ(assignment.at("b"), (Partitions{{"u", 1}}));
}

TEST(RangeAssignor, KeepsTheShareOfAStaticMemberThatCameBackWithANewMemberId) {
  MemberSubscription first{.member_id = "z1", .instance_id = "one", .topics = {"t"}};
  const MemberSubscription second{.member_id = "m", .instance_id = "two", .topics = {"t"}};
  const Partitions before = assign(Assignor::kRange, {first, second}, {{"t", 3}}).at("z1");
  first.member_id = "a1";
  EXPECT_EQ(assign(Assignor::kRange, {first, second}, {{"t", 3}}).at("a1"), before);
}

TEST(RangeAssignor, ServesStaticMembersBeforeTheOthers) {
  const MemberSubscription with_instance{.member_id = "z", .instance_id = "i", .topics = {"t"}};
  const GroupAssignment assignment =
      assign(Assignor::kRange, {member("a", {"t"}), with_instance}, {{"t", 1}});
  EXPECT_EQ(assignment.at("z").size(), 1U);
}

}  // namespace
}  // namespace sluice::core::test
