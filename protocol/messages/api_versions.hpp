#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 18, the first request on every connection. Source: ApiVersionsRequest.json, KIP-511.
struct ApiVersionsRequest {
  static constexpr ApiKey kApiKey = ApiKey::kApiVersions;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::string client_software_name{};  ///< v3+; letters, digits, "-" and "."; not empty (error 42)
  std::string client_software_version{};

  bool operator==(const ApiVersionsRequest&) const = default;
};

/// What the broker speaks. Its header is always v0. A broker that does not know our version answers in the
/// format of v0 with UNSUPPORTED_VERSION; decode_response() copes with that. Source:
/// ApiVersionsResponse.json, KIP-511, KIP-584.
struct ApiVersionsResponse {
  static constexpr ApiKey kApiKey = ApiKey::kApiVersions;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct ApiVersion {
    std::int16_t api_key = 0;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;

    bool operator==(const ApiVersion&) const = default;
  };

  struct SupportedFeatureKey {
    std::string name{};
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;

    bool operator==(const SupportedFeatureKey&) const = default;
  };

  struct FinalizedFeatureKey {
    std::string name{};
    std::int16_t max_version_level = 0;
    std::int16_t min_version_level = 0;

    bool operator==(const FinalizedFeatureKey&) const = default;
  };

  std::int16_t error_code = 0;
  std::vector<ApiVersion> api_keys{};
  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::vector<SupportedFeatureKey> supported_features{};  ///< v3+
  std::int64_t finalized_features_epoch = -1;             ///< -1: unknown
  std::vector<FinalizedFeatureKey> finalized_features{};  ///< group.version >= 1: KIP-848 can be used
  bool zk_migration_ready = false;

  bool operator==(const ApiVersionsResponse&) const = default;
};

}  // namespace sluice::protocol
