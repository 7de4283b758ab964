#include "daemon/core/group/assignor.hpp"

#include "daemon/core/group/group_view.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace sluice::core {
namespace {

constexpr std::array<std::pair<Assignor, std::string_view>, 4> kNames{{
    {Assignor::kRange, "range"},
    {Assignor::kRoundRobin, "roundrobin"},
    {Assignor::kSticky, "sticky"},
    {Assignor::kCooperativeSticky, "cooperative-sticky"},
}};

// A member id changes with every restart, an instance id does not: sorting by it keeps a static member's
// share.
bool comes_before(const MemberSubscription* a, const MemberSubscription* b) {
  const auto key = [](const MemberSubscription* member) {
    return std::tuple<bool, std::string_view, std::string_view>(
        !member->instance_id.has_value(), member->instance_id ? *member->instance_id : std::string_view{},
        member->member_id);
  };
  return key(a) < key(b);
}

}  // namespace

std::string_view assignor_name(Assignor assignor) {
  for (const auto& [value, name] : kNames) {
    if (value == assignor) return name;
  }
  return {};
}

std::optional<Assignor> assignor_from_name(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

bool is_cooperative(Assignor assignor) { return assignor == Assignor::kCooperativeSticky; }

GroupView make_group_view(const std::vector<MemberSubscription>& members, const PartitionCounts& partitions) {
  GroupView group;
  std::map<std::string_view, const MemberSubscription*> distinct;
  for (const MemberSubscription& member : members) distinct.emplace(member.member_id, &member);
  for (const auto& [id, member] : distinct) group.members.push_back(member);
  std::sort(group.members.begin(), group.members.end(), comes_before);

  for (std::size_t index = 0; index < group.members.size(); ++index) {
    for (const std::string& topic : group.members[index]->topics) {
      auto entry = group.subscribers.find(topic);
      if (entry == group.subscribers.end()) {
        const auto count = partitions.find(topic);
        if (count == partitions.end() || count->second <= 0) continue;
        entry = group.subscribers.emplace(topic, std::vector<std::size_t>{}).first;
      }
      std::vector<std::size_t>& subscribers = entry->second;
      const bool named_twice = !subscribers.empty() && subscribers.back() == index;
      if (!named_twice) subscribers.push_back(index);
    }
  }
  return group;
}

GroupAssignment empty_assignment(const GroupView& group) {
  GroupAssignment assignment;
  for (const MemberSubscription* member : group.members) assignment[member->member_id];
  return assignment;
}

GroupAssignment assign(Assignor assignor,
                       const std::vector<MemberSubscription>& members,
                       const PartitionCounts& partitions) {
  const GroupView group = make_group_view(members, partitions);
  switch (assignor) {
    case Assignor::kRange:
      return assign_range(group, partitions);
    case Assignor::kRoundRobin:
      return assign_round_robin(group, partitions);
    case Assignor::kSticky:
      return assign_sticky(group, partitions, false);
    case Assignor::kCooperativeSticky:
      return assign_sticky(group, partitions, true);
  }
  return empty_assignment(group);
}

}  // namespace sluice::core
