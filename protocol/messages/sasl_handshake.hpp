#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 17: names the SASL mechanism. Source: SaslHandshakeRequest.json.
struct SaslHandshakeRequest {
  static constexpr ApiKey kApiKey = ApiKey::kSaslHandshake;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::string mechanism{};

  bool operator==(const SaslHandshakeRequest&) const = default;
};

/// Source: SaslHandshakeResponse.json.
struct SaslHandshakeResponse {
  static constexpr ApiKey kApiKey = ApiKey::kSaslHandshake;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::int16_t error_code = 0;
  std::vector<std::string> mechanisms{};

  bool operator==(const SaslHandshakeResponse&) const = default;
};

}  // namespace sluice::protocol
