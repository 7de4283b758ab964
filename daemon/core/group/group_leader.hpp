#pragma once

#include "daemon/core/group/assignor.hpp"
#include "daemon/core/outbox.hpp"
#include "protocol/messages/join_group.hpp"
#include "protocol/messages/sync_group.hpp"

#include <set>
#include <string>
#include <vector>

namespace sluice::core {

/// The part of a classic membership that only the leader of the group has: it knows what all members
/// subscribe to, assigns the partitions, and notices when the assignment is out of date.
class GroupLeader {
 public:
  /// Reads the subscriptions out of the JoinGroup answer. They were written by any client: a member whose
  /// bytes cannot be read subscribes to nothing, and gets nothing, which is logged.
  GroupLeader(Assignor assignor,
              const std::vector<protocol::JoinGroupResponse::JoinGroupResponseMember>& members,
              std::vector<LogLine>& lines);

  /// The topics of all members.
  [[nodiscard]] const std::set<std::string>& topics() const { return topics_; }

  /// Whether `counts` says something about every topic; 0 counts as "known not to exist".
  [[nodiscard]] bool has_all(const PartitionCounts& counts) const;

  /// One assignment for each member, ready for SyncGroup. Remembers the counts it was made from.
  [[nodiscard]] std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment> assign(
      const PartitionCounts& counts, std::vector<LogLine>& lines);

  /// Takes over an assignment that somebody else made (SkipAssignment, KIP-814): only later changes count.
  void adopt(const PartitionCounts& counts);
  [[nodiscard]] bool has_adopted() const { return has_adopted_; }

  /// Whether a topic of the group has another number of partitions than the assignment was made from. A topic
  /// missing in `counts` says nothing: metadata may be incomplete.
  [[nodiscard]] bool is_outdated(const PartitionCounts& counts);

 private:
  Assignor assignor_;
  std::vector<MemberSubscription> members_;
  std::set<std::string> topics_;
  PartitionCounts used_;
  bool has_adopted_ = false;
};

}  // namespace sluice::core
