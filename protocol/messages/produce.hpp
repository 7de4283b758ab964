#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::protocol {

/// API 0, to partition leaders: writes to the dead letter topic. Source: ProduceRequest.json.
struct ProduceRequest {
  static constexpr ApiKey kApiKey = ApiKey::kProduce;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct PartitionProduceData {
    std::int32_t index = 0;
    std::optional<std::string_view> records{};  ///< borrowed: must live until the request is encoded

    bool operator==(const PartitionProduceData&) const = default;
  };

  struct TopicProduceData {
    std::string name{};  ///< up to v12
    Uuid topic_id{};     ///< v13+
    std::vector<PartitionProduceData> partition_data{};

    bool operator==(const TopicProduceData&) const = default;
  };

  std::optional<std::string> transactional_id{};
  std::int16_t acks = 0;  ///< -1: all in-sync replicas
  std::int32_t timeout_ms = 0;
  std::vector<TopicProduceData> topic_data{};

  bool operator==(const ProduceRequest&) const = default;
};

/// Source: ProduceResponse.json.
struct ProduceResponse {
  static constexpr ApiKey kApiKey = ApiKey::kProduce;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct BatchIndexAndErrorMessage {
    std::int32_t batch_index = 0;
    std::optional<std::string> batch_index_error_message{};

    bool operator==(const BatchIndexAndErrorMessage&) const = default;
  };

  struct LeaderIdAndEpoch {
    std::int32_t leader_id = -1;
    std::int32_t leader_epoch = -1;

    bool operator==(const LeaderIdAndEpoch&) const = default;
  };

  struct PartitionProduceResponse {
    std::int32_t index = 0;
    std::int16_t error_code = 0;
    std::int64_t base_offset = 0;
    std::int64_t log_append_time_ms = -1;
    std::int64_t log_start_offset = -1;
    std::vector<BatchIndexAndErrorMessage> record_errors{};
    std::optional<std::string> error_message{};
    LeaderIdAndEpoch current_leader{};  ///< v10+, KIP-951

    bool operator==(const PartitionProduceResponse&) const = default;
  };

  struct TopicProduceResponse {
    std::string name{};  ///< up to v12
    Uuid topic_id{};     ///< v13+
    std::vector<PartitionProduceResponse> partition_responses{};

    bool operator==(const TopicProduceResponse&) const = default;
  };

  struct NodeEndpoint {
    std::int32_t node_id = 0;
    std::string host{};
    std::int32_t port = 0;
    std::optional<std::string> rack{};

    bool operator==(const NodeEndpoint&) const = default;
  };

  std::vector<TopicProduceResponse> responses{};
  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::vector<NodeEndpoint> node_endpoints{};

  bool operator==(const ProduceResponse&) const = default;
};

}  // namespace sluice::protocol
