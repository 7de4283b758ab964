#include "daemon/core/group/group_leader.hpp"

#include "daemon/core/group/classic_protocol.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

GroupLeader::GroupLeader(Assignor assignor,
                         const std::vector<protocol::JoinGroupResponse::JoinGroupResponseMember>& members,
                         std::vector<LogLine>& lines)
    : assignor_(assignor) {
  for (const auto& member : members) {
    auto subscription = parse_subscription(assignor, member);
    if (!subscription) {
      lines.push_back({LogLevel::kWarn, "member " + member.member_id +
                                            " gets no partitions, its subscription cannot be read: " +
                                            subscription.error().message});
      MemberSubscription nothing;
      nothing.member_id = member.member_id;
      nothing.instance_id = member.group_instance_id;
      members_.push_back(std::move(nothing));
      continue;
    }
    topics_.insert(subscription->topics.begin(), subscription->topics.end());
    members_.push_back(std::move(*subscription));
  }
}

bool GroupLeader::has_all(const PartitionCounts& counts) const {
  return std::all_of(topics_.begin(), topics_.end(),
                     [&](const std::string& topic) { return counts.contains(topic); });
}

std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment> GroupLeader::assign(
    const PartitionCounts& counts, std::vector<LogLine>& lines) {
  adopt(counts);
  has_adopted_ = false;
  std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment> assignments;
  for (const auto& [member_id, partitions] : core::assign(assignor_, members_, used_)) {
    auto blob = make_assignment(partitions);
    if (!blob) {
      lines.push_back(
          {LogLevel::kError, "assignment of member " + member_id + " is left out: " + blob.error().message});
      blob = std::string{};
    }
    assignments.push_back({member_id, protocol::Bytes(std::move(*blob))});
  }
  return assignments;
}

void GroupLeader::adopt(const PartitionCounts& counts) {
  has_adopted_ = true;
  used_.clear();
  for (const std::string& topic : topics_) {
    const auto count = counts.find(topic);
    if (count != counts.end()) used_.insert(*count);
  }
}

bool GroupLeader::is_outdated(const PartitionCounts& counts) {
  bool outdated = false;
  for (const std::string& topic : topics_) {
    const auto count = counts.find(topic);
    if (count == counts.end()) continue;
    const auto used = used_.find(topic);
    if (used == used_.end() && has_adopted_) {
      used_.insert(*count);
      continue;
    }
    const std::int32_t before = used == used_.end() ? 0 : used->second;
    outdated = outdated || before != count->second;
  }
  return outdated;
}

}  // namespace sluice::core
