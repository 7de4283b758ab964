#include "daemon/net/version_table.hpp"

namespace sluice::net {

using protocol::VersionRange;

namespace {

std::string to_string(VersionRange range) {
  return std::to_string(range.min) + " to " + std::to_string(range.max);
}

}  // namespace

VersionTable::VersionTable(const protocol::ApiVersionsResponse& response) {
  for (const auto& entry : response.api_keys) {
    const protocol::ApiInfo* api = protocol::find_api(entry.api_key);
    if (api != nullptr)
      ranges_.insert_or_assign(api->key, VersionRange{entry.min_version, entry.max_version});
  }
}

tl::expected<std::int16_t, std::string> VersionTable::choose(protocol::ApiKey key, std::int16_t cap) const {
  const protocol::ApiInfo& api = protocol::api_info(key);
  const auto broker = ranges_.find(key);
  if (broker == ranges_.end()) {
    return tl::unexpected<std::string>("the broker does not offer " + std::string(api.name));
  }
  const VersionRange common = protocol::intersect(protocol::intersect(api.spoken, broker->second), {0, cap});
  if (common.empty()) {
    return tl::unexpected<std::string>(
        "no common version of " + std::string(api.name) + ": the broker speaks " + to_string(broker->second) +
        ", we speak " + to_string(api.spoken) +
        (cap < api.spoken.max ? ", wanted is at most " + std::to_string(cap) : ""));
  }
  return common.max;
}

}  // namespace sluice::net
