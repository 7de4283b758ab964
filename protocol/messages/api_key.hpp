#pragma once

#include "protocol/schema/version_range.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::protocol {

/// The Kafka APIs that we have messages for. The numbers are Kafka's.
enum class ApiKey : std::int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kInitProducerId = 22,
  kOffsetForLeaderEpoch = 23,
  kSaslAuthenticate = 36,
  kConsumerGroupHeartbeat = 68,
};

/// What we speak of one API.
struct ApiInfo {
  ApiKey key;
  std::string_view name;        ///< Kafka's name, e.g. "FindCoordinator"
  VersionRange spoken;          ///< versions that we send; the upper end is lowered per broker
  std::int16_t flexible_since;  ///< first version with compact lengths and tagged fields (KIP-482)

  [[nodiscard]] constexpr bool is_flexible(std::int16_t version) const { return version >= flexible_since; }
};

/// One row per API. The floors reach back to Kafka 2.1; why each is not lower or higher is in Kafka's message
/// files.
inline constexpr std::array kApis{
    ApiInfo{ApiKey::kProduce, "Produce", {7, 13}, 9},
    ApiInfo{ApiKey::kFetch, "Fetch", {10, 17}, 12},
    ApiInfo{ApiKey::kListOffsets, "ListOffsets", {4, 10}, 6},
    ApiInfo{ApiKey::kMetadata, "Metadata", {7, 13}, 9},
    ApiInfo{ApiKey::kOffsetCommit, "OffsetCommit", {6, 10}, 8},
    ApiInfo{ApiKey::kOffsetFetch, "OffsetFetch", {5, 10}, 6},
    ApiInfo{ApiKey::kFindCoordinator, "FindCoordinator", {1, 6}, 3},
    ApiInfo{ApiKey::kJoinGroup, "JoinGroup", {3, 9}, 6},
    ApiInfo{ApiKey::kHeartbeat, "Heartbeat", {2, 4}, 4},
    ApiInfo{ApiKey::kLeaveGroup, "LeaveGroup", {2, 5}, 4},
    ApiInfo{ApiKey::kSyncGroup, "SyncGroup", {2, 5}, 4},
    ApiInfo{ApiKey::kSaslHandshake, "SaslHandshake", {1, 1}, kNoUpperVersion},
    ApiInfo{ApiKey::kApiVersions, "ApiVersions", {0, 4}, 3},
    ApiInfo{ApiKey::kInitProducerId, "InitProducerId", {1, 5}, 2},
    ApiInfo{ApiKey::kOffsetForLeaderEpoch, "OffsetForLeaderEpoch", {3, 4}, 4},
    ApiInfo{ApiKey::kSaslAuthenticate, "SaslAuthenticate", {0, 2}, 2},
    ApiInfo{ApiKey::kConsumerGroupHeartbeat, "ConsumerGroupHeartbeat", {1, 1}, 0},
};

/// The row of an API by the number on the wire; nullptr for APIs that we have no messages for.
[[nodiscard]] constexpr const ApiInfo* find_api(std::int16_t key) {
  for (const ApiInfo& api : kApis) {
    if (static_cast<std::int16_t>(api.key) == key) return &api;
  }
  return nullptr;
}

/// The row of an API. Every enumerator has one.
[[nodiscard]] constexpr const ApiInfo& api_info(ApiKey key) {
  return *find_api(static_cast<std::int16_t>(key));
}

/// The versions of an API that we send.
[[nodiscard]] constexpr VersionRange versions_spoken(ApiKey key) { return api_info(key).spoken; }

}  // namespace sluice::protocol
