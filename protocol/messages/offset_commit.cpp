#include "protocol/messages/offset_commit.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<OffsetCommitRequest::OffsetCommitRequestPartition> {
  using T = OffsetCommitRequest::OffsetCommitRequestPartition;
  static constexpr auto kValue =
      structure(field("PartitionIndex", &T::partition_index),
                field("CommittedOffset", &T::committed_offset),
                field("CommittedLeaderEpoch", &T::committed_leader_epoch, since(6)).ignorable(),
                field("CommittedMetadata", &T::committed_metadata).nullable());
};

template <>
struct Description<OffsetCommitRequest::OffsetCommitRequestTopic> {
  using T = OffsetCommitRequest::OffsetCommitRequestTopic;
  static constexpr auto kValue = structure(field("Name", &T::name, between(0, 9)).ignorable(),
                                           field("TopicId", &T::topic_id, since(10)).ignorable(),
                                           field("Partitions", &T::partitions));
};

template <>
struct Description<OffsetCommitRequest> {
  using T = OffsetCommitRequest;
  static constexpr auto kValue =
      message("OffsetCommitRequest",
              between(2, 10),
              since(8),
              field("GroupId", &T::group_id),
              field("GenerationIdOrMemberEpoch", &T::generation_id_or_member_epoch, since(1)).ignorable(),
              field("MemberId", &T::member_id, since(1)).ignorable(),
              field("GroupInstanceId", &T::group_instance_id, since(7)).nullable(),
              field("RetentionTimeMs", &T::retention_time_ms, between(2, 4)).ignorable(),
              field("Topics", &T::topics));
};

template <>
struct Description<OffsetCommitResponse::OffsetCommitResponsePartition> {
  using T = OffsetCommitResponse::OffsetCommitResponsePartition;
  static constexpr auto kValue =
      structure(field("PartitionIndex", &T::partition_index), field("ErrorCode", &T::error_code));
};

template <>
struct Description<OffsetCommitResponse::OffsetCommitResponseTopic> {
  using T = OffsetCommitResponse::OffsetCommitResponseTopic;
  static constexpr auto kValue = structure(field("Name", &T::name, between(0, 9)).ignorable(),
                                           field("TopicId", &T::topic_id, since(10)).ignorable(),
                                           field("Partitions", &T::partitions));
};

template <>
struct Description<OffsetCommitResponse> {
  using T = OffsetCommitResponse;
  static constexpr auto kValue = message("OffsetCommitResponse",
                                         between(2, 10),
                                         since(8),
                                         field("ThrottleTimeMs", &T::throttle_time_ms, since(3)).ignorable(),
                                         field("Topics", &T::topics));
};

template struct MessageCodec<OffsetCommitRequest>;
template struct MessageCodec<OffsetCommitResponse>;

}  // namespace sluice::protocol
