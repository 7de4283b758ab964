#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"
#include "protocol/wire/uuid.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::protocol {

/// API 1, to a leader or to a follower (KIP-392). Topics by name up to v12, by id from v13. Source:
/// FetchRequest.json.
struct FetchRequest {
  static constexpr ApiKey kApiKey = ApiKey::kFetch;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct ReplicaState {
    std::int32_t replica_id = -1;
    std::int64_t replica_epoch = -1;

    bool operator==(const ReplicaState&) const = default;
  };

  struct FetchPartition {
    std::int32_t partition = 0;
    std::int32_t current_leader_epoch = -1;
    std::int64_t fetch_offset = 0;
    std::int32_t last_fetched_epoch = -1;
    std::int64_t log_start_offset = -1;  ///< followers only
    std::int32_t partition_max_bytes = 0;
    Uuid replica_directory_id{};                                             ///< v17+; followers only
    std::int64_t high_watermark = std::numeric_limits<std::int64_t>::max();  ///< v18+; followers only

    bool operator==(const FetchPartition&) const = default;
  };

  struct FetchTopic {
    std::string topic{};  ///< up to v12
    Uuid topic_id{};      ///< v13+
    std::vector<FetchPartition> partitions{};

    bool operator==(const FetchTopic&) const = default;
  };

  struct ForgottenTopic {
    std::string topic{};  ///< up to v12
    Uuid topic_id{};      ///< v13+
    std::vector<std::int32_t> partitions{};

    bool operator==(const ForgottenTopic&) const = default;
  };

  std::optional<std::string> cluster_id{};
  std::int32_t replica_id = -1;  ///< up to v14
  ReplicaState replica_state{};  ///< v15+; followers only
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();  ///< whole answer; the first batch comes
                                                                      ///< whole whatever this says
  std::int8_t isolation_level = 0;  ///< 0 read_uncommitted, 1 read_committed
  std::int32_t session_id = 0;      ///< KIP-227; 0: none yet
  std::int32_t session_epoch = -1;  ///< -1: no session; 0: open one
  std::vector<FetchTopic> topics{};
  std::vector<ForgottenTopic> forgotten_topics_data{};
  std::string rack_id{};  ///< v11+, KIP-392

  bool operator==(const FetchRequest&) const = default;
};

/// `records` are views into the frame that was decoded: keep the frame as long as the message. Source:
/// FetchResponse.json.
struct FetchResponse {
  static constexpr ApiKey kApiKey = ApiKey::kFetch;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  struct EpochEndOffset {
    std::int32_t epoch = -1;
    std::int64_t end_offset = -1;

    bool operator==(const EpochEndOffset&) const = default;
  };

  struct LeaderIdAndEpoch {
    std::int32_t leader_id = -1;
    std::int32_t leader_epoch = -1;

    bool operator==(const LeaderIdAndEpoch&) const = default;
  };

  struct SnapshotId {
    std::int64_t end_offset = -1;
    std::int32_t epoch = -1;

    bool operator==(const SnapshotId&) const = default;
  };

  struct AbortedTransaction {
    std::int64_t producer_id = 0;
    std::int64_t first_offset = 0;

    bool operator==(const AbortedTransaction&) const = default;
  };

  struct PartitionData {
    std::int32_t partition_index = 0;
    std::int16_t error_code = 0;
    std::int64_t high_watermark = 0;
    std::int64_t last_stable_offset = -1;
    std::int64_t log_start_offset = -1;
    EpochEndOffset diverging_epoch{};  ///< v12+: our log has diverged (KIP-595)
    LeaderIdAndEpoch
        current_leader{};      ///< v12+: with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH (KIP-951)
    SnapshotId snapshot_id{};  ///< KRaft only
    std::optional<std::vector<AbortedTransaction>> aborted_transactions =
        std::vector<AbortedTransaction>{};     ///< nullopt or empty: none; not always sorted
    std::int32_t preferred_read_replica = -1;  ///< -1: none (KIP-392)
    std::optional<std::string_view>
        records{};  ///< borrowed from the frame; a record set, perhaps cut at its end

    bool operator==(const PartitionData&) const = default;
  };

  struct FetchableTopicResponse {
    std::string topic{};  ///< up to v12
    Uuid topic_id{};      ///< v13+
    std::vector<PartitionData> partitions{};

    bool operator==(const FetchableTopicResponse&) const = default;
  };

  struct NodeEndpoint {
    std::int32_t node_id = 0;
    std::string host{};
    std::int32_t port = 0;
    std::optional<std::string> rack{};

    bool operator==(const NodeEndpoint&) const = default;
  };

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::int16_t error_code = 0;
  std::int32_t session_id = 0;
  std::vector<FetchableTopicResponse> responses{};
  std::vector<NodeEndpoint> node_endpoints{};  ///< v16+: where the current leaders are (KIP-951)

  bool operator==(const FetchResponse&) const = default;
};

}  // namespace sluice::protocol
