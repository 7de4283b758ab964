#pragma once

#include "daemon/core/group/assignor.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

/// The user data of a `sticky` member: what it was assigned last, and when.
struct StickyUserData {
  std::vector<TopicPartition> owned;
  std::int32_t generation = -1;  ///< -1: written by a member too old to know generations (v0)
};

/// The user-data bytes of our own subscription for `assignor`; nullopt means null on the wire.
/// sticky: `owned` and `generation` (v1), null before the first assignment. cooperative-sticky: the
/// generation alone, because `owned` has its own field in the subscription. range, roundrobin: none.
/// Topic names that Kafka does not allow (above 249 bytes) are left out.
[[nodiscard]] std::optional<std::string> subscription_user_data(Assignor assignor,
                                                                const std::vector<TopicPartition>& owned,
                                                                std::int32_t generation);

/// Reads the user data of a `sticky` member, v1 or v0. nullopt when malformed: the member then owned nothing.
/// The bytes come from any client in the group: lengths are checked, names above 249 bytes and more than
/// 100,000 partitions are malformed.
[[nodiscard]] std::optional<StickyUserData> parse_sticky_user_data(std::string_view bytes);

/// Reads the generation of a `cooperative-sticky` member whose subscription is too old (below v2) to have the
/// field. Accepts Java's four bytes and librdkafka's, which writes the user data of `sticky` here. nullopt
/// when malformed.
[[nodiscard]] std::optional<std::int32_t> parse_cooperative_generation(std::string_view bytes);

}  // namespace sluice::core
