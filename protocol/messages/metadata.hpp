#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/uuid.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 3: brokers, and leaders of topics, by name or (v12+) by id. Source: MetadataRequest.json.
struct MetadataRequest {
  static constexpr ApiKey kApiKey = ApiKey::kMetadata;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct MetadataRequestTopic {
    Uuid topic_id{};                                  ///< v10+; ask by id only from v12, with `name` nullopt
    std::optional<std::string> name = std::string{};  ///< nullopt from v12 only: ask by id

    bool operator==(const MetadataRequestTopic&) const = default;
  };

  std::optional<std::vector<MetadataRequestTopic>> topics =
      std::vector<MetadataRequestTopic>{};             ///< nullopt: all topics; empty: none, only brokers
  bool allow_auto_topic_creation = true;               ///< Kafka's default; a consumer sends false
  bool include_cluster_authorized_operations = false;  ///< v8 to v10
  bool include_topic_authorized_operations = false;    ///< v8+

  bool operator==(const MetadataRequest&) const = default;
};

/// Source: MetadataResponse.json.
struct MetadataResponse {
  static constexpr ApiKey kApiKey = ApiKey::kMetadata;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct MetadataResponseBroker {
    std::int32_t node_id = 0;
    std::string host{};
    std::int32_t port = 0;
    std::optional<std::string> rack{};

    bool operator==(const MetadataResponseBroker&) const = default;
  };

  struct MetadataResponsePartition {
    std::int16_t error_code = 0;
    std::int32_t partition_index = 0;
    std::int32_t leader_id = 0;      ///< -1: no leader now
    std::int32_t leader_epoch = -1;  ///< orders answers only from v9 on; -1: unknown
    std::vector<std::int32_t> replica_nodes{};
    std::vector<std::int32_t> isr_nodes{};
    std::vector<std::int32_t> offline_replicas{};

    bool operator==(const MetadataResponsePartition&) const = default;
  };

  struct MetadataResponseTopic {
    std::int16_t error_code = 0;
    std::optional<std::string> name = std::string{};  ///< nullopt when asked for by an unknown id (v12+)
    Uuid topic_id{};                                  ///< v10+; zero: unknown, or a broker without ids
    bool is_internal = false;
    std::vector<MetadataResponsePartition> partitions{};
    std::int32_t topic_authorized_operations =
        std::numeric_limits<std::int32_t>::min();  ///< minimum: not asked for

    bool operator==(const MetadataResponseTopic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::vector<MetadataResponseBroker> brokers{};
  std::optional<std::string> cluster_id{};
  std::int32_t controller_id = -1;  ///< a random broker under KRaft: of no use
  std::vector<MetadataResponseTopic> topics{};
  std::int32_t cluster_authorized_operations = std::numeric_limits<std::int32_t>::min();  ///< v8 to v10
  std::int16_t error_code = 0;  ///< v13+: REBOOTSTRAP_REQUIRED

  bool operator==(const MetadataResponse&) const = default;
};

}  // namespace sluice::protocol
