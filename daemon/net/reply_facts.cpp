#include "daemon/net/reply_facts.hpp"

#include <algorithm>
#include <variant>

namespace sluice::net {

using protocol::ApiKey;

namespace {

// The first version whose throttle time is for the client to obey. 0: all versions of the API.
std::int16_t client_throttles_since(ApiKey key) {
  switch (key) {
    case ApiKey::kProduce:
      return 6;
    case ApiKey::kFetch:
      return 8;
    case ApiKey::kListOffsets:
    case ApiKey::kJoinGroup:
      return 3;
    case ApiKey::kMetadata:
      return 6;
    case ApiKey::kOffsetCommit:
    case ApiKey::kOffsetFetch:
      return 4;
    case ApiKey::kFindCoordinator:
    case ApiKey::kHeartbeat:
    case ApiKey::kLeaveGroup:
    case ApiKey::kSyncGroup:
    case ApiKey::kApiVersions:
      return 2;
    case ApiKey::kInitProducerId:
      return 1;
    case ApiKey::kSaslHandshake:
    case ApiKey::kSaslAuthenticate:
    case ApiKey::kOffsetForLeaderEpoch:
    case ApiKey::kConsumerGroupHeartbeat:
      return 0;
  }
  return 0;
}

}  // namespace

std::chrono::milliseconds silence_asked_for(const protocol::AnyResponse& response, std::int16_t version) {
  if (version < client_throttles_since(protocol::api_key(response))) return std::chrono::milliseconds(0);
  const std::int32_t throttle_ms = std::visit(
      [](const auto& r) -> std::int32_t {
        if constexpr (requires { r.throttle_time_ms; }) {
          return r.throttle_time_ms;
        } else {
          return 0;
        }
      },
      response);
  return std::chrono::milliseconds(std::max(throttle_ms, 0));
}

std::int16_t top_level_error(const protocol::AnyResponse& response) {
  return std::visit(
      [](const auto& r) -> std::int16_t {
        if constexpr (requires { r.error_code; }) {
          return r.error_code;
        } else {
          return 0;
        }
      },
      response);
}

}  // namespace sluice::net
