#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/messages/api_versions.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace sluice::net {

/// What the broker at the other end of one connection speaks. Every connection has its own: a broker may have
/// been upgraded since the last one.
class VersionTable {
 public:
  VersionTable() = default;
  explicit VersionTable(const protocol::ApiVersionsResponse& response);

  /// The highest version that we speak, the broker speaks, and `cap` allows; else why there is none.
  [[nodiscard]] tl::expected<std::int16_t, std::string> choose(protocol::ApiKey key, std::int16_t cap) const;

  /// The broker listed none of the APIs that we know.
  [[nodiscard]] bool empty() const { return ranges_.empty(); }

 private:
  std::map<protocol::ApiKey, protocol::VersionRange> ranges_;  // only APIs that we have messages for
};

}  // namespace sluice::net
