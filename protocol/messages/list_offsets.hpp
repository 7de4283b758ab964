#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 2, to partition leaders only: offsets by time, earliest, latest. Source: ListOffsetsRequest.json.
struct ListOffsetsRequest {
  static constexpr ApiKey kApiKey = ApiKey::kListOffsets;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct ListOffsetsPartition {
    std::int32_t partition_index = 0;
    std::int32_t current_leader_epoch = -1;
    std::int64_t timestamp = 0;  ///< ms, or -1 latest, -2 earliest, -3 largest timestamp (v7+)

    bool operator==(const ListOffsetsPartition&) const = default;
  };

  struct ListOffsetsTopic {
    std::string name{};
    std::vector<ListOffsetsPartition> partitions{};

    bool operator==(const ListOffsetsTopic&) const = default;
  };

  std::int32_t replica_id = 0;      ///< Kafka's default; a consumer sends -1
  std::int8_t isolation_level = 0;  ///< 0 read_uncommitted, 1 read_committed
  std::vector<ListOffsetsTopic> topics{};
  std::int32_t timeout_ms = 0;

  bool operator==(const ListOffsetsRequest&) const = default;
};

/// Source: ListOffsetsResponse.json.
struct ListOffsetsResponse {
  static constexpr ApiKey kApiKey = ApiKey::kListOffsets;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct ListOffsetsPartitionResponse {
    std::int32_t partition_index = 0;
    std::int16_t error_code = 0;
    std::int64_t timestamp = -1;
    std::int64_t offset = -1;  ///< -1 without an error: no record is as late as that
    std::int32_t leader_epoch = -1;

    bool operator==(const ListOffsetsPartitionResponse&) const = default;
  };

  struct ListOffsetsTopicResponse {
    std::string name{};
    std::vector<ListOffsetsPartitionResponse> partitions{};

    bool operator==(const ListOffsetsTopicResponse&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::vector<ListOffsetsTopicResponse> topics{};

  bool operator==(const ListOffsetsResponse&) const = default;
};

}  // namespace sluice::protocol
