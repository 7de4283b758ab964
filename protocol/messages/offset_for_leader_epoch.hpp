#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 23, to partition leaders: where does an epoch end? Finds truncated logs. Source:
/// OffsetForLeaderEpochRequest.json, KIP-320.
struct OffsetForLeaderEpochRequest {
  static constexpr ApiKey kApiKey = ApiKey::kOffsetForLeaderEpoch;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct OffsetForLeaderPartition {
    std::int32_t partition = 0;
    std::int32_t current_leader_epoch = -1;
    std::int32_t leader_epoch = 0;  ///< whose end offset is wanted

    bool operator==(const OffsetForLeaderPartition&) const = default;
  };

  struct OffsetForLeaderTopic {
    std::string topic{};
    std::vector<OffsetForLeaderPartition> partitions{};

    bool operator==(const OffsetForLeaderTopic&) const = default;
  };

  std::int32_t replica_id = -2;  ///< Kafka's default (debug); a consumer sends -1
  std::vector<OffsetForLeaderTopic> topics{};

  bool operator==(const OffsetForLeaderEpochRequest&) const = default;
};

/// Source: OffsetForLeaderEpochResponse.json.
struct OffsetForLeaderEpochResponse {
  static constexpr ApiKey kApiKey = ApiKey::kOffsetForLeaderEpoch;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct EpochEndOffset {
    std::int16_t error_code = 0;
    std::int32_t partition = 0;
    std::int32_t leader_epoch = -1;
    std::int64_t end_offset = -1;

    bool operator==(const EpochEndOffset&) const = default;
  };

  struct OffsetForLeaderTopicResult {
    std::string topic{};
    std::vector<EpochEndOffset> partitions{};

    bool operator==(const OffsetForLeaderTopicResult&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::vector<OffsetForLeaderTopicResult> topics{};

  bool operator==(const OffsetForLeaderEpochResponse&) const = default;
};

}  // namespace sluice::protocol
