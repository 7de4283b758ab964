#include "protocol/messages/fetch.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<FetchRequest::ReplicaState> {
  using T = FetchRequest::ReplicaState;
  static constexpr auto kValue = structure(field("ReplicaId", &T::replica_id, since(15)),
                                           field("ReplicaEpoch", &T::replica_epoch, since(15)));
};

template <>
struct Description<FetchRequest::FetchPartition> {
  using T = FetchRequest::FetchPartition;
  static constexpr auto kValue =
      structure(field("Partition", &T::partition),
                field("CurrentLeaderEpoch", &T::current_leader_epoch, since(9)).ignorable(),
                field("FetchOffset", &T::fetch_offset),
                field("LastFetchedEpoch", &T::last_fetched_epoch, since(12)),
                field("LogStartOffset", &T::log_start_offset, since(5)).ignorable(),
                field("PartitionMaxBytes", &T::partition_max_bytes),
                field("ReplicaDirectoryId", &T::replica_directory_id, since(17)).tagged(0).ignorable(),
                field("HighWatermark", &T::high_watermark, since(18)).tagged(1).ignorable());
};

template <>
struct Description<FetchRequest::FetchTopic> {
  using T = FetchRequest::FetchTopic;
  static constexpr auto kValue = structure(field("Topic", &T::topic, between(0, 12)).ignorable(),
                                           field("TopicId", &T::topic_id, since(13)).ignorable(),
                                           field("Partitions", &T::partitions));
};

template <>
struct Description<FetchRequest::ForgottenTopic> {
  using T = FetchRequest::ForgottenTopic;
  static constexpr auto kValue = structure(field("Topic", &T::topic, between(7, 12)).ignorable(),
                                           field("TopicId", &T::topic_id, since(13)).ignorable(),
                                           field("Partitions", &T::partitions, since(7)));
};

template <>
struct Description<FetchRequest> {
  using T = FetchRequest;
  static constexpr auto kValue =
      message("FetchRequest",
              between(4, 18),
              since(12),
              field("ClusterId", &T::cluster_id, since(12)).nullable().tagged(0).ignorable(),
              field("ReplicaId", &T::replica_id, between(0, 14)),
              field("ReplicaState", &T::replica_state, since(15)).tagged(1),
              field("MaxWaitMs", &T::max_wait_ms),
              field("MinBytes", &T::min_bytes),
              field("MaxBytes", &T::max_bytes, since(3)).ignorable(),
              field("IsolationLevel", &T::isolation_level, since(4)).ignorable(),
              field("SessionId", &T::session_id, since(7)).ignorable(),
              field("SessionEpoch", &T::session_epoch, since(7)).ignorable(),
              field("Topics", &T::topics),
              field("ForgottenTopicsData", &T::forgotten_topics_data, since(7)),
              field("RackId", &T::rack_id, since(11)).ignorable());
};

template <>
struct Description<FetchResponse::EpochEndOffset> {
  using T = FetchResponse::EpochEndOffset;
  static constexpr auto kValue =
      structure(field("Epoch", &T::epoch, since(12)), field("EndOffset", &T::end_offset, since(12)));
};

template <>
struct Description<FetchResponse::LeaderIdAndEpoch> {
  using T = FetchResponse::LeaderIdAndEpoch;
  static constexpr auto kValue = structure(field("LeaderId", &T::leader_id, since(12)),
                                           field("LeaderEpoch", &T::leader_epoch, since(12)));
};

template <>
struct Description<FetchResponse::SnapshotId> {
  using T = FetchResponse::SnapshotId;
  static constexpr auto kValue = structure(field("EndOffset", &T::end_offset), field("Epoch", &T::epoch));
};

template <>
struct Description<FetchResponse::AbortedTransaction> {
  using T = FetchResponse::AbortedTransaction;
  static constexpr auto kValue = structure(field("ProducerId", &T::producer_id, since(4)),
                                           field("FirstOffset", &T::first_offset, since(4)));
};

template <>
struct Description<FetchResponse::PartitionData> {
  using T = FetchResponse::PartitionData;
  static constexpr auto kValue =
      structure(field("PartitionIndex", &T::partition_index),
                field("ErrorCode", &T::error_code),
                field("HighWatermark", &T::high_watermark),
                field("LastStableOffset", &T::last_stable_offset, since(4)).ignorable(),
                field("LogStartOffset", &T::log_start_offset, since(5)).ignorable(),
                field("DivergingEpoch", &T::diverging_epoch, since(12)).tagged(0),
                field("CurrentLeader", &T::current_leader, since(12)).tagged(1),
                field("SnapshotId", &T::snapshot_id, since(12)).tagged(2),
                field("AbortedTransactions", &T::aborted_transactions, since(4)).nullable().ignorable(),
                field("PreferredReadReplica", &T::preferred_read_replica, since(11)),
                field("Records", &T::records).nullable());
};

template <>
struct Description<FetchResponse::FetchableTopicResponse> {
  using T = FetchResponse::FetchableTopicResponse;
  static constexpr auto kValue = structure(field("Topic", &T::topic, between(0, 12)).ignorable(),
                                           field("TopicId", &T::topic_id, since(13)).ignorable(),
                                           field("Partitions", &T::partitions));
};

template <>
struct Description<FetchResponse::NodeEndpoint> {
  using T = FetchResponse::NodeEndpoint;
  static constexpr auto kValue = structure(field("NodeId", &T::node_id, since(16)),
                                           field("Host", &T::host, since(16)),
                                           field("Port", &T::port, since(16)),
                                           field("Rack", &T::rack, since(16)).nullable());
};

template <>
struct Description<FetchResponse> {
  using T = FetchResponse;
  static constexpr auto kValue = message("FetchResponse",
                                         between(4, 18),
                                         since(12),
                                         field("ThrottleTimeMs", &T::throttle_time_ms, since(1)).ignorable(),
                                         field("ErrorCode", &T::error_code, since(7)).ignorable(),
                                         field("SessionId", &T::session_id, since(7)),
                                         field("Responses", &T::responses),
                                         field("NodeEndpoints", &T::node_endpoints, since(16)).tagged(0));
};

template struct MessageCodec<FetchRequest>;
template struct MessageCodec<FetchResponse>;

}  // namespace sluice::protocol
