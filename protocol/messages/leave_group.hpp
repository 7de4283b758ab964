#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 13, to the coordinator. Source: LeaveGroupRequest.json, KIP-345 (v3+: many members).
struct LeaveGroupRequest {
  static constexpr ApiKey kApiKey = ApiKey::kLeaveGroup;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct MemberIdentity {
    std::string member_id{};
    std::optional<std::string> group_instance_id{};  ///< static membership, KIP-345
    std::optional<std::string> reason{};

    bool operator==(const MemberIdentity&) const = default;
  };

  std::string group_id{};
  std::string member_id{};                ///< v2 only
  std::vector<MemberIdentity> members{};  ///< v3+

  bool operator==(const LeaveGroupRequest&) const = default;
};

/// Check the errors of the members as well as the one on top. Source: LeaveGroupResponse.json.
struct LeaveGroupResponse {
  static constexpr ApiKey kApiKey = ApiKey::kLeaveGroup;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct MemberResponse {
    std::string member_id{};
    std::optional<std::string> group_instance_id = std::string{};  ///< static membership, KIP-345
    std::int16_t error_code = 0;

    bool operator==(const MemberResponse&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::int16_t error_code = 0;
  std::vector<MemberResponse> members{};

  bool operator==(const LeaveGroupResponse&) const = default;
};

}  // namespace sluice::protocol
