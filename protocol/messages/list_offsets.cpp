#include "protocol/messages/list_offsets.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<ListOffsetsRequest::ListOffsetsPartition> {
  using T = ListOffsetsRequest::ListOffsetsPartition;
  static constexpr auto kValue =
      structure(field("PartitionIndex", &T::partition_index),
                field("CurrentLeaderEpoch", &T::current_leader_epoch, since(4)).ignorable(),
                field("Timestamp", &T::timestamp));
};

template <>
struct Description<ListOffsetsRequest::ListOffsetsTopic> {
  using T = ListOffsetsRequest::ListOffsetsTopic;
  static constexpr auto kValue = structure(field("Name", &T::name), field("Partitions", &T::partitions));
};

template <>
struct Description<ListOffsetsRequest> {
  using T = ListOffsetsRequest;
  static constexpr auto kValue = message("ListOffsetsRequest",
                                         between(1, 11),
                                         since(6),
                                         field("ReplicaId", &T::replica_id),
                                         field("IsolationLevel", &T::isolation_level, since(2)),
                                         field("Topics", &T::topics),
                                         field("TimeoutMs", &T::timeout_ms, since(10)).ignorable());
};

template <>
struct Description<ListOffsetsResponse::ListOffsetsPartitionResponse> {
  using T = ListOffsetsResponse::ListOffsetsPartitionResponse;
  static constexpr auto kValue = structure(field("PartitionIndex", &T::partition_index),
                                           field("ErrorCode", &T::error_code),
                                           field("Timestamp", &T::timestamp, since(1)),
                                           field("Offset", &T::offset, since(1)),
                                           field("LeaderEpoch", &T::leader_epoch, since(4)));
};

template <>
struct Description<ListOffsetsResponse::ListOffsetsTopicResponse> {
  using T = ListOffsetsResponse::ListOffsetsTopicResponse;
  static constexpr auto kValue = structure(field("Name", &T::name), field("Partitions", &T::partitions));
};

template <>
struct Description<ListOffsetsResponse> {
  using T = ListOffsetsResponse;
  static constexpr auto kValue = message("ListOffsetsResponse",
                                         between(1, 11),
                                         since(6),
                                         field("ThrottleTimeMs", &T::throttle_time_ms, since(2)).ignorable(),
                                         field("Topics", &T::topics));
};

template struct MessageCodec<ListOffsetsRequest>;
template struct MessageCodec<ListOffsetsResponse>;

}  // namespace sluice::protocol
