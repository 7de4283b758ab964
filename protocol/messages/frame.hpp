#pragma once

#include "protocol/error.hpp"
#include "protocol/messages/any.hpp"
#include "protocol/messages/api_key.hpp"
#include "protocol/messages/header.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Whole frames: which header goes before which body. Length, header and body of one message make one frame;
/// the functions that decode want the frame without its length.
namespace sluice::protocol {

/// Version of the RequestHeader of a request: 2 when the request is flexible, else 1.
[[nodiscard]] std::int16_t request_header_version(ApiKey key, std::int16_t version);

/// Version of the ResponseHeader of a response: 1 when it is flexible, else 0. ApiVersions stays at 0,
/// because its reader may not know yet what the broker speaks (KIP-511).
[[nodiscard]] std::int16_t response_header_version(ApiKey key, std::int16_t version);

/// Length, header and body, ready to be written to the socket.
/// @param request    with both forms filled in where there are two, see keep_form_of()
/// @param client_id  nullopt is sent as null
/// Errors: kUnsupported when `version` is not one that we speak or cannot carry what the request says;
/// kTooLarge when a string or the frame is longer than its length field can say.
[[nodiscard]] Result<std::string> encode_request_frame(AnyRequest request,
                                                       std::int16_t version,
                                                       std::int32_t correlation_id,
                                                       std::optional<std::string_view> client_id);

/// Reads a response. The records of a FetchResponse are views into `frame`: keep it as long as the response.
/// @param version  of the request. An ApiVersions answer may come as v0 all the same: it then says
/// UNSUPPORTED_VERSION. Bytes after the message are ignored, as other clients do: some brokers add fields
/// without a new version. Errors: kMalformed for a foreign correlation id; those of decode().
[[nodiscard]] Result<AnyResponse> decode_response(ApiKey key,
                                                  std::int16_t version,
                                                  std::string_view frame,
                                                  std::int32_t expected_correlation_id);

/// A request as a broker sees it.
struct ReceivedRequest {
  RequestHeader header;
  AnyRequest request;
};

/// The broker's side of encode_request_frame(), for scripted brokers in tests. Strict: refuses trailing
/// bytes.
[[nodiscard]] Result<ReceivedRequest> decode_request(std::string_view frame);

/// The broker's side of decode_response(), for scripted brokers in tests. Length included.
[[nodiscard]] Result<std::string> encode_response_frame(const AnyResponse& response,
                                                        std::int16_t version,
                                                        std::int32_t correlation_id);

}  // namespace sluice::protocol
