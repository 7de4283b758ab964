#pragma once

#include "protocol/error.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::protocol {

/// What a member tells the leader of a classic group. Source: ConsumerProtocolSubscription.json.
struct ConsumerProtocolSubscription {
  static constexpr VersionRange kVersions{0, 3};

  struct TopicPartition {
    std::string topic{};
    std::vector<std::int32_t> partitions{};

    bool operator==(const TopicPartition&) const = default;
  };

  std::vector<std::string> topics{};
  std::optional<Bytes> user_data{};                ///< what the assignor wants to remember
  std::vector<TopicPartition> owned_partitions{};  ///< v1+; cooperative members only
  std::int32_t generation_id = -1;                 ///< v2+; in which they were owned
  std::optional<std::string> rack_id{};            ///< v3+, KIP-881

  bool operator==(const ConsumerProtocolSubscription&) const = default;
};

/// What the leader tells a member of a classic group. Source: ConsumerProtocolAssignment.json.
struct ConsumerProtocolAssignment {
  static constexpr VersionRange kVersions{0, 3};

  struct TopicPartition {
    std::string topic{};
    std::vector<std::int32_t> partitions{};

    bool operator==(const TopicPartition&) const = default;
  };

  std::vector<TopicPartition> assigned_partitions{};
  std::optional<Bytes> user_data{};

  bool operator==(const ConsumerProtocolAssignment&) const = default;
};

/// The form in which both travel inside JoinGroup and SyncGroup: int16 version, then the message.
/// Errors: as encode().
[[nodiscard]] Result<std::string> encode_blob(
    const ConsumerProtocolSubscription& subscription,
    std::int16_t version = ConsumerProtocolSubscription::kVersions.max);
[[nodiscard]] Result<std::string> encode_blob(
    const ConsumerProtocolAssignment& assignment,
    std::int16_t version = ConsumerProtocolAssignment::kVersions.max);

/// Reads what another client wrote, forgivingly: a version above ours is read as ours and its tail ignored,
/// and bytes that end where an older version ends are read as that version (some clients claim version 1 and
/// stop after the user data). No bytes at all give an empty message: that is how a member without an
/// assignment is told so.
template <class M>
[[nodiscard]] Result<M> decode_blob(std::string_view blob);

template <>
[[nodiscard]] Result<ConsumerProtocolSubscription> decode_blob<ConsumerProtocolSubscription>(
    std::string_view blob);
template <>
[[nodiscard]] Result<ConsumerProtocolAssignment> decode_blob<ConsumerProtocolAssignment>(
    std::string_view blob);

}  // namespace sluice::protocol
