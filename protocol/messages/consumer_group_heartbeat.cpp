#include "protocol/messages/consumer_group_heartbeat.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<ConsumerGroupHeartbeatRequest::TopicPartitions> {
  using T = ConsumerGroupHeartbeatRequest::TopicPartitions;
  static constexpr auto kValue =
      structure(field("TopicId", &T::topic_id), field("Partitions", &T::partitions));
};

template <>
struct Description<ConsumerGroupHeartbeatRequest> {
  using T = ConsumerGroupHeartbeatRequest;
  static constexpr auto kValue =
      message("ConsumerGroupHeartbeatRequest",
              between(0, 1),
              since(0),
              field("GroupId", &T::group_id),
              field("MemberId", &T::member_id),
              field("MemberEpoch", &T::member_epoch),
              field("InstanceId", &T::instance_id).nullable(),
              field("RackId", &T::rack_id).nullable(),
              field("RebalanceTimeoutMs", &T::rebalance_timeout_ms),
              field("SubscribedTopicNames", &T::subscribed_topic_names).nullable(),
              field("SubscribedTopicRegex", &T::subscribed_topic_regex, since(1)).nullable(),
              field("ServerAssignor", &T::server_assignor).nullable(),
              field("TopicPartitions", &T::topic_partitions).nullable());
};

template <>
struct Description<ConsumerGroupHeartbeatResponse::TopicPartitions> {
  using T = ConsumerGroupHeartbeatResponse::TopicPartitions;
  static constexpr auto kValue =
      structure(field("TopicId", &T::topic_id), field("Partitions", &T::partitions));
};

template <>
struct Description<ConsumerGroupHeartbeatResponse::Assignment> {
  using T = ConsumerGroupHeartbeatResponse::Assignment;
  static constexpr auto kValue = structure(field("TopicPartitions", &T::topic_partitions));
};

template <>
struct Description<ConsumerGroupHeartbeatResponse> {
  using T = ConsumerGroupHeartbeatResponse;
  static constexpr auto kValue = message("ConsumerGroupHeartbeatResponse",
                                         between(0, 1),
                                         since(0),
                                         field("ThrottleTimeMs", &T::throttle_time_ms),
                                         field("ErrorCode", &T::error_code),
                                         field("ErrorMessage", &T::error_message).nullable(),
                                         field("MemberId", &T::member_id).nullable(),
                                         field("MemberEpoch", &T::member_epoch),
                                         field("HeartbeatIntervalMs", &T::heartbeat_interval_ms),
                                         field("Assignment", &T::assignment).nullable());
};

template struct MessageCodec<ConsumerGroupHeartbeatRequest>;
template struct MessageCodec<ConsumerGroupHeartbeatResponse>;

}  // namespace sluice::protocol
