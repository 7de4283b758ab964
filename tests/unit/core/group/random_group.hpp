#pragma once

#include "daemon/core/group/assignor.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace sluice::core::test {

struct Group {
  std::vector<MemberSubscription> members;
  PartitionCounts partitions;
};

/// Makes groups and changes them as life does. The same seed gives the same groups everywhere.
class GroupMaker {
 public:
  explicit GroupMaker(std::uint32_t seed) : random_(seed) {}

  /// 0 .. limit-1.
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool one_in(std::size_t n) { return below(n) == 0; }

  Group make(std::size_t members_max,
             std::size_t topics_max,
             std::size_t partitions_max,
             bool equal_subscriptions);
  void join(Group& group, bool equal_subscriptions);
  void leave(Group& group);
  /// Anything that can happen between two rebalances, also what must not: claims that are stale, false or
  /// absurd.
  void change(Group& group, bool equal_subscriptions);

 private:
  std::mt19937 random_;
  std::size_t members_made_ = 0;
};

/// Gives the members what was assigned to them, in the given generation.
void adopt(Group& group, const GroupAssignment& assignment, std::int32_t generation);

/// What a member still reads when its claim is believed: the only claim, or the only one of the newest
/// generation, of a subscribed topic.
std::map<TopicPartition, std::string> owners(const Group& group);

/// How many partitions stay with their owner.
std::size_t kept(const Group& group, const GroupAssignment& assignment);

std::size_t partition_count(const GroupAssignment& assignment);

/// Ascending.
std::vector<std::size_t> loads(const GroupAssignment& assignment);

bool subscribes(const MemberSubscription& member, const std::string& topic);

/// "" when each member is listed, each partition of a subscribed topic has exactly one holder (at most one,
/// if some may be held back), and each holder subscribes; else what is wrong.
std::string fault_in(const Group& group, const GroupAssignment& assignment, bool may_hold_back = false);

/// "" when no chain of exchanges between members makes the loads more even; else the chain's ends.
std::string imbalance_in(const Group& group, const GroupAssignment& assignment);

/// For the message of a failed assertion.
std::string to_string(const Group& group);

}  // namespace sluice::core::test
