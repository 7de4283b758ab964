#pragma once

#include "daemon/core/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

/// How the leader of a classic group deals partitions out to its members. Source: KIP-54, KIP-429, Kafka's
/// assignors.
enum class Assignor { kRange = 1, kRoundRobin, kSticky, kCooperativeSticky };

/// The protocol name in JoinGroup: "range", "roundrobin", "sticky", "cooperative-sticky".
[[nodiscard]] std::string_view assignor_name(Assignor assignor);

/// nullopt for a name that we do not speak; such a protocol must not be offered to the group.
[[nodiscard]] std::optional<Assignor> assignor_from_name(std::string_view name);

/// True where members keep their partitions while they rejoin. Source: KIP-429.
[[nodiscard]] bool is_cooperative(Assignor assignor);

/// What one member said about itself in JoinGroup, as the leader sees it.
struct MemberSubscription {
  std::string member_id{};
  std::optional<std::string> instance_id{};
  std::vector<std::string> topics{};
  /// What the member says it owns; only the sticky assignors look at it. It is a claim: it may be stale or
  /// false.
  std::vector<TopicPartition> owned{};
  /// The generation in which it was given `owned`; -1 when unknown.
  std::int32_t generation = -1;
  /// Not used: replica racks are not part of PartitionCounts. Java ignores racks too when those are unknown.
  std::optional<std::string> rack{};
};

/// topic -> number of partitions; a missing topic has none.
using PartitionCounts = std::map<std::string, std::int32_t>;

/// member id -> its partitions. Holds every member, also one that gets nothing.
using GroupAssignment = std::map<std::string, std::vector<TopicPartition>>;

/// Assigns each partition of each subscribed topic to one of the subscribers of the topic. Deterministic: the
/// order of `members` does not matter. A member id that occurs twice counts once (its first subscription).
/// kRange and kRoundRobin give what Java's assignors give. kSticky is balanced as well as the subscriptions
/// allow and then keeps what it can. kCooperativeSticky is the same, but leaves out every partition that has
/// to be revoked first by a member which still claims it: that member rejoins after the revocation and the
/// next round hands the partition out.
[[nodiscard]] GroupAssignment assign(Assignor assignor,
                                     const std::vector<MemberSubscription>& members,
                                     const PartitionCounts& partitions);

}  // namespace sluice::core
