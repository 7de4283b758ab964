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

TEST(RoundRobinAssignor, DealsThePartitionsOfAllTopicsInOneCircle) {
  const GroupAssignment assignment =
      assign(Assignor::kRoundRobin, {member("a", {"u", "t"}), member("b", {"t", "u"})}, {{"t", 3}, {"u", 3}});
  EXPECT_EQ(assignment.at("a"), (Partitions{{"t", 0}, {"t", 2}, {"u", 1}}));
  EXPECT_EQ(assignment.at("b"), (Partitions{{"t", 1}, {"u", 0}, {"u", 2}}));
}

// KIP-54's example of how uneven this becomes when subscriptions differ.
TEST(RoundRobinAssignor, PassesOverMembersThatDoNotSubscribe) {
  const GroupAssignment assignment =
      assign(Assignor::kRoundRobin,
             {member("c0", {"t0"}), member("c1", {"t0", "t1"}), member("c2", {"t0", "t1", "t2"})},
             {{"t0", 1}, {"t1", 2}, {"t2", 3}});
  EXPECT_EQ(assignment.at("c0"), (Partitions{{"t0", 0}}));
  EXPECT_EQ(assignment.at("c1"), (Partitions{{"t1", 0}}));
  EXPECT_EQ(assignment.at("c2"), (Partitions{{"t1", 1}, {"t2", 0}, {"t2", 1}, {"t2", 2}}));
}

TEST(RoundRobinAssignor, GoesOnAtTheMemberAfterTheLastOneServed) {
  const GroupAssignment assignment =
      assign(Assignor::kRoundRobin, {member("a", {"t"}), member("b", {"t", "u"}), member("c", {"u"})},
             {{"t", 1}, {"u", 1}});
  EXPECT_EQ(assignment.at("b"), (Partitions{{"u", 0}}));
  EXPECT_TRUE(assignment.at("c").empty());
}

TEST(RoundRobinAssignor, EndsWhenNobodySubscribesToATopic) {  // librdkafka #2121, #3159
  const GroupAssignment assignment =
      assign(Assignor::kRoundRobin, {member("a", {}), member("b", {})}, {{"t", 5}});
  EXPECT_TRUE(assignment.at("a").empty());
  EXPECT_TRUE(assignment.at("b").empty());
}

}  // namespace
}  // namespace sluice::core::test
