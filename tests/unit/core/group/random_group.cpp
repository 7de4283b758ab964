#include "tests/unit/core/group/random_group.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <set>
#include <sstream>

namespace sluice::core::test {

Group GroupMaker::make(std::size_t members_max,
                       std::size_t topics_max,
                       std::size_t partitions_max,
                       bool equal_subscriptions) {
  Group group;
  const std::size_t topics = 1 + below(topics_max);
  for (std::size_t topic = 0; topic < topics; ++topic) {
    group.partitions["t" + std::to_string(topic)] = static_cast<std::int32_t>(below(partitions_max + 1));
  }
  const std::size_t members = 1 + below(members_max);
  for (std::size_t member = 0; member < members; ++member) join(group, equal_subscriptions);
  return group;
}

void GroupMaker::join(Group& group, bool equal_subscriptions) {
  MemberSubscription member;
  const std::string number = std::to_string(members_made_++);
  member.member_id = std::to_string(below(1000)) + "-" + number;
  if (one_in(4)) member.instance_id = "i" + std::to_string(below(100)) + "-" + number;
  for (const auto& [topic, count] : group.partitions) {
    if (equal_subscriptions || one_in(2)) member.topics.push_back(topic);
  }
  if (!equal_subscriptions && one_in(8)) member.topics.push_back("missing");
  group.members.push_back(member);
}

void GroupMaker::leave(Group& group) {
  if (group.members.size() < 2) return;
  group.members.erase(group.members.begin() + static_cast<std::ptrdiff_t>(below(group.members.size())));
}

void GroupMaker::change(Group& group, bool equal_subscriptions) {
  MemberSubscription& one = group.members[below(group.members.size())];
  const MemberSubscription& other = group.members[below(group.members.size())];
  auto topic = group.partitions.begin();
  std::advance(topic, static_cast<std::ptrdiff_t>(below(group.partitions.size())));
  switch (below(10)) {
    case 0:
    case 1:
      return join(group, equal_subscriptions);
    case 2:
    case 3:
      return leave(group);
    case 4:
      topic->second += static_cast<std::int32_t>(below(5));
      return;
    case 5:
      topic->second = 0;
      return;
    case 6: {
      if (equal_subscriptions) return;
      const auto named = std::find(one.topics.begin(), one.topics.end(), topic->first);
      if (named == one.topics.end()) {
        one.topics.push_back(topic->first);
      } else {
        one.topics.erase(named);
      }
      return;
    }
    case 7:
      one.generation = static_cast<std::int32_t>(below(8)) - 1;
      [[fallthrough]];
    case 8: {
      const std::vector<TopicPartition> claims = other.owned;
      one.owned.insert(one.owned.end(), claims.begin(), claims.end());
      return;
    }
    default:
      one.owned.push_back({topic->first, std::numeric_limits<std::int32_t>::max()});
      one.owned.push_back({topic->first, -1});
      one.owned.push_back({"never-existed", 0});
      if (one_in(2)) one.topics.push_back(topic->first);
      return;
  }
}

void adopt(Group& group, const GroupAssignment& assignment, std::int32_t generation) {
  for (MemberSubscription& member : group.members) {
    member.owned = assignment.at(member.member_id);
    member.generation = generation;
  }
}

bool subscribes(const MemberSubscription& member, const std::string& topic) {
  return std::find(member.topics.begin(), member.topics.end(), topic) != member.topics.end();
}

std::map<TopicPartition, std::string> owners(const Group& group) {
  std::map<TopicPartition, std::map<std::int32_t, std::set<const MemberSubscription*>>> claims;
  for (const MemberSubscription& member : group.members) {
    for (const TopicPartition& partition : member.owned) claims[partition][member.generation].insert(&member);
  }
  std::map<TopicPartition, std::string> result;
  for (const auto& [partition, by_generation] : claims) {
    const auto& newest = by_generation.rbegin()->second;
    const auto count = group.partitions.find(partition.topic);
    const bool exists =
        count != group.partitions.end() && partition.partition >= 0 && partition.partition < count->second;
    if (exists && newest.size() == 1 && subscribes(**newest.begin(), partition.topic)) {
      result[partition] = (*newest.begin())->member_id;
    }
  }
  return result;
}

std::size_t kept(const Group& group, const GroupAssignment& assignment) {
  std::size_t count = 0;
  for (const auto& [partition, owner] : owners(group)) {
    const auto& assigned = assignment.at(owner);
    if (std::find(assigned.begin(), assigned.end(), partition) != assigned.end()) ++count;
  }
  return count;
}

std::size_t partition_count(const GroupAssignment& assignment) {
  std::size_t count = 0;
  for (const auto& [member, partitions] : assignment) count += partitions.size();
  return count;
}

std::vector<std::size_t> loads(const GroupAssignment& assignment) {
  std::vector<std::size_t> result;
  for (const auto& [member, partitions] : assignment) result.push_back(partitions.size());
  std::sort(result.begin(), result.end());
  return result;
}

std::string fault_in(const Group& group, const GroupAssignment& assignment, bool may_hold_back) {
  if (assignment.size() != group.members.size()) return "not every member is listed";
  std::set<std::string> topics;
  std::map<TopicPartition, std::string> holders;
  for (const MemberSubscription& member : group.members) {
    topics.insert(member.topics.begin(), member.topics.end());
    const auto assigned = assignment.find(member.member_id);
    if (assigned == assignment.end()) return member.member_id + " is not listed";
    for (const TopicPartition& partition : assigned->second) {
      if (!subscribes(member, partition.topic))
        return member.member_id + " does not want " + to_string(partition);
      const bool is_first = holders.emplace(partition, member.member_id).second;
      if (!is_first) return to_string(partition) + " has two holders";
    }
  }
  std::size_t partitions = 0;
  for (const std::string& topic : topics) {
    const auto count = group.partitions.find(topic);
    if (count == group.partitions.end()) continue;
    partitions += static_cast<std::size_t>(count->second);
    for (std::int32_t partition = 0; partition < count->second && !may_hold_back; ++partition) {
      if (!holders.contains({topic, partition}))
        return topic + "-" + std::to_string(partition) + " has no holder";
    }
  }
  return holders.size() > partitions ? "partitions that do not exist" : "";
}

std::string imbalance_in(const Group& group, const GroupAssignment& assignment) {
  for (const MemberSubscription& giver : group.members) {
    const std::size_t most = assignment.at(giver.member_id).size();
    std::set<const MemberSubscription*> reached{&giver};
    std::set<std::string> topics;
    std::deque<const MemberSubscription*> frontier{&giver};
    while (!frontier.empty()) {
      const MemberSubscription* member = frontier.front();
      frontier.pop_front();
      const auto& assigned = assignment.at(member->member_id);
      if (assigned.size() + 2 <= most)
        return giver.member_id + " could relieve itself to " + member->member_id;
      for (const TopicPartition& partition : assigned) {
        if (!topics.insert(partition.topic).second) continue;
        for (const MemberSubscription& next : group.members) {
          if (subscribes(next, partition.topic) && reached.insert(&next).second) frontier.push_back(&next);
        }
      }
    }
  }
  return "";
}

std::string to_string(const Group& group) {
  std::ostringstream out;
  for (const auto& [topic, count] : group.partitions) out << topic << ":" << count << " ";
  for (const MemberSubscription& member : group.members) {
    out << "\n"
        << member.member_id << " (" << member.instance_id.value_or("") << ") generation "
        << member.generation;
    out << " wants";
    for (const std::string& topic : member.topics) out << " " << topic;
    out << " owns";
    for (const TopicPartition& partition : member.owned) out << " " << core::to_string(partition);
  }
  return out.str();
}

}  // namespace sluice::core::test
