#include "protocol/messages/sync_group.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<SyncGroupRequest::SyncGroupRequestAssignment> {
  using T = SyncGroupRequest::SyncGroupRequestAssignment;
  static constexpr auto kValue =
      structure(field("MemberId", &T::member_id), field("Assignment", &T::assignment));
};

template <>
struct Description<SyncGroupRequest> {
  using T = SyncGroupRequest;
  static constexpr auto kValue =
      message("SyncGroupRequest",
              between(0, 5),
              since(4),
              field("GroupId", &T::group_id),
              field("GenerationId", &T::generation_id),
              field("MemberId", &T::member_id),
              field("GroupInstanceId", &T::group_instance_id, since(3)).nullable(),
              field("ProtocolType", &T::protocol_type, since(5)).nullable().ignorable(),
              field("ProtocolName", &T::protocol_name, since(5)).nullable().ignorable(),
              field("Assignments", &T::assignments));
};

template <>
struct Description<SyncGroupResponse> {
  using T = SyncGroupResponse;
  static constexpr auto kValue =
      message("SyncGroupResponse",
              between(0, 5),
              since(4),
              field("ThrottleTimeMs", &T::throttle_time_ms, since(1)).ignorable(),
              field("ErrorCode", &T::error_code),
              field("ProtocolType", &T::protocol_type, since(5)).nullable().ignorable(),
              field("ProtocolName", &T::protocol_name, since(5)).nullable().ignorable(),
              field("Assignment", &T::assignment));
};

template struct MessageCodec<SyncGroupRequest>;
template struct MessageCodec<SyncGroupResponse>;

}  // namespace sluice::protocol
