#include "tests/golden/message_codecs.hpp"

#include "protocol/messages/any.hpp"
#include "protocol/messages/consumer_protocol.hpp"
#include "protocol/messages/frame.hpp"
#include "protocol/messages/header.hpp"
#include "protocol/schema/codec.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice::golden {
namespace {

using namespace protocol;

template <class M>
MessageCodecs describe(std::function<std::int16_t(std::int16_t)> header_version) {
  MessageCodecs codecs;
  codecs.schema = schema_text<M>();
  codecs.name = message_name<M>();
  codecs.spoken = M::kVersions;
  codecs.header_version = std::move(header_version);
  codecs.round_trip = [](std::string_view bytes, std::int16_t version) -> Result<MessageCodecs::RoundTrip> {
    const auto message = decode<M>(bytes, version);
    if (!message) return tl::unexpected(message.error());
    return MessageCodecs::RoundTrip{print(*message, version, Secrets::kShow), encode(*message, version)};
  };
  return codecs;
}

template <std::size_t... I>
void describe_apis(std::vector<MessageCodecs>& all, std::index_sequence<I...> /*alternatives*/) {
  const auto describe_api = [&]<class Request, class Response>(std::type_identity<Request>,
                                                               std::type_identity<Response>) {
    static_assert(Request::kApiKey == Response::kApiKey);
    all.push_back(describe<Request>(
        [](std::int16_t version) { return request_header_version(Request::kApiKey, version); }));
    all.push_back(describe<Response>(
        [](std::int16_t version) { return response_header_version(Request::kApiKey, version); }));
  };
  (describe_api(std::type_identity<std::variant_alternative_t<I, AnyRequest>>{},
                std::type_identity<std::variant_alternative_t<I, AnyResponse>>{}),
   ...);
}

std::vector<MessageCodecs> describe_all() {
  static_assert(std::variant_size_v<AnyRequest> == std::variant_size_v<AnyResponse>);
  static_assert(std::variant_size_v<AnyRequest> == kApis.size());
  std::vector<MessageCodecs> all;
  describe_apis(all, std::make_index_sequence<std::variant_size_v<AnyRequest>>{});
  const auto never_alone = [](std::int16_t /*version*/) -> std::int16_t { return -1; };
  all.push_back(describe<ConsumerProtocolSubscription>(never_alone));
  all.push_back(describe<ConsumerProtocolAssignment>(never_alone));
  all.push_back(describe<RequestHeader>(never_alone));
  all.push_back(describe<ResponseHeader>(never_alone));
  return all;
}

}  // namespace

const std::vector<MessageCodecs>& all_messages() {
  static const std::vector<MessageCodecs> all = describe_all();
  return all;
}

}  // namespace sluice::golden
