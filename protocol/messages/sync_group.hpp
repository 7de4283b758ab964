#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 14, to the coordinator: the leader hands in the assignment, everyone waits for theirs.
/// Source: SyncGroupRequest.json.
struct SyncGroupRequest {
  static constexpr ApiKey kApiKey = ApiKey::kSyncGroup;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct SyncGroupRequestAssignment {
    std::string member_id{};
    Bytes assignment{};  ///< ConsumerProtocolAssignment as a blob

    bool operator==(const SyncGroupRequestAssignment&) const = default;
  };

  std::string group_id{};
  std::int32_t generation_id = 0;
  std::string member_id{};
  std::optional<std::string> group_instance_id{};  ///< static membership, KIP-345
  std::optional<std::string> protocol_type{};
  std::optional<std::string> protocol_name{};
  std::vector<SyncGroupRequestAssignment> assignments{};  ///< filled by the leader only

  bool operator==(const SyncGroupRequest&) const = default;
};

/// Source: SyncGroupResponse.json.
struct SyncGroupResponse {
  static constexpr ApiKey kApiKey = ApiKey::kSyncGroup;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::int16_t error_code = 0;
  std::optional<std::string> protocol_type{};
  std::optional<std::string> protocol_name{};
  Bytes assignment{};  ///< ConsumerProtocolAssignment as a blob

  bool operator==(const SyncGroupResponse&) const = default;
};

}  // namespace sluice::protocol
