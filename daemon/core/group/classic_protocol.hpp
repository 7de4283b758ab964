#pragma once

#include "daemon/core/group/assignor.hpp"
#include "daemon/core/types.hpp"
#include "protocol/error.hpp"
#include "protocol/messages/join_group.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The blobs of the classic consumer protocol, as a member writes and reads them.
namespace sluice::core {

/// What a member says about itself when it joins.
struct OwnSubscription {
  std::vector<std::string> topics;
  /// What the member was assigned in `generation` and still counts as its own.
  std::vector<TopicPartition> held{};
  std::int32_t generation = -1;
  std::optional<std::string> rack{};
  /// Whether `held` is claimed in the open (KIP-429). Eager members claim nothing; `sticky` remembers
  /// privately.
  bool cooperative = false;
};

/// The protocols of JoinGroup, in order of preference. Errors: as encode_blob().
[[nodiscard]] protocol::Result<std::vector<protocol::JoinGroupRequest::JoinGroupRequestProtocol>>
make_protocols(const std::vector<Assignor>& strategies, const OwnSubscription& own);

/// Reads our assignment: sorted, each partition once. No bytes mean no partitions. Errors: kMalformed, also
/// for a negative or repeated partition and for a topic that is not in `topics`: like Java, we do not consume
/// what we did not ask for.
[[nodiscard]] protocol::Result<std::vector<TopicPartition>> parse_assignment(
    std::string_view blob, const std::vector<std::string>& topics);

/// Reads what `member` wrote about itself. Errors: kMalformed, also for names longer than Kafka's and for
/// more owned partitions than anybody has: every name is copied per partition.
[[nodiscard]] protocol::Result<MemberSubscription> parse_subscription(
    Assignor assignor, const protocol::JoinGroupResponse::JoinGroupResponseMember& member);

/// The bytes of one member's assignment. Errors: as encode_blob().
[[nodiscard]] protocol::Result<std::string> make_assignment(const std::vector<TopicPartition>& partitions);

}  // namespace sluice::core
