#include "protocol/messages/offset_fetch.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<OffsetFetchRequest::OffsetFetchRequestTopic> {
  using T = OffsetFetchRequest::OffsetFetchRequestTopic;
  static constexpr auto kValue = structure(field("Name", &T::name, between(0, 7)),
                                           field("PartitionIndexes", &T::partition_indexes, between(0, 7)));
};

template <>
struct Description<OffsetFetchRequest::OffsetFetchRequestTopics> {
  using T = OffsetFetchRequest::OffsetFetchRequestTopics;
  static constexpr auto kValue = structure(field("Name", &T::name, between(8, 9)).ignorable(),
                                           field("TopicId", &T::topic_id, since(10)).ignorable(),
                                           field("PartitionIndexes", &T::partition_indexes, since(8)));
};

template <>
struct Description<OffsetFetchRequest::OffsetFetchRequestGroup> {
  using T = OffsetFetchRequest::OffsetFetchRequestGroup;
  static constexpr auto kValue = structure(field("GroupId", &T::group_id, since(8)),
                                           field("MemberId", &T::member_id, since(9)).nullable().ignorable(),
                                           field("MemberEpoch", &T::member_epoch, since(9)).ignorable(),
                                           field("Topics", &T::topics, since(8)).nullable());
};

template <>
struct Description<OffsetFetchRequest> {
  using T = OffsetFetchRequest;
  static constexpr auto kValue = message("OffsetFetchRequest",
                                         between(1, 10),
                                         since(6),
                                         field("GroupId", &T::group_id, between(0, 7)),
                                         field("Topics", &T::topics, between(0, 7)).nullable(between(2, 7)),
                                         field("Groups", &T::groups, since(8)),
                                         field("RequireStable", &T::require_stable, since(7)));
};

template <>
struct Description<OffsetFetchResponse::OffsetFetchResponsePartition> {
  using T = OffsetFetchResponse::OffsetFetchResponsePartition;
  static constexpr auto kValue =
      structure(field("PartitionIndex", &T::partition_index, between(0, 7)),
                field("CommittedOffset", &T::committed_offset, between(0, 7)),
                field("CommittedLeaderEpoch", &T::committed_leader_epoch, between(5, 7)).ignorable(),
                field("Metadata", &T::metadata, between(0, 7)).nullable(),
                field("ErrorCode", &T::error_code, between(0, 7)));
};

template <>
struct Description<OffsetFetchResponse::OffsetFetchResponseTopic> {
  using T = OffsetFetchResponse::OffsetFetchResponseTopic;
  static constexpr auto kValue =
      structure(field("Name", &T::name, between(0, 7)), field("Partitions", &T::partitions, between(0, 7)));
};

template <>
struct Description<OffsetFetchResponse::OffsetFetchResponsePartitions> {
  using T = OffsetFetchResponse::OffsetFetchResponsePartitions;
  static constexpr auto kValue =
      structure(field("PartitionIndex", &T::partition_index, since(8)),
                field("CommittedOffset", &T::committed_offset, since(8)),
                field("CommittedLeaderEpoch", &T::committed_leader_epoch, since(8)).ignorable(),
                field("Metadata", &T::metadata, since(8)).nullable(),
                field("ErrorCode", &T::error_code, since(8)));
};

template <>
struct Description<OffsetFetchResponse::OffsetFetchResponseTopics> {
  using T = OffsetFetchResponse::OffsetFetchResponseTopics;
  static constexpr auto kValue = structure(field("Name", &T::name, between(8, 9)).ignorable(),
                                           field("TopicId", &T::topic_id, since(10)).ignorable(),
                                           field("Partitions", &T::partitions, since(8)));
};

template <>
struct Description<OffsetFetchResponse::OffsetFetchResponseGroup> {
  using T = OffsetFetchResponse::OffsetFetchResponseGroup;
  static constexpr auto kValue = structure(field("GroupId", &T::group_id, since(8)),
                                           field("Topics", &T::topics, since(8)),
                                           field("ErrorCode", &T::error_code, since(8)));
};

template <>
struct Description<OffsetFetchResponse> {
  using T = OffsetFetchResponse;
  static constexpr auto kValue = message("OffsetFetchResponse",
                                         between(1, 10),
                                         since(6),
                                         field("ThrottleTimeMs", &T::throttle_time_ms, since(3)).ignorable(),
                                         field("Topics", &T::topics, between(0, 7)),
                                         field("ErrorCode", &T::error_code, between(2, 7)).ignorable(),
                                         field("Groups", &T::groups, since(8)));
};

template struct MessageCodec<OffsetFetchRequest>;
template struct MessageCodec<OffsetFetchResponse>;

}  // namespace sluice::protocol
