#pragma once

#include "daemon/core/outbox.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"
#include "protocol/exchange.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::core {

/// What a group member is called in requests to the coordinator.
struct MemberIdentity {
  std::string member_id;
  std::int32_t generation = -1;  ///< classic generation, or KIP-848 member epoch
  std::optional<std::string> instance_id;
};

/// Life of a membership. Names follow Kafka's classic states as a client sees them.
enum class MemberState : std::uint8_t {
  kUnjoined = 1,  ///< not a member, or about to join
  kRevoking,      ///< a rebalance began; waiting for the Consumer to let go of partitions before (re)joining
  kJoining,       ///< JoinGroup sent
  kSyncing,       ///< SyncGroup sent
  kStable,        ///< member with an assignment; heartbeating
  kLeaving,       ///< LeaveGroup sent
  kLeft,          ///< out of the group for good
  kFailed,        ///< fatal: configuration or authorisation; see fatal_error()
};

/// What a membership tells the Consumer. Delivered in order through take_events().
struct PartitionsAssigned {
  std::vector<TopicPartition> added;  ///< newly ours: fetch their committed offsets
  std::vector<TopicPartition> all;    ///< everything ours now
};
/// These partitions go away. Stop handing out, wait for open leases until `finish_by` at the latest, commit
/// what is acked, then call released(). Partitions named again in a later PartitionsAssigned{all} stayed ours
/// all the time.
struct PartitionsRevoking {
  std::vector<TopicPartition> partitions;
  TimePoint finish_by;
};
/// Gone without a chance to commit (fenced, unknown member, session lost): drop leases and buffers, do not
/// commit.
struct PartitionsLost {
  std::vector<TopicPartition> partitions;
  std::string reason;
};
using MembershipEvent = std::variant<PartitionsAssigned, PartitionsRevoking, PartitionsLost>;

}  // namespace sluice::core
