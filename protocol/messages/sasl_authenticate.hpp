#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::protocol {

/// API 36: one round of the SASL exchange. Source: SaslAuthenticateRequest.json, KIP-152.
struct SaslAuthenticateRequest {
  static constexpr ApiKey kApiKey = ApiKey::kSaslAuthenticate;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  Bytes auth_bytes{};  ///< a secret: never printed

  bool operator==(const SaslAuthenticateRequest&) const = default;
};

/// Source: SaslAuthenticateResponse.json, KIP-368 (session lifetime).
struct SaslAuthenticateResponse {
  static constexpr ApiKey kApiKey = ApiKey::kSaslAuthenticate;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::int16_t error_code = 0;
  std::optional<std::string> error_message = std::string{};
  Bytes auth_bytes{};
  std::int64_t session_lifetime_ms = 0;  ///< v1+; 0: no limit (KIP-368)

  bool operator==(const SaslAuthenticateResponse&) const = default;
};

}  // namespace sluice::protocol
