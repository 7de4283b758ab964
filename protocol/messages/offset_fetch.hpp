#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

/// API 9, to the coordinator: committed offsets. One group up to v7, many from v8. Source:
/// OffsetFetchRequest.json.
struct OffsetFetchRequest {
  static constexpr ApiKey kApiKey = ApiKey::kOffsetFetch;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct OffsetFetchRequestTopic {
    std::string name{};
    std::vector<std::int32_t> partition_indexes{};

    bool operator==(const OffsetFetchRequestTopic&) const = default;
  };

  struct OffsetFetchRequestTopics {
    std::string name{};  ///< v8 and v9
    Uuid topic_id{};     ///< v10+
    std::vector<std::int32_t> partition_indexes{};

    bool operator==(const OffsetFetchRequestTopics&) const = default;
  };

  struct OffsetFetchRequestGroup {
    std::string group_id{};
    std::optional<std::string> member_id{};
    std::int32_t member_epoch = -1;
    std::optional<std::vector<OffsetFetchRequestTopics>> topics =
        std::vector<OffsetFetchRequestTopics>{};  ///< nullopt: all topics of the group

    bool operator==(const OffsetFetchRequestGroup&) const = default;
  };

  std::string group_id{};  ///< up to v7, as is `topics`
  std::optional<std::vector<OffsetFetchRequestTopic>> topics =
      std::vector<OffsetFetchRequestTopic>{};     ///< nullopt: all topics of the group
  std::vector<OffsetFetchRequestGroup> groups{};  ///< v8+
  bool require_stable = false;                    ///< v7+; wait for open transactional commits (KIP-447)

  bool operator==(const OffsetFetchRequest&) const = default;
};

/// Source: OffsetFetchResponse.json.
struct OffsetFetchResponse {
  static constexpr ApiKey kApiKey = ApiKey::kOffsetFetch;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct OffsetFetchResponsePartition {
    std::int32_t partition_index = 0;
    std::int64_t committed_offset = 0;  ///< -1: nothing committed
    std::int32_t committed_leader_epoch = -1;
    std::optional<std::string> metadata = std::string{};
    std::int16_t error_code = 0;

    bool operator==(const OffsetFetchResponsePartition&) const = default;
  };

  struct OffsetFetchResponseTopic {
    std::string name{};
    std::vector<OffsetFetchResponsePartition> partitions{};

    bool operator==(const OffsetFetchResponseTopic&) const = default;
  };

  struct OffsetFetchResponsePartitions {
    std::int32_t partition_index = 0;
    std::int64_t committed_offset = 0;  ///< -1: nothing committed
    std::int32_t committed_leader_epoch = -1;
    std::optional<std::string> metadata = std::string{};
    std::int16_t error_code = 0;

    bool operator==(const OffsetFetchResponsePartitions&) const = default;
  };

  struct OffsetFetchResponseTopics {
    std::string name{};  ///< v8 and v9
    Uuid topic_id{};     ///< v10+
    std::vector<OffsetFetchResponsePartitions> partitions{};

    bool operator==(const OffsetFetchResponseTopics&) const = default;
  };

  struct OffsetFetchResponseGroup {
    std::string group_id{};
    std::vector<OffsetFetchResponseTopics> topics{};
    std::int16_t error_code = 0;

    bool operator==(const OffsetFetchResponseGroup&) const = default;
  };

  std::int32_t throttle_time_ms = 0;               ///< send nothing on this connection for so long (KIP-219)
  std::vector<OffsetFetchResponseTopic> topics{};  ///< up to v7, as is `error_code`
  std::int16_t error_code = 0;
  std::vector<OffsetFetchResponseGroup> groups{};  ///< v8+

  bool operator==(const OffsetFetchResponse&) const = default;
};

}  // namespace sluice::protocol
