#include "daemon/core/group/assignor.hpp"
#include "tests/unit/core/group/random_group.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace sluice::core::test {
namespace {

using testing::IsSubsetOf;
using Partitions = std::vector<TopicPartition>;

Partitions range(const std::string& topic, std::int32_t first, std::int32_t last) {
  Partitions partitions;
  for (; first <= last; ++first) partitions.push_back({topic, first});
  return partitions;
}

MemberSubscription member(std::string id,
                          Partitions owned,
                          std::int32_t generation = 3,
                          std::vector<std::string> topics = {"t"}) {
  return {.member_id = std::move(id),
          .topics = std::move(topics),
          .owned = std::move(owned),
          .generation = generation};
}

GroupAssignment sticky(const std::vector<MemberSubscription>& members, const PartitionCounts& partitions) {
  return assign(Assignor::kSticky, members, partitions);
}

GroupAssignment cooperative(const std::vector<MemberSubscription>& members,
                            const PartitionCounts& partitions) {
  return assign(Assignor::kCooperativeSticky, members, partitions);
}

TEST(StickyAssignor, DealsEvenlyWhenNobodyOwnsAnything) {
  const GroupAssignment assignment =
      sticky({member("a", {}, -1), member("b", {}, -1), member("c", {}, -1)}, {{"t", 7}});
  EXPECT_EQ(loads(assignment), (std::vector<std::size_t>{2, 2, 3}));
}

TEST(StickyAssignor, ChangesNothingWhenNothingChanged) {
  const Partitions odd{{"t", 1}, {"t", 3}};
  const Partitions even{{"t", 0}, {"t", 2}, {"t", 4}};
  const GroupAssignment assignment = sticky({member("a", odd), member("b", even)}, {{"t", 5}});
  EXPECT_EQ(assignment.at("a"), odd);
  EXPECT_EQ(assignment.at("b"), even);
}

TEST(StickyAssignor, TakesFromEachOnlyWhatAJoiningMemberNeeds) {
  const GroupAssignment assignment =
      sticky({member("a", range("t", 0, 2)), member("b", range("t", 3, 5)), member("c", {}, -1)}, {{"t", 6}});
  EXPECT_THAT(assignment.at("a"), IsSubsetOf(range("t", 0, 2)));
  EXPECT_THAT(assignment.at("b"), IsSubsetOf(range("t", 3, 5)));
  EXPECT_EQ(loads(assignment), (std::vector<std::size_t>{2, 2, 2}));
}

TEST(StickyAssignor, SharesOutWhatALeavingMemberHeldAndMovesNothingElse) {
  const GroupAssignment assignment =
      sticky({member("a", range("t", 0, 1)), member("b", range("t", 2, 3))}, {{"t", 6}});
  EXPECT_THAT(range("t", 0, 1), IsSubsetOf(assignment.at("a")));
  EXPECT_THAT(range("t", 2, 3), IsSubsetOf(assignment.at("b")));
  EXPECT_EQ(loads(assignment), (std::vector<std::size_t>{3, 3}));
}

TEST(StickyAssignor, GivesTheOddPartitionsToThoseWhoHaveThemAlready) {
  const GroupAssignment assignment =
      sticky({member("a", {{"t", 0}}), member("b", range("t", 1, 3)), member("c", {})}, {{"t", 5}});
  EXPECT_EQ(assignment.at("b").size(), 2U);
  EXPECT_THAT(assignment.at("b"), IsSubsetOf(range("t", 1, 3)));
}

// KIP-54's example: roundrobin gives 1, 1 and 4 here.
TEST(StickyAssignor, IsAsEvenAsDifferentSubscriptionsAllow) {
  const GroupAssignment assignment = sticky({member("c0", {}, -1, {"t0"}), member("c1", {}, -1, {"t0", "t1"}),
                                             member("c2", {}, -1, {"t0", "t1", "t2"})},
                                            {{"t0", 1}, {"t1", 2}, {"t2", 3}});
  EXPECT_EQ(assignment.at("c0"), range("t0", 0, 0));
  EXPECT_EQ(assignment.at("c1"), range("t1", 0, 1));
  EXPECT_EQ(assignment.at("c2"), range("t2", 0, 2));
}

TEST(StickyAssignor, EvensOutAlongAChainWhereNoSingleMoveHelps) {
  const GroupAssignment assignment =
      sticky({member("a", range("x", 0, 2), 3, {"x"}), member("b", range("y", 0, 1), 3, {"x", "y"}),
              member("c", range("z", 0, 0), 3, {"y", "z"})},
             {{"x", 3}, {"y", 2}, {"z", 1}});
  EXPECT_EQ(loads(assignment), (std::vector<std::size_t>{2, 2, 2}));
}

TEST(StickyAssignor, BelievesTheClaimOfTheHighestGeneration) {  // KAFKA-12984
  const GroupAssignment assignment = sticky(
      {member("a", range("t", 0, 1), 4), member("b", range("t", 0, 1), 5), member("c", range("t", 2, 3), 5)},
      {{"t", 6}});
  EXPECT_THAT(range("t", 0, 1), IsSubsetOf(assignment.at("b")));
  EXPECT_EQ(assignment.at("a").size(), 2U);
}

TEST(StickyAssignor, BelievesNobodyWhenTwoClaimAPartitionInOneGeneration) {
  const std::vector<MemberSubscription> members{member("a", {{"t", 0}}, 5), member("b", {{"t", 0}}, 5)};
  const GroupAssignment assignment = sticky(members, {{"t", 1}});
  EXPECT_EQ(partition_count(assignment), 1U);
  const GroupAssignment held_back = cooperative(members, {{"t", 1}});
  EXPECT_EQ(partition_count(held_back), 0U);
}

TEST(StickyAssignor, LetsANewerClaimWinOverTwoOlderOnes) {
  const GroupAssignment assignment = cooperative(
      {member("a", {{"t", 0}}, 4), member("b", {{"t", 0}}, 4), member("c", {{"t", 0}}, 5)}, {{"t", 1}});
  EXPECT_EQ(assignment.at("c"), range("t", 0, 0));
}

TEST(StickyAssignor, ForgetsPartitionsThatDoNotExistOrAreNotWantedAnyMore) {
  const GroupAssignment assignment = sticky(
      {member("a",
              {{"gone", 0}, {"u", 0}, {"t", 9}, {"t", -1}, {"t", std::numeric_limits<std::int32_t>::max()}}),
       member("b", {}, 3, {"u"})},
      {{"t", 1}, {"u", 1}});
  EXPECT_EQ(assignment.at("a"), range("t", 0, 0));
  EXPECT_EQ(assignment.at("b"), range("u", 0, 0));
}

TEST(StickyAssignor, CountsAPartitionClaimedTwiceByTheSameMemberOnce) {
  const GroupAssignment assignment = cooperative({member("a", {{"t", 0}, {"t", 0}})}, {{"t", 1}});
  EXPECT_EQ(assignment.at("a"), range("t", 0, 0));
}

TEST(CooperativeStickyAssignor, HandsFreePartitionsOutAtOnce) {
  const GroupAssignment assignment = cooperative({member("a", {}, -1), member("b", {}, -1)}, {{"t", 4}});
  EXPECT_EQ(loads(assignment), (std::vector<std::size_t>{2, 2}));
}

TEST(CooperativeStickyAssignor, HoldsBackWhatMustBeRevokedAndHandsItOutInTheNextRound) {  // KIP-429
  const PartitionCounts partitions{{"t", 4}};
  const GroupAssignment first = cooperative({member("a", range("t", 0, 3)), member("b", {}, -1)}, partitions);
  EXPECT_EQ(first.at("a").size(), 2U);
  EXPECT_TRUE(first.at("b").empty());

  const GroupAssignment second = cooperative({member("a", first.at("a"), 4), member("b", {}, 4)}, partitions);
  EXPECT_EQ(second.at("a"), first.at("a"));
  EXPECT_EQ(second.at("b").size(), 2U);
}

TEST(CooperativeStickyAssignor, HoldsBackWhatAZombieStillClaimsFromAnyoneButItsOwner) {
  const std::vector<MemberSubscription> members{member("a", {{"t", 0}}, 5),
                                                member("zombie", {{"t", 0}, {"t", 1}}, 2),
                                                member("c", {{"t", 2}, {"t", 3}}, 5, {"t"})};
  const GroupAssignment assignment = cooperative(members, {{"t", 4}});
  EXPECT_EQ(assignment.at("a"), range("t", 0, 0));
  EXPECT_EQ(assignment.at("zombie"), range("t", 1, 1));
}

TEST(CooperativeStickyAssignor, HoldsBackWhatAMemberClaimsThatNoLongerWantsIt) {
  const GroupAssignment assignment =
      cooperative({member("a", range("t", 0, 1), 5, {"u"}), member("b", {}, 5, {"t"})}, {{"t", 2}, {"u", 1}});
  EXPECT_EQ(assignment.at("a"), range("u", 0, 0));
  EXPECT_TRUE(assignment.at("b").empty());
}

}  // namespace
}  // namespace sluice::core::test
