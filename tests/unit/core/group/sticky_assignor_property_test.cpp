// What must hold for every group. The seed is in the message of a failure.
#include "daemon/core/group/assignor.hpp"
#include "tests/unit/core/group/random_group.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

namespace sluice::core::test {
namespace {

constexpr std::uint32_t kGroups = 1000;

// A group that has been through a rebalance or two and has changed since.
Group group_after_changes(std::uint32_t seed, bool equal_subscriptions) {
  GroupMaker maker(seed);
  Group group = maker.make(9, 6, 12, equal_subscriptions);
  adopt(group, assign(Assignor::kSticky, group.members, group.partitions), 5);
  const std::size_t changes = maker.below(5);
  for (std::size_t change = 0; change < changes; ++change) maker.change(group, equal_subscriptions);
  return group;
}

bool is_claimed_by_another(const Group& group,
                           const TopicPartition& partition,
                           const std::string& member_id) {
  return std::any_of(group.members.begin(), group.members.end(), [&](const MemberSubscription& member) {
    return member.member_id != member_id &&
           std::find(member.owned.begin(), member.owned.end(), partition) != member.owned.end();
  });
}

// The most that can stay when all members subscribe to the same and each may hold `quota`, some one more.
std::size_t kept_max(const Group& group, std::size_t partitions) {
  std::map<std::string, std::size_t> owned;
  for (const auto& [partition, owner] : owners(group)) ++owned[owner];
  const std::size_t quota = partitions / group.members.size();
  std::size_t one_more = partitions % group.members.size();
  std::size_t sum = 0;
  for (const auto& [owner, count] : owned) {
    sum += std::min(count, quota);
    if (count > quota && one_more > 0) {
      ++sum;
      --one_more;
    }
  }
  return sum;
}

TEST(StickyAssignorProperty, ValidAndAsEvenAsCanBe) {
  for (std::uint32_t seed = 0; seed < kGroups; ++seed) {
    const Group group = group_after_changes(seed, seed % 2 == 0);
    const GroupAssignment assignment = assign(Assignor::kSticky, group.members, group.partitions);
    ASSERT_EQ(fault_in(group, assignment), "") << "seed " << seed << "\n" << to_string(group);
    ASSERT_EQ(imbalance_in(group, assignment), "") << "seed " << seed << "\n" << to_string(group);
  }
}

TEST(StickyAssignorProperty, EqualSubscriptionsDifferByOneAtMostAndKeepAllThatCanBeKept) {
  for (std::uint32_t seed = 0; seed < kGroups; ++seed) {
    Group group = group_after_changes(seed, true);
    for (MemberSubscription& member : group.members) member.topics = group.members.front().topics;
    const GroupAssignment assignment = assign(Assignor::kSticky, group.members, group.partitions);
    const std::vector<std::size_t> ascending = loads(assignment);
    ASSERT_LE(ascending.back() - ascending.front(), 1U) << "seed " << seed << "\n" << to_string(group);
    ASSERT_EQ(kept(group, assignment), kept_max(group, partition_count(assignment)))
        << "seed " << seed << "\n"
        << to_string(group);
  }
}

TEST(StickyAssignorProperty, ChangesNothingWhenNothingChanged) {
  for (std::uint32_t seed = 0; seed < kGroups; ++seed) {
    Group group = group_after_changes(seed, seed % 2 == 0);
    const GroupAssignment assignment = assign(Assignor::kSticky, group.members, group.partitions);
    adopt(group, assignment, 6);
    ASSERT_EQ(assign(Assignor::kSticky, group.members, group.partitions), assignment) << "seed " << seed;
    ASSERT_EQ(assign(Assignor::kCooperativeSticky, group.members, group.partitions), assignment)
        << "seed " << seed;
  }
}

TEST(StickyAssignorProperty, AMemberThatJoinsCostsTheOthersNoMoreThanItsShare) {
  for (std::uint32_t seed = 0; seed < kGroups; ++seed) {
    GroupMaker maker(seed);
    Group group = maker.make(9, 6, 12, true);
    const GroupAssignment before = assign(Assignor::kSticky, group.members, group.partitions);
    adopt(group, before, 5);
    maker.join(group, true);
    const GroupAssignment after = assign(Assignor::kSticky, group.members, group.partitions);
    const std::size_t share = after.at(group.members.back().member_id).size();
    ASSERT_EQ(kept(group, after), partition_count(before) - share) << "seed " << seed << "\n"
                                                                   << to_string(group);
  }
}

TEST(StickyAssignorProperty, AMemberThatLeavesCostsTheOthersNothing) {
  for (std::uint32_t seed = 0; seed < kGroups; ++seed) {
    GroupMaker maker(seed);
    Group group = maker.make(9, 6, 12, true);
    adopt(group, assign(Assignor::kSticky, group.members, group.partitions), 5);
    maker.leave(group);
    const GroupAssignment after = assign(Assignor::kSticky, group.members, group.partitions);
    ASSERT_EQ(kept(group, after), owners(group).size()) << "seed " << seed << "\n" << to_string(group);
  }
}

TEST(CooperativeStickyAssignorProperty, NeverGivesAPartitionToOneWhileAnotherHasIt) {
  for (std::uint32_t seed = 0; seed < kGroups; ++seed) {
    const Group group = group_after_changes(seed, seed % 2 == 0);
    const GroupAssignment assignment = assign(Assignor::kCooperativeSticky, group.members, group.partitions);
    ASSERT_EQ(fault_in(group, assignment, true), "") << "seed " << seed << "\n" << to_string(group);
    const auto owner_of = owners(group);
    for (const auto& [member, partitions] : assignment) {
      for (const TopicPartition& partition : partitions) {
        const auto owner = owner_of.find(partition);
        const bool is_its_own = owner != owner_of.end() && owner->second == member;
        ASSERT_TRUE(is_its_own || !is_claimed_by_another(group, partition, member))
            << "seed " << seed << " " << core::to_string(partition) << "\n"
            << to_string(group);
      }
    }
  }
}

TEST(CooperativeStickyAssignorProperty, HandsEverythingOutInTheSecondRoundAndMovesNothingThen) {
  for (std::uint32_t seed = 0; seed < kGroups; ++seed) {
    Group group = group_after_changes(seed, seed % 2 == 0);
    adopt(group, assign(Assignor::kCooperativeSticky, group.members, group.partitions), 9);
    const GroupAssignment second = assign(Assignor::kCooperativeSticky, group.members, group.partitions);
    ASSERT_EQ(fault_in(group, second), "") << "seed " << seed << "\n" << to_string(group);
    ASSERT_EQ(imbalance_in(group, second), "") << "seed " << seed << "\n" << to_string(group);
    ASSERT_EQ(kept(group, second), owners(group).size()) << "seed " << seed << "\n" << to_string(group);
  }
}

// 2,000 partitions at 200 members; processor time, because the machine may be busy with other things.
class StickyAssignorTime : public testing::TestWithParam<std::size_t> {
 protected:
  static constexpr std::size_t kMembers = 200;
  static constexpr std::size_t kPartitions = 2000;

