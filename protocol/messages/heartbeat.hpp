#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::protocol {

/// API 12, to the coordinator: a member of a classic group is alive. Source: HeartbeatRequest.json.
struct HeartbeatRequest {
  static constexpr ApiKey kApiKey = ApiKey::kHeartbeat;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::string group_id{};
  std::int32_t generation_id = 0;
  std::string member_id{};
  std::optional<std::string> group_instance_id{};  ///< static membership, KIP-345

  bool operator==(const HeartbeatRequest&) const = default;
};

/// Source: HeartbeatResponse.json.
struct HeartbeatResponse {
  static constexpr ApiKey kApiKey = ApiKey::kHeartbeat;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::int16_t error_code = 0;

  bool operator==(const HeartbeatResponse&) const = default;
};

}  // namespace sluice::protocol
