#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 11, to the coordinator; the answer is parked until the rebalance ends. Source: JoinGroupRequest.json.
struct JoinGroupRequest {
  static constexpr ApiKey kApiKey = ApiKey::kJoinGroup;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct JoinGroupRequestProtocol {
    std::string name{};  ///< assignor
    Bytes metadata{};    ///< ConsumerProtocolSubscription as a blob

    bool operator==(const JoinGroupRequestProtocol&) const = default;
  };

  std::string group_id{};
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms =
      -1;                   ///< how long members may take to rejoin; max.poll.interval on the wire
  std::string member_id{};  ///< empty the first time; then as MEMBER_ID_REQUIRED told
  std::optional<std::string> group_instance_id{};  ///< static membership, KIP-345
  std::string protocol_type{};
  std::vector<JoinGroupRequestProtocol> protocols{};
  std::optional<std::string> reason{};

  bool operator==(const JoinGroupRequest&) const = default;
};

/// Source: JoinGroupResponse.json.
struct JoinGroupResponse {
  static constexpr ApiKey kApiKey = ApiKey::kJoinGroup;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct JoinGroupResponseMember {
    std::string member_id{};
    std::optional<std::string> group_instance_id{};  ///< static membership, KIP-345
    Bytes metadata{};                                ///< ConsumerProtocolSubscription as a blob

    bool operator==(const JoinGroupResponseMember&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::int16_t error_code = 0;
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type{};
  std::optional<std::string> protocol_name = std::string{};  ///< the chosen assignor
  std::string leader{};          ///< we are the leader when this equals `member_id`
  bool skip_assignment = false;  ///< v9+, KIP-814
  std::string member_id{};
  std::vector<JoinGroupResponseMember> members{};  ///< filled for the leader only

  bool operator==(const JoinGroupResponse&) const = default;
};

}  // namespace sluice::protocol
