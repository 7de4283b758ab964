#include "protocol/messages/leave_group.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<LeaveGroupRequest::MemberIdentity> {
  using T = LeaveGroupRequest::MemberIdentity;
  static constexpr auto kValue =
      structure(field("MemberId", &T::member_id, since(3)),
                field("GroupInstanceId", &T::group_instance_id, since(3)).nullable(),
                field("Reason", &T::reason, since(5)).nullable().ignorable());
};

template <>
struct Description<LeaveGroupRequest> {
  using T = LeaveGroupRequest;
  static constexpr auto kValue = message("LeaveGroupRequest",
                                         between(0, 5),
                                         since(4),
                                         field("GroupId", &T::group_id),
                                         field("MemberId", &T::member_id, between(0, 2)),
                                         field("Members", &T::members, since(3)));
};

template <>
struct Description<LeaveGroupResponse::MemberResponse> {
  using T = LeaveGroupResponse::MemberResponse;
  static constexpr auto kValue =
      structure(field("MemberId", &T::member_id, since(3)),
                field("GroupInstanceId", &T::group_instance_id, since(3)).nullable(),
                field("ErrorCode", &T::error_code, since(3)));
};

template <>
struct Description<LeaveGroupResponse> {
  using T = LeaveGroupResponse;
  static constexpr auto kValue = message("LeaveGroupResponse",
                                         between(0, 5),
                                         since(4),
                                         field("ThrottleTimeMs", &T::throttle_time_ms, since(1)).ignorable(),
                                         field("ErrorCode", &T::error_code),
                                         field("Members", &T::members, since(3)));
};

template struct MessageCodec<LeaveGroupRequest>;
template struct MessageCodec<LeaveGroupResponse>;

}  // namespace sluice::protocol
