#pragma once

#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::protocol {

/// Goes before every request: v2 when the request is flexible, else v1. Source: RequestHeader.json.
struct RequestHeader {
  static constexpr VersionRange kVersions{1, 2};

  std::int16_t request_api_key = 0;
  std::int16_t request_api_version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string> client_id = std::string{};

  bool operator==(const RequestHeader&) const = default;
};

/// Goes before every response: v1 when the response is flexible, else v0. Source: ResponseHeader.json.
struct ResponseHeader {
  static constexpr VersionRange kVersions{0, 1};

  std::int32_t correlation_id = 0;

  bool operator==(const ResponseHeader&) const = default;
};

}  // namespace sluice::protocol
