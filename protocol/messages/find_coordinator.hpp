#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 10: which broker serves this group. Source: FindCoordinatorRequest.json, KIP-699 (v4+: many keys).
struct FindCoordinatorRequest {
  static constexpr ApiKey kApiKey = ApiKey::kFindCoordinator;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::string key{};                            ///< up to v3
  std::int8_t key_type = 0;                     ///< 0 group, 1 transaction, 2 share
  std::vector<std::string> coordinator_keys{};  ///< v4+

  bool operator==(const FindCoordinatorRequest&) const = default;
};

/// Source: FindCoordinatorResponse.json.
struct FindCoordinatorResponse {
  static constexpr ApiKey kApiKey = ApiKey::kFindCoordinator;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct Coordinator {
    std::string key{};
    std::int32_t node_id = 0;
    std::string host{};
    std::int32_t port = 0;
    std::int16_t error_code = 0;
    std::optional<std::string> error_message = std::string{};

    bool operator==(const Coordinator&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::int16_t error_code = 0;        ///< up to v3, as are the four fields below
  std::optional<std::string> error_message = std::string{};
  std::int32_t node_id = 0;
  std::string host{};
  std::int32_t port = 0;
  std::vector<Coordinator> coordinators{};  ///< v4+

  bool operator==(const FindCoordinatorResponse&) const = default;
};

}  // namespace sluice::protocol
