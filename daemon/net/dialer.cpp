#include "daemon/net/dialer.hpp"

#include "daemon/net/async_event.hpp"
#include "daemon/net/reply_facts.hpp"
#include "daemon/net/use_ec.hpp"
#include "protocol/messages/frame.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <boost/asio/ip/address.hpp>

#include <sstream>
#include <utility>
#include <variant>

namespace sluice::net {

using boost::system::error_code;
using protocol::ApiKey;
using protocol::ApiVersionsResponse;
using tcp = asio::ip::tcp;

namespace {

constexpr std::int16_t kNewestHello = protocol::versions_spoken(ApiKey::kApiVersions).max;
constexpr std::size_t kAddressesMax = 16;  // of one name; the next dial looks it up again

tl::unexpected<std::string> fail(std::string message) {
  return tl::unexpected<std::string>(std::move(message));
}

std::string to_string(const tcp::endpoint& address) {
  std::ostringstream text;
  text << address;
  return text.str();
}

// Which version to say hello with after the broker refused `refused`. It says so in its answer, except before
// Kafka 2.4. Only downwards, so that a confused broker cannot keep us going round. -1: none is left.
std::int16_t version_after_refusal(const ApiVersionsResponse& answer, std::int16_t refused) {
  for (const auto& entry : answer.api_keys) {
    if (entry.api_key != static_cast<std::int16_t>(ApiKey::kApiVersions)) continue;
    if (entry.max_version >= 0 && entry.max_version < refused) return entry.max_version;
  }
  return refused > 0 ? 0 : -1;
}

}  // namespace

/// A lookup in Asio's resolver thread. getaddrinfo() cannot be interrupted, so whoever gives up leaves it
/// behind.
struct Dialer::Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}

  tcp::resolver resolver;
  AsyncEvent done;
  error_code error = asio::error::operation_aborted;
  std::vector<Endpoint> addresses;
};

struct Dialer::Greeting {
  enum class Kind : std::uint8_t {
    kDone = 1,
    kRefused,  ///< error 35; `next_version` may work
    kHungUp,   ///< closed without an answer: what Event Hubs does with versions that it does not know
    kFailed,
  };
  Kind kind = Kind::kDone;
  std::string message = {};
  std::int16_t next_version = -1;
};

Dialer::Dialer(asio::any_io_executor executor,
               const NetOptions& options,
               std::string host,
               std::uint16_t port)
    : executor_(std::move(executor)),
      options_(options),
      host_(std::move(host)),
      port_(port),
      alarm_(executor_, [this] {
        expired_ = true;
        interrupt();
      }) {}

asio::awaitable<Dialer::Result<std::unique_ptr<Link>>> Dialer::dial(std::chrono::milliseconds timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  alarm_.set(deadline);
  const auto addresses = co_await resolve();
  if (!addresses) co_return fail(addresses.error());

  std::string errors;
  auto untried = static_cast<SteadyTime::rep>(addresses->size());
  for (const Endpoint& address : *addresses) {
    if (aborted_) break;
    const SteadyTime now = std::chrono::steady_clock::now();
    expired_ = false;
    alarm_.set(now + (deadline - now) / untried--);
    auto link = co_await try_address(address);
    alarm_.clear();
    if (link) co_return std::move(*link);
    link_.reset();
    errors += (errors.empty() ? "" : "; ") + to_string(address) + ": " + link.error();
  }
  co_return fail(aborted_ ? "the connection was given up" : errors);
}

void Dialer::abort() {
  aborted_ = true;
  interrupt();
}

void Dialer::interrupt() {
  if (lookup_) lookup_->done.set();
  if (link_) link_->stream.close();
}

