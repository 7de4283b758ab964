#pragma once

#include "daemon/core/group/assignor.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace sluice::core {

/// The input of an assignor put in order: members sorted and distinct, and who subscribes to what.
/// Points into the vector it was made from.
struct GroupView {
  /// Java's order: members with an instance id first, by that id; then the others by member id.
  std::vector<const MemberSubscription*> members;

  /// topic -> indexes into `members`, ascending, never empty. Only topics that have partitions.
  std::map<std::string, std::vector<std::size_t>> subscribers;
};

[[nodiscard]] GroupView make_group_view(const std::vector<MemberSubscription>& members,
                                        const PartitionCounts& partitions);

/// Every member with an empty list.
[[nodiscard]] GroupAssignment empty_assignment(const GroupView& group);

// The strategies behind assign().
[[nodiscard]] GroupAssignment assign_range(const GroupView& group, const PartitionCounts& partitions);
[[nodiscard]] GroupAssignment assign_round_robin(const GroupView& group, const PartitionCounts& partitions);
[[nodiscard]] GroupAssignment assign_sticky(const GroupView& group,
                                            const PartitionCounts& partitions,
                                            bool cooperative);

}  // namespace sluice::core
