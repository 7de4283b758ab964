#include "daemon/core/group/group_view.hpp"

#include <algorithm>

namespace sluice::core {

// One circle over all members for all topics. Members that do not subscribe to the topic at hand are passed
// over; every topic of the view has a subscriber, so that one turn of the circle always finds one.
GroupAssignment assign_round_robin(const GroupView& group, const PartitionCounts& partitions) {
  GroupAssignment assignment = empty_assignment(group);
  std::size_t turn = 0;
  for (const auto& [topic, subscribers] : group.subscribers) {
    const std::int32_t count = partitions.at(topic);
    for (std::int32_t partition = 0; partition < count; ++partition) {
      auto receiver = std::lower_bound(subscribers.begin(), subscribers.end(), turn);
      if (receiver == subscribers.end()) receiver = subscribers.begin();
      assignment[group.members[*receiver]->member_id].push_back({topic, partition});
      turn = (*receiver + 1) % group.members.size();
    }
  }
  return assignment;
}

}  // namespace sluice::core
