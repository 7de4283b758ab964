#include "protocol/messages/offset_for_leader_epoch.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<OffsetForLeaderEpochRequest::OffsetForLeaderPartition> {
  using T = OffsetForLeaderEpochRequest::OffsetForLeaderPartition;
  static constexpr auto kValue =
      structure(field("Partition", &T::partition),
                field("CurrentLeaderEpoch", &T::current_leader_epoch, since(2)).ignorable(),
                field("LeaderEpoch", &T::leader_epoch));
};

template <>
struct Description<OffsetForLeaderEpochRequest::OffsetForLeaderTopic> {
  using T = OffsetForLeaderEpochRequest::OffsetForLeaderTopic;
  static constexpr auto kValue = structure(field("Topic", &T::topic), field("Partitions", &T::partitions));
};

template <>
struct Description<OffsetForLeaderEpochRequest> {
  using T = OffsetForLeaderEpochRequest;
  static constexpr auto kValue = message("OffsetForLeaderEpochRequest",
                                         between(2, 4),
                                         since(4),
                                         field("ReplicaId", &T::replica_id, since(3)).ignorable(),
                                         field("Topics", &T::topics));
};

template <>
struct Description<OffsetForLeaderEpochResponse::EpochEndOffset> {
  using T = OffsetForLeaderEpochResponse::EpochEndOffset;
  static constexpr auto kValue = structure(field("ErrorCode", &T::error_code),
                                           field("Partition", &T::partition),
                                           field("LeaderEpoch", &T::leader_epoch, since(1)).ignorable(),
                                           field("EndOffset", &T::end_offset));
};

template <>
struct Description<OffsetForLeaderEpochResponse::OffsetForLeaderTopicResult> {
  using T = OffsetForLeaderEpochResponse::OffsetForLeaderTopicResult;
  static constexpr auto kValue = structure(field("Topic", &T::topic), field("Partitions", &T::partitions));
};

template <>
struct Description<OffsetForLeaderEpochResponse> {
  using T = OffsetForLeaderEpochResponse;
  static constexpr auto kValue = message("OffsetForLeaderEpochResponse",
                                         between(2, 4),
                                         since(4),
                                         field("ThrottleTimeMs", &T::throttle_time_ms, since(2)).ignorable(),
                                         field("Topics", &T::topics));
};

template struct MessageCodec<OffsetForLeaderEpochRequest>;
template struct MessageCodec<OffsetForLeaderEpochResponse>;

}  // namespace sluice::protocol
