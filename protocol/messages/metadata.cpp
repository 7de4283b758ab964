#include "protocol/messages/metadata.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<MetadataRequest::MetadataRequestTopic> {
  using T = MetadataRequest::MetadataRequestTopic;
  static constexpr auto kValue = structure(field("TopicId", &T::topic_id, since(10)).ignorable(),
                                           field("Name", &T::name).nullable(since(10)));
};

template <>
struct Description<MetadataRequest> {
  using T = MetadataRequest;
  static constexpr auto kValue = message(
      "MetadataRequest",
      between(0, 13),
      since(9),
      field("Topics", &T::topics).nullable(since(1)),
      field("AllowAutoTopicCreation", &T::allow_auto_topic_creation, since(4)),
      field("IncludeClusterAuthorizedOperations", &T::include_cluster_authorized_operations, between(8, 10)),
      field("IncludeTopicAuthorizedOperations", &T::include_topic_authorized_operations, since(8)));
};

template <>
struct Description<MetadataResponse::MetadataResponseBroker> {
  using T = MetadataResponse::MetadataResponseBroker;
  static constexpr auto kValue = structure(field("NodeId", &T::node_id),
                                           field("Host", &T::host),
                                           field("Port", &T::port),
                                           field("Rack", &T::rack, since(1)).nullable().ignorable());
};

template <>
struct Description<MetadataResponse::MetadataResponsePartition> {
  using T = MetadataResponse::MetadataResponsePartition;
  static constexpr auto kValue =
      structure(field("ErrorCode", &T::error_code),
                field("PartitionIndex", &T::partition_index),
                field("LeaderId", &T::leader_id),
                field("LeaderEpoch", &T::leader_epoch, since(7)).ignorable(),
                field("ReplicaNodes", &T::replica_nodes),
                field("IsrNodes", &T::isr_nodes),
                field("OfflineReplicas", &T::offline_replicas, since(5)).ignorable());
};

template <>
struct Description<MetadataResponse::MetadataResponseTopic> {
  using T = MetadataResponse::MetadataResponseTopic;
  static constexpr auto kValue =
      structure(field("ErrorCode", &T::error_code),
                field("Name", &T::name).nullable(since(12)),
                field("TopicId", &T::topic_id, since(10)).ignorable(),
                field("IsInternal", &T::is_internal, since(1)).ignorable(),
                field("Partitions", &T::partitions),
                field("TopicAuthorizedOperations", &T::topic_authorized_operations, since(8)));
};

template <>
struct Description<MetadataResponse> {
  using T = MetadataResponse;
  static constexpr auto kValue =
      message("MetadataResponse",
              between(0, 13),
              since(9),
              field("ThrottleTimeMs", &T::throttle_time_ms, since(3)).ignorable(),
              field("Brokers", &T::brokers),
              field("ClusterId", &T::cluster_id, since(2)).nullable().ignorable(),
              field("ControllerId", &T::controller_id, since(1)).ignorable(),
              field("Topics", &T::topics),
              field("ClusterAuthorizedOperations", &T::cluster_authorized_operations, between(8, 10)),
              field("ErrorCode", &T::error_code, since(13)).ignorable());
};

template struct MessageCodec<MetadataRequest>;
template struct MessageCodec<MetadataResponse>;

}  // namespace sluice::protocol
