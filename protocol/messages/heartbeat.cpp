#include "protocol/messages/heartbeat.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<HeartbeatRequest> {
  using T = HeartbeatRequest;
  static constexpr auto kValue =
      message("HeartbeatRequest",
              between(0, 4),
              since(4),
              field("GroupId", &T::group_id),
              field("GenerationId", &T::generation_id),
              field("MemberId", &T::member_id),
              field("GroupInstanceId", &T::group_instance_id, since(3)).nullable());
};

template <>
struct Description<HeartbeatResponse> {
  using T = HeartbeatResponse;
  static constexpr auto kValue = message("HeartbeatResponse",
                                         between(0, 4),
                                         since(4),
                                         field("ThrottleTimeMs", &T::throttle_time_ms, since(1)).ignorable(),
                                         field("ErrorCode", &T::error_code));
};

template struct MessageCodec<HeartbeatRequest>;
template struct MessageCodec<HeartbeatResponse>;

}  // namespace sluice::protocol
