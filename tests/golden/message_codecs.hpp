#pragma once

#include "protocol/error.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::golden {

/// A message whose type was put away, so that one test can run over all of them.
struct MessageCodecs {
  std::string name;
  protocol::VersionRange spoken;
  std::string schema;
  std::function<std::int16_t(std::int16_t version)> header_version;  ///< -1: never travels alone

  /// What came out of decoding: printed as JSON, and encoded again.
  struct RoundTrip {
    std::string json;
    protocol::Result<std::string> bytes;
  };
  std::function<protocol::Result<RoundTrip>(std::string_view bytes, std::int16_t version)> round_trip;
};

/// Everything that we have a description for.
const std::vector<MessageCodecs>& all_messages();

}  // namespace sluice::golden