asio::awaitable<Dialer::Result<std::vector<Dialer::Endpoint>>> Dialer::resolve() {
  error_code not_numeric;
  const auto numeric = asio::ip::make_address(host_, not_numeric);
  if (!not_numeric) co_return std::vector{Endpoint(numeric, port_)};

  step_ = "looking up " + host_;
  const auto lookup = std::make_shared<Lookup>(executor_);
  lookup_ = lookup;
  lookup->resolver.async_resolve(host_, std::to_string(port_), tcp::resolver::numeric_service,
                                 [lookup](const error_code& ec, const tcp::resolver::results_type& results) {
                                   lookup->error = ec;
                                   for (const auto& result : results) {
                                     if (lookup->addresses.size() == kAddressesMax) break;
                                     lookup->addresses.push_back(result.endpoint());
                                   }
                                   lookup->done.set();
                                 });
  if (!aborted_) co_await lookup->done.wait();
  lookup_.reset();
  if (expired_) co_return fail("the lookup of " + host_ + " timed out");
  if (lookup->error) co_return fail("the lookup of " + host_ + " failed: " + lookup->error.message());
  if (lookup->addresses.empty()) co_return fail(host_ + " has no address");
  co_return std::move(lookup->addresses);
}

asio::awaitable<Dialer::Result<std::unique_ptr<Link>>> Dialer::try_address(Endpoint address) {
  std::int16_t version = kNewestHello;
  while (!aborted_) {
    step_ = "connecting to " + to_string(address);
    link_ = std::make_unique<Link>(executor_, options_.frame_bytes_max);
    const error_code ec = co_await link_->stream.connect(address, options_.receive_buffer_bytes);
    if (expired_) co_return fail("connecting timed out");
    if (ec) co_return fail(ec.message());

    step_ = "waiting for " + to_string(address) + " to answer ApiVersions";
    const Greeting greeting = co_await greet(version);
    if (expired_) co_return fail("no answer to ApiVersions in time");  // and the stream is closed
    if (greeting.kind == Greeting::Kind::kDone) co_return std::move(link_);
    if (greeting.kind == Greeting::Kind::kFailed) co_return fail(greeting.message);
    if (version == 0) {
      co_return fail(
          "the peer closed the connection during ApiVersions; does the listener expect TLS or SASL?");
    }
    version = version > 3 ? 3 : 0;
  }
  co_return fail("given up");
}

asio::awaitable<Dialer::Greeting> Dialer::greet(std::int16_t version) {
  Greeting greeting = co_await ask_versions(version);
  while (greeting.kind == Greeting::Kind::kRefused) {
    if (greeting.next_version < 0) {
      co_return Greeting{Greeting::Kind::kFailed, "the broker refused every version of ApiVersions"};
    }
    greeting = co_await ask_versions(greeting.next_version);
  }
  co_return greeting;
}

asio::awaitable<Dialer::Greeting> Dialer::ask_versions(std::int16_t version) {
  using Kind = Greeting::Kind;
  const std::int32_t correlation_id = link_->next_correlation_id++;
  const auto request = protocol::encode_request_frame(
      protocol::ApiVersionsRequest{options_.client_software_name, options_.client_software_version}, version,
      correlation_id, options_.client_id);
  if (!request) co_return Greeting{Kind::kFailed, request.error().message};

  // A failure to write shows when reading, too, and then with whatever the peer still said.
  [[maybe_unused]] const error_code ignored = co_await link_->stream.write(*request);
  const auto frame = co_await link_->reader.read();
  if (!frame) {
    const bool hung_up = frame.error().kind != FrameError::Kind::kNotKafka && !link_->reader.got_bytes();
    co_return Greeting{hung_up ? Kind::kHungUp : Kind::kFailed, frame.error().message};
  }

  const auto response = protocol::decode_response(ApiKey::kApiVersions, version, **frame, correlation_id);
  if (!response) co_return Greeting{Kind::kFailed, "bad answer to ApiVersions: " + response.error().message};
  const auto& answer = std::get<ApiVersionsResponse>(*response);
  if (answer.error_code == protocol::KafkaError::kUnsupportedVersion) {
    co_return Greeting{Kind::kRefused, {}, version_after_refusal(answer, version)};
  }
  if (answer.error_code != 0) {
    co_return Greeting{Kind::kFailed, "ApiVersions was answered with " + protocol::name(answer.error_code)};
  }
  link_->versions = VersionTable(answer);
  if (link_->versions.empty()) co_return Greeting{Kind::kFailed, "the broker offers no API that we know"};
  link_->silence = silence_asked_for(*response, version);
  co_return Greeting{};
}

}  // namespace sluice::net
