#include "daemon/core/group/assignor.hpp"

#include "tests/unit/core/group/random_group.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace sluice::core::test {
namespace {

constexpr std::array kAll{Assignor::kRange, Assignor::kRoundRobin, Assignor::kSticky,
                          Assignor::kCooperativeSticky};

TEST(Assignor, HasTheNamesThatOtherClientsUse) {
  EXPECT_EQ(assignor_name(Assignor::kRange), "range");
  EXPECT_EQ(assignor_name(Assignor::kRoundRobin), "roundrobin");
  EXPECT_EQ(assignor_name(Assignor::kSticky), "sticky");
  EXPECT_EQ(assignor_name(Assignor::kCooperativeSticky), "cooperative-sticky");
}

TEST(Assignor, IsFoundByItsName) {
  for (const Assignor assignor : kAll) EXPECT_EQ(assignor_from_name(assignor_name(assignor)), assignor);
}

TEST(Assignor, IsNotFoundByAnotherName) {
  for (const char* name : {"", "Range", "round-robin", "cooperative_sticky", "range "}) {
    EXPECT_EQ(assignor_from_name(name), std::nullopt) << name;
  }
}

TEST(Assignor, OnlyCooperativeStickyIsCooperative) {
  for (const Assignor assignor : kAll) {
    EXPECT_EQ(is_cooperative(assignor), assignor == Assignor::kCooperativeSticky);
  }
}

TEST(Assignor, GivesNothingToNobody) {
  for (const Assignor assignor : kAll) EXPECT_TRUE(assign(assignor, {}, {{"t", 3}}).empty());
}

TEST(Assignor, ListsAMemberThatGetsNothing) {
  const Group group{.members = {{.member_id = "a", .topics = {"t"}}, {.member_id = "b"}},
                    .partitions = {{"t", 1}}};
  for (const Assignor assignor : kAll) {
    const GroupAssignment assignment = assign(assignor, group.members, group.partitions);
    EXPECT_EQ(assignment.at("a").size(), 1U);
    EXPECT_TRUE(assignment.at("b").empty());
  }
}

TEST(Assignor, GivesNothingOfATopicThatIsMissingEmptyOrNegative) {
  const Group group{.members = {{.member_id = "a", .topics = {"missing", "empty", "negative"}}},
                    .partitions = {{"empty", 0}, {"negative", -3}}};
  for (const Assignor assignor : kAll) {
    EXPECT_TRUE(assign(assignor, group.members, group.partitions).at("a").empty());
  }
}

TEST(Assignor, LeavesATopicWithoutSubscribersToNobody) {
  const Group group{.members = {{.member_id = "a", .topics = {"t"}}}, .partitions = {{"other", 4}, {"t", 1}}};
  for (const Assignor assignor : kAll) {
    EXPECT_EQ(assign(assignor, group.members, group.partitions).at("a"),
              (std::vector<TopicPartition>{{"t", 0}}));
  }
}

TEST(Assignor, CountsATopicNamedTwiceOnce) {
  const Group group{
      .members = {{.member_id = "a", .topics = {"t", "t"}}, {.member_id = "b", .topics = {"t"}}},
      .partitions = {{"t", 4}}};
  for (const Assignor assignor : kAll) {
    EXPECT_EQ(loads(assign(assignor, group.members, group.partitions)), (std::vector<std::size_t>{2, 2}));
  }
}

TEST(Assignor, CountsAMemberListedTwiceOnce) {
  const MemberSubscription member{.member_id = "a", .topics = {"t"}};
  for (const Assignor assignor : kAll) {
    const GroupAssignment assignment = assign(assignor, {member, member}, {{"t", 3}});
    EXPECT_EQ(assignment.size(), 1U);
    EXPECT_EQ(assignment.at("a").size(), 3U);
  }
}

TEST(Assignor, GivesEveryPartitionOneHolderWhateverTheMembersClaim) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    GroupMaker maker(seed);
    const bool equal = seed % 2 == 0;
    Group group = maker.make(8, 5, 9, equal);
    for (int change = 0; change < 6; ++change) maker.change(group, equal);
    for (const Assignor assignor : {Assignor::kRange, Assignor::kRoundRobin, Assignor::kSticky}) {
      ASSERT_EQ(fault_in(group, assign(assignor, group.members, group.partitions)), "")
          << assignor_name(assignor) << " seed " << seed << "\n"
          << to_string(group);
    }
  }
}

TEST(Assignor, DoesNotDependOnTheOrderOfTheMembers) {
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    GroupMaker maker(seed);
    Group group = maker.make(8, 5, 9, false);
    adopt(group, assign(Assignor::kSticky, group.members, group.partitions), 1);
    for (int change = 0; change < 3; ++change) maker.change(group, false);
    std::vector<MemberSubscription> reversed(group.members.rbegin(), group.members.rend());
    for (const Assignor assignor : kAll) {
      ASSERT_EQ(assign(assignor, group.members, group.partitions),
                assign(assignor, reversed, group.partitions))
          << assignor_name(assignor) << " seed " << seed << "\n"
          << to_string(group);
    }
  }
}

}  // namespace
}  // namespace sluice::core::test
