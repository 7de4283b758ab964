#include "protocol/messages/find_coordinator.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<FindCoordinatorRequest> {
  using T = FindCoordinatorRequest;
  static constexpr auto kValue = message("FindCoordinatorRequest",
                                         between(0, 6),
                                         since(3),
                                         field("Key", &T::key, between(0, 3)),
                                         field("KeyType", &T::key_type, since(1)),
                                         field("CoordinatorKeys", &T::coordinator_keys, since(4)));
};

template <>
struct Description<FindCoordinatorResponse::Coordinator> {
  using T = FindCoordinatorResponse::Coordinator;
  static constexpr auto kValue =
      structure(field("Key", &T::key, since(4)),
                field("NodeId", &T::node_id, since(4)),
                field("Host", &T::host, since(4)),
                field("Port", &T::port, since(4)),
                field("ErrorCode", &T::error_code, since(4)),
                field("ErrorMessage", &T::error_message, since(4)).nullable().ignorable());
};

template <>
struct Description<FindCoordinatorResponse> {
  using T = FindCoordinatorResponse;
  static constexpr auto kValue =
      message("FindCoordinatorResponse",
              between(0, 6),
              since(3),
              field("ThrottleTimeMs", &T::throttle_time_ms, since(1)).ignorable(),
              field("ErrorCode", &T::error_code, between(0, 3)),
              field("ErrorMessage", &T::error_message, between(1, 3)).nullable().ignorable(),
              field("NodeId", &T::node_id, between(0, 3)),
              field("Host", &T::host, between(0, 3)),
              field("Port", &T::port, between(0, 3)),
              field("Coordinators", &T::coordinators, since(4)));
};

template struct MessageCodec<FindCoordinatorRequest>;
template struct MessageCodec<FindCoordinatorResponse>;

}  // namespace sluice::protocol
