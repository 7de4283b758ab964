#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 68, to the coordinator: join, stay, report, leave. Source: ConsumerGroupHeartbeatRequest.json,
/// KIP-848.
struct ConsumerGroupHeartbeatRequest {
  static constexpr ApiKey kApiKey = ApiKey::kConsumerGroupHeartbeat;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct TopicPartitions {
    Uuid topic_id{};
    std::vector<std::int32_t> partitions{};

    bool operator==(const TopicPartitions&) const = default;
  };

  std::string group_id{};
  std::string member_id{};        ///< made by the client (KIP-1082)
  std::int32_t member_epoch = 0;  ///< 0 join, -1 leave, -2 leave and come back as the same static member
  std::optional<std::string> instance_id{};
  std::optional<std::string> rack_id{};
  std::int32_t rebalance_timeout_ms = -1;                            ///< -1: unchanged
  std::optional<std::vector<std::string>> subscribed_topic_names{};  ///< nullopt: unchanged
  std::optional<std::string> subscribed_topic_regex{};
  std::optional<std::string> server_assignor{};
  std::optional<std::vector<TopicPartitions>> topic_partitions{};  ///< owned; nullopt: unchanged

  bool operator==(const ConsumerGroupHeartbeatRequest&) const = default;
};

/// Source: ConsumerGroupHeartbeatResponse.json, KIP-848.
struct ConsumerGroupHeartbeatResponse {
  static constexpr ApiKey kApiKey = ApiKey::kConsumerGroupHeartbeat;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct TopicPartitions {
    Uuid topic_id{};
    std::vector<std::int32_t> partitions{};

    bool operator==(const TopicPartitions&) const = default;
  };

  struct Assignment {
    // No {} here: with one, std::optional would find this struct not default constructible (CWG 2335).
    std::vector<TopicPartitions> topic_partitions;

    bool operator==(const Assignment&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::int16_t error_code = 0;
  std::optional<std::string> error_message{};
  std::optional<std::string> member_id{};
  std::int32_t member_epoch = 0;
  std::int32_t heartbeat_interval_ms = 0;
  std::optional<Assignment> assignment{};  ///< nullopt: unchanged

  bool operator==(const ConsumerGroupHeartbeatResponse&) const = default;
};

}  // namespace sluice::protocol
