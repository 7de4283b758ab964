#include "protocol/messages/sasl_handshake.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<SaslHandshakeRequest> {
  using T = SaslHandshakeRequest;
  static constexpr auto kValue =
      message("SaslHandshakeRequest", between(0, 1), kNever, field("Mechanism", &T::mechanism));
};

template <>
struct Description<SaslHandshakeResponse> {
  using T = SaslHandshakeResponse;
  static constexpr auto kValue = message("SaslHandshakeResponse",
                                         between(0, 1),
                                         kNever,
                                         field("ErrorCode", &T::error_code),
                                         field("Mechanisms", &T::mechanisms));
};

template struct MessageCodec<SaslHandshakeRequest>;
template struct MessageCodec<SaslHandshakeResponse>;

}  // namespace sluice::protocol