  static Group make(std::size_t topics, bool equal_subscriptions) {
    Group group;
    for (std::size_t topic = 0; topic < topics; ++topic) {
      group.partitions["t" + std::to_string(topic)] = static_cast<std::int32_t>(kPartitions / topics);
    }
    GroupMaker maker(7);
    for (std::size_t member = 0; member < kMembers; ++member) maker.join(group, equal_subscriptions);
    return group;
  }

  static double seconds_to_assign(const Group& group) {
    const std::clock_t start = std::clock();
    const GroupAssignment assignment = assign(Assignor::kCooperativeSticky, group.members, group.partitions);
    const std::clock_t end = std::clock();
    EXPECT_EQ(assignment.size(), group.members.size());
    return static_cast<double>(end - start) / CLOCKS_PER_SEC;
  }

  static void let_the_first_own_all_it_wants(Group& group) {
    MemberSubscription& first = group.members.front();
    for (const auto& [topic, count] : group.partitions) {
      for (std::int32_t partition = 0; partition < count; ++partition)
        first.owned.push_back({topic, partition});
    }
    first.generation = 3;
  }

  // The worst past: every partition at a member drawn by lot.
  static void scatter(Group& group) {
    GroupMaker maker(8);
    for (const auto& [topic, count] : group.partitions) {
      for (std::int32_t partition = 0; partition < count; ++partition) {
        group.members[maker.below(kMembers)].owned.push_back({topic, partition});
      }
    }
  }
};

TEST_P(StickyAssignorTime, IsBelowOneSecondForAFreshGroup) {
  EXPECT_LT(seconds_to_assign(make(GetParam(), true)), 1.0);
  EXPECT_LT(seconds_to_assign(make(GetParam(), false)), 1.0);
}

TEST_P(StickyAssignorTime, IsBelowOneSecondWhenOneMemberOwnsEverything) {
  for (const bool equal : {true, false}) {
    Group group = make(GetParam(), equal);
    let_the_first_own_all_it_wants(group);
    EXPECT_LT(seconds_to_assign(group), 1.0) << (equal ? "equal" : "different") << " subscriptions";
  }
}

TEST_P(StickyAssignorTime, IsBelowOneSecondWhenThePastWasALottery) {
  for (const bool equal : {true, false}) {
    Group group = make(GetParam(), equal);
    scatter(group);
    EXPECT_LT(seconds_to_assign(group), 1.0) << (equal ? "equal" : "different") << " subscriptions";
  }
}

INSTANTIATE_TEST_SUITE_P(Topics, StickyAssignorTime, testing::Values(1, 20, 200));

}  // namespace
}  // namespace sluice::core::test
