#include "protocol/messages/header.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<RequestHeader> {
  using T = RequestHeader;
  static constexpr auto kValue =
      message("RequestHeader",
              between(1, 2),
              since(2),
              field("RequestApiKey", &T::request_api_key),
              field("RequestApiVersion", &T::request_api_version),
              field("CorrelationId", &T::correlation_id),
              field("ClientId", &T::client_id, since(1)).nullable().always_classic());
};

template <>
struct Description<ResponseHeader> {
  using T = ResponseHeader;
  static constexpr auto kValue =
      message("ResponseHeader", between(0, 1), since(1), field("CorrelationId", &T::correlation_id));
};

template struct MessageCodec<RequestHeader>;
template struct MessageCodec<ResponseHeader>;

}  // namespace sluice::protocol
