#include "protocol/messages/frame.hpp"

#include "protocol/messages/two_forms.hpp"
#include "protocol/schema/codec.hpp"
#include "protocol/wire/byte_reader.hpp"
#include "protocol/wire/byte_writer.hpp"

#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice::protocol {
namespace {

constexpr std::int16_t kUnsupportedVersionCode = 35;

Result<void> check_spoken(ApiKey key, std::int16_t version) {
  const ApiInfo& api = api_info(key);
  if (api.spoken.contains(version)) return {};
  return fail(ErrorKind::kUnsupported,
              std::string(api.name) + ": we do not speak version " + std::to_string(version));
}

/// Length, header and body in one buffer.
template <class Header, class Any>
Result<std::string> encode_frame(const Header& header,
                                 std::int16_t header_version,
                                 const Any& message,
                                 std::int16_t version) {
  std::string frame;
  ByteWriter writer(frame);
  writer.write_int32(0);
  if (auto done = encode_to(frame, header, header_version); !done) return tl::unexpected(done.error());
  auto body = std::visit([&](const auto& m) { return encode_to(frame, m, version); }, message);
  if (!body) return tl::unexpected(body.error());
  const std::size_t length = frame.size() - sizeof(std::int32_t);
  if (length > std::numeric_limits<std::int32_t>::max())
    return fail(ErrorKind::kTooLarge, "frame above 2 GiB");
  writer.patch(0, static_cast<std::int32_t>(length));
  return frame;
}

/// Decodes the alternative of the variant that belongs to `key`.
template <class Any, std::size_t... I>
Result<Any> decode_any(ApiKey key,
                       std::int16_t version,
                       std::string_view body,
                       Trailing trailing,
                       std::index_sequence<I...> /*alternatives*/) {
  Result<Any> result = fail(ErrorKind::kUnsupported, "an API that we have no messages for");
  const auto decode_if = [&]<class M>(std::type_identity<M> /*type*/) {
    if (M::kApiKey != key) return false;
    auto message = decode<M>(body, version, trailing);
    if (message) {
      result = Any(std::move(*message));
    } else {
      result = tl::unexpected(std::move(message.error()));
    }
    return true;
  };
  static_cast<void>((decode_if(std::type_identity<std::variant_alternative_t<I, Any>>{}) || ...));
  return result;
}

template <class Any>
Result<Any> decode_any(ApiKey key, std::int16_t version, std::string_view body, Trailing trailing) {
  return decode_any<Any>(key, version, body, trailing, std::make_index_sequence<std::variant_size_v<Any>>{});
}

/// A broker that does not know the version of an ApiVersions request answers in the format of version 0
/// (KIP-511).
bool is_version_refusal(ApiKey key, std::string_view body) {
  return key == ApiKey::kApiVersions && ByteReader(body).read_int16() == kUnsupportedVersionCode;
}

}  // namespace

std::int16_t request_header_version(ApiKey key, std::int16_t version) {
  return api_info(key).is_flexible(version) ? 2 : 1;
}

std::int16_t response_header_version(ApiKey key, std::int16_t version) {
  return key != ApiKey::kApiVersions && api_info(key).is_flexible(version) ? 1 : 0;
}

Result<std::string> encode_request_frame(AnyRequest request,
                                         std::int16_t version,
                                         std::int32_t correlation_id,
                                         std::optional<std::string_view> client_id) {
  const ApiKey key = api_key(request);
  if (auto spoken = check_spoken(key, version); !spoken) return tl::unexpected(spoken.error());
  keep_form_of(request, version);
  RequestHeader header{.request_api_key = static_cast<std::int16_t>(key),
                       .request_api_version = version,
                       .correlation_id = correlation_id,
                       .client_id = std::nullopt};
  if (client_id) header.client_id = *client_id;
  return encode_frame(header, request_header_version(key, version), request, version);
}

Result<AnyResponse> decode_response(ApiKey key,
                                    std::int16_t version,
                                    std::string_view frame,
                                    std::int32_t expected_correlation_id) {
  const auto header = decode_prefix<ResponseHeader>(frame, response_header_version(key, version));
  if (!header) return tl::unexpected(header.error());
  const std::int32_t correlation_id = header->message.correlation_id;
  if (correlation_id != expected_correlation_id) {
    return fail(ErrorKind::kMalformed, "ResponseHeader.CorrelationId: " + std::to_string(correlation_id) +
                                           " instead of " + std::to_string(expected_correlation_id));
  }
  const std::string_view body = frame.substr(header->size);
  const std::int16_t body_version = is_version_refusal(key, body) ? std::int16_t{0} : version;
  return decode_any<AnyResponse>(key, body_version, body, Trailing::kAllow);
}

Result<ReceivedRequest> decode_request(std::string_view frame) {
  ByteReader reader(frame);
  const std::int16_t key_number = reader.read_int16();
  const std::int16_t version = reader.read_int16();
  const ApiInfo* api = find_api(key_number);
  if (reader.failed() || api == nullptr) {
    return fail(ErrorKind::kUnsupported, "no API with key " + std::to_string(key_number));
  }
  auto header = decode_prefix<RequestHeader>(frame, request_header_version(api->key, version));
  if (!header) return tl::unexpected(header.error());
  auto request = decode_any<AnyRequest>(api->key, version, frame.substr(header->size), Trailing::kRefuse);
  if (!request) return tl::unexpected(request.error());
  return ReceivedRequest{std::move(header->message), std::move(*request)};
}

Result<std::string> encode_response_frame(const AnyResponse& response,
                                          std::int16_t version,
                                          std::int32_t correlation_id) {
  const std::int16_t header_version = response_header_version(api_key(response), version);
  return encode_frame(ResponseHeader{.correlation_id = correlation_id}, header_version, response, version);
}

}  // namespace sluice::protocol
