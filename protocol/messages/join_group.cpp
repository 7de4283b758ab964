#include "protocol/messages/join_group.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<JoinGroupRequest::JoinGroupRequestProtocol> {
  using T = JoinGroupRequest::JoinGroupRequestProtocol;
  static constexpr auto kValue = structure(field("Name", &T::name), field("Metadata", &T::metadata));
};

template <>
struct Description<JoinGroupRequest> {
  using T = JoinGroupRequest;
  static constexpr auto kValue =
      message("JoinGroupRequest",
              between(0, 9),
              since(6),
              field("GroupId", &T::group_id),
              field("SessionTimeoutMs", &T::session_timeout_ms),
              field("RebalanceTimeoutMs", &T::rebalance_timeout_ms, since(1)).ignorable(),
              field("MemberId", &T::member_id),
              field("GroupInstanceId", &T::group_instance_id, since(5)).nullable(),
              field("ProtocolType", &T::protocol_type),
              field("Protocols", &T::protocols),
              field("Reason", &T::reason, since(8)).nullable().ignorable());
};

template <>
struct Description<JoinGroupResponse::JoinGroupResponseMember> {
  using T = JoinGroupResponse::JoinGroupResponseMember;
  static constexpr auto kValue =
      structure(field("MemberId", &T::member_id),
                field("GroupInstanceId", &T::group_instance_id, since(5)).nullable().ignorable(),
                field("Metadata", &T::metadata));
};

template <>
struct Description<JoinGroupResponse> {
  using T = JoinGroupResponse;
  static constexpr auto kValue =
      message("JoinGroupResponse",
              between(0, 9),
              since(6),
              field("ThrottleTimeMs", &T::throttle_time_ms, since(2)).ignorable(),
              field("ErrorCode", &T::error_code),
              field("GenerationId", &T::generation_id),
              field("ProtocolType", &T::protocol_type, since(7)).nullable().ignorable(),
              field("ProtocolName", &T::protocol_name).nullable(since(7)),
              field("Leader", &T::leader),
              field("SkipAssignment", &T::skip_assignment, since(9)),
              field("MemberId", &T::member_id),
              field("Members", &T::members));
};

template struct MessageCodec<JoinGroupRequest>;
template struct MessageCodec<JoinGroupResponse>;

}  // namespace sluice::protocol
