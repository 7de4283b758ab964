#include "protocol/messages/sasl_authenticate.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<SaslAuthenticateRequest> {
  using T = SaslAuthenticateRequest;
  static constexpr auto kValue =
      message("SaslAuthenticateRequest", between(0, 2), since(2), field("AuthBytes", &T::auth_bytes));
};

template <>
struct Description<SaslAuthenticateResponse> {
  using T = SaslAuthenticateResponse;
  static constexpr auto kValue =
      message("SaslAuthenticateResponse",
              between(0, 2),
              since(2),
              field("ErrorCode", &T::error_code),
              field("ErrorMessage", &T::error_message).nullable(),
              field("AuthBytes", &T::auth_bytes),
              field("SessionLifetimeMs", &T::session_lifetime_ms, since(1)).ignorable());
};

template struct MessageCodec<SaslAuthenticateRequest>;
template struct MessageCodec<SaslAuthenticateResponse>;

}  // namespace sluice::protocol
