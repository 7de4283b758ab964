#include "daemon/core/group/balance.hpp"
#include "daemon/core/group/group_view.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace sluice::core {
namespace {

// The partitions to assign, numbered in the order of topic and partition.
struct Items {
  std::map<std::string_view, std::size_t> first_of_topic;
  std::vector<TopicPartition> partitions;
};

// What the members say about one partition.
struct Claim {
  std::optional<std::size_t> owner;  // nobody: not claimed, or claimed twice in the newest generation
  std::int32_t generation = 0;       // of the newest claim
  bool claimed = false;              // by anyone, however stale: that member still consumes it
};

Items number_items(const GroupView& group, const PartitionCounts& partitions) {
  Items items;
  for (const auto& [topic, subscribers] : group.subscribers) {
    items.first_of_topic.emplace(topic, items.partitions.size());
    const std::int32_t count = partitions.at(topic);
    for (std::int32_t partition = 0; partition < count; ++partition)
      items.partitions.push_back({topic, partition});
  }
  return items;
}

std::optional<std::size_t> find_item(const Items& items,
                                     const PartitionCounts& partitions,
                                     const TopicPartition& partition) {
  const auto first = items.first_of_topic.find(partition.topic);
  if (first == items.first_of_topic.end()) return std::nullopt;
  if (partition.partition < 0 || partition.partition >= partitions.at(partition.topic)) return std::nullopt;
  return first->second + static_cast<std::size_t>(partition.partition);
}

// The newest generation wins: an older claim is of a member that missed a rebalance. Two claims in one
// generation cannot both be right, and believing one could give a partition two readers (KAFKA-12984).
std::vector<Claim> weigh_claims(const GroupView& group,
                                const Items& items,
                                const PartitionCounts& partitions) {
  std::vector<Claim> claims(items.partitions.size());
  std::vector<std::size_t> last_claimant(items.partitions.size(), group.members.size());
  for (std::size_t member = 0; member < group.members.size(); ++member) {
    const std::int32_t generation = group.members[member]->generation;
    for (const TopicPartition& owned : group.members[member]->owned) {
      const std::optional<std::size_t> item = find_item(items, partitions, owned);
      if (!item || last_claimant[*item] == member) continue;
      last_claimant[*item] = member;
      Claim& claim = claims[*item];
      if (!claim.claimed || generation > claim.generation) {
        claim = Claim{.owner = member, .generation = generation, .claimed = true};
      } else if (generation == claim.generation) {
        claim.owner = std::nullopt;
      }
    }
  }
  return claims;
}

BalanceProblem make_problem(const GroupView& group, const Items& items, const std::vector<Claim>& claims) {
  BalanceProblem problem;
  problem.members = group.members.size();
  std::map<std::vector<std::size_t>, std::size_t> class_of_subscribers;
  std::size_t item = 0;
  for (const auto& [topic, subscribers] : group.subscribers) {
    const auto [entry, is_new] = class_of_subscribers.emplace(subscribers, problem.classes.size());
    if (is_new) problem.classes.push_back(subscribers);
    for (; item < items.partitions.size() && items.partitions[item].topic == topic; ++item) {
      std::optional<std::size_t> home = claims[item].owner;
      if (home && !std::binary_search(subscribers.begin(), subscribers.end(), *home)) home = std::nullopt;
      problem.item_class.push_back(entry->second);
      problem.home.push_back(home);
    }
  }
  return problem;
}

}  // namespace

GroupAssignment assign_sticky(const GroupView& group, const PartitionCounts& partitions, bool cooperative) {
  const Items items = number_items(group, partitions);
  const std::vector<Claim> claims = weigh_claims(group, items, partitions);
  const std::vector<std::size_t> holder = balance(make_problem(group, items, claims));

  GroupAssignment assignment = empty_assignment(group);
  for (std::size_t item = 0; item < holder.size(); ++item) {
    const bool must_be_revoked_first = claims[item].claimed && claims[item].owner != holder[item];
    if (cooperative && must_be_revoked_first) continue;
    assignment[group.members[holder[item]]->member_id].push_back(items.partitions[item]);
  }
  return assignment;
}

}  // namespace sluice::core
