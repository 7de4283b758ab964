#include "daemon/core/group/group_view.hpp"

namespace sluice::core {

// Per topic and without regard to the others: topics with equally many partitions and subscribers therefore
// get equal cuts, and a member that joins two of them by key has both sides (co-partitioning).
GroupAssignment assign_range(const GroupView& group, const PartitionCounts& partitions) {
  GroupAssignment assignment = empty_assignment(group);
  for (const auto& [topic, subscribers] : group.subscribers) {
    const std::int32_t count = partitions.at(topic);
    const auto members = static_cast<std::int64_t>(subscribers.size());
    const auto share = static_cast<std::int32_t>(count / members);
    auto members_with_one_more = static_cast<std::int32_t>(count % members);

    std::int32_t next = 0;
    for (const std::size_t member : subscribers) {
      const std::int32_t last = next + share + (members_with_one_more-- > 0 ? 1 : 0);
      std::vector<TopicPartition>& assigned = assignment[group.members[member]->member_id];
      for (; next < last; ++next) assigned.push_back({topic, next});
    }
  }
  return assignment;
}

}  // namespace sluice::core
