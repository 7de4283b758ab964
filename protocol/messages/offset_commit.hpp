#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 8, to the coordinator. Topics by name up to v9, by id from v10. Source: OffsetCommitRequest.json.
struct OffsetCommitRequest {
  static constexpr ApiKey kApiKey = ApiKey::kOffsetCommit;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct OffsetCommitRequestPartition {
    std::int32_t partition_index = 0;
    std::int64_t committed_offset = 0;         ///< the next offset to read; the broker accepts any number
    std::int32_t committed_leader_epoch = -1;  ///< of the last consumed record; -1: unknown
    std::optional<std::string> committed_metadata = std::string{};

    bool operator==(const OffsetCommitRequestPartition&) const = default;
  };

  struct OffsetCommitRequestTopic {
    std::string name{};  ///< up to v9
    Uuid topic_id{};     ///< v10+
    std::vector<OffsetCommitRequestPartition> partitions{};

    bool operator==(const OffsetCommitRequestTopic&) const = default;
  };

  std::string group_id{};
  std::int32_t generation_id_or_member_epoch = -1;
  std::string member_id{};
  std::optional<std::string> group_instance_id{};  ///< static membership, KIP-345
  std::int64_t retention_time_ms = -1;             ///< v2 to v4
  std::vector<OffsetCommitRequestTopic> topics{};

  bool operator==(const OffsetCommitRequest&) const = default;
};

/// Source: OffsetCommitResponse.json.
struct OffsetCommitResponse {
  static constexpr ApiKey kApiKey = ApiKey::kOffsetCommit;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct OffsetCommitResponsePartition {
    std::int32_t partition_index = 0;
    std::int16_t error_code = 0;

    bool operator==(const OffsetCommitResponsePartition&) const = default;
  };

  struct OffsetCommitResponseTopic {
    std::string name{};  ///< up to v9
    Uuid topic_id{};     ///< v10+
    std::vector<OffsetCommitResponsePartition> partitions{};

    bool operator==(const OffsetCommitResponseTopic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::vector<OffsetCommitResponseTopic> topics{};

  bool operator==(const OffsetCommitResponse&) const = default;
};

}  // namespace sluice::protocol
