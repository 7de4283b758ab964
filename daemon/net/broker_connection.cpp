#include "daemon/net/broker_connection.hpp"

#include "daemon/net/reply_facts.hpp"
#include "daemon/net/use_ec.hpp"
#include "protocol/messages/frame.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::net {

using protocol::FailureKind;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

std::int32_t correlation_id_of(const std::string& frame) {
  std::uint32_t raw = 0;
  for (std::size_t i = 0; i < 4; ++i) raw = (raw << 8) | static_cast<unsigned char>(frame[i]);
  return static_cast<std::int32_t>(raw);
}

std::string in_ms(steady_clock::duration duration) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count()) + " ms";
}

}  // namespace

BrokerConnection::BrokerConnection(asio::any_io_executor executor,
                                   const NetOptions& options,
                                   protocol::BrokerAddress address,
                                   protocol::Lane lane,
                                   ConnectionListener& listener,
                                   PoolCounters& counters,
                                   TaskGroup::CrashHandler on_crash)
    : executor_(std::move(executor)),
      options_(options),
      address_(std::move(address)),
      lane_(lane),
      listener_(listener),
      counters_(counters),
      dialer_(executor_, options_, address_.host, address_.port),
      writer_(executor_, std::move(on_crash)),
      start_(executor_),
      writer_wake_(executor_),
      alarm_(executor_, [this] { on_alarm(); }) {}

asio::awaitable<void> BrokerConnection::run(std::shared_ptr<BrokerConnection> self,
                                            SteadyTime not_before,
                                            milliseconds connect_timeout) {
  co_await self->live(not_before, connect_timeout);
  co_await self->writer_.join();
  self->finish();
}

asio::awaitable<void> BrokerConnection::live(SteadyTime not_before, milliseconds connect_timeout) {
  if (!end_ && not_before > steady_clock::now()) {
    start_.expires_at(not_before);
    co_await start_.async_wait(use_ec);
  }
  if (end_) co_return;

  started_at_ = steady_clock::now();
  auto link = co_await dialer_.dial(connect_timeout);
  if (end_) co_return;
  if (!link) {
    close(ConnectionEnd::kConnectFailed, link.error());
    co_return;
  }
  link_ = std::move(*link);
  last_activity_ = steady_clock::now();
  mute(link_->silence);
  hasten_alarm();
  listener_.on_ready(*this);
  writer_.spawn("write requests", write_requests());
  co_await read_answers();
}

void BrokerConnection::add(protocol::Outgoing request) {
  const SteadyTime now = steady_clock::now();
  const SteadyTime deadline = now + request.timeout;
  const protocol::ApiKey api = protocol::api_key(request.request);
  waiting_.push_back({std::move(request), api, now, deadline});
  writer_wake_.cancel();
  hasten_alarm();
}

bool BrokerConnection::accepts() const { return !end_ && !is_idle_too_long(steady_clock::now()); }

void BrokerConnection::close(ConnectionEnd end, std::string reason) {
  if (end_) return;
  end_ = end;
  end_reason_ = std::move(reason);
  alarm_.clear();
  start_.cancel();
  dialer_.abort();
  writer_wake_.cancel();
  if (link_) link_->stream.close();
}

// ---- answers

asio::awaitable<void> BrokerConnection::read_answers() {
  while (!end_) {
    const auto frame = co_await link_->reader.read();
    if (end_) break;
    if (!frame) {
      // Brokers and load balancers end idle connections as a matter of course.
      const bool is_quiet = frame.error().kind != FrameError::Kind::kNotKafka && !has_work();
      close(is_quiet ? ConnectionEnd::kIdle : ConnectionEnd::kLost, frame.error().message);
      break;
    }
    counters_.bytes_in += 4 + (*frame)->size();
    if (!accept_answer(*frame)) break;
  }
}

bool BrokerConnection::accept_answer(const Frame& frame) {
  const std::int32_t correlation_id = correlation_id_of(*frame);
  if (in_flight_.empty()) {
    close(ConnectionEnd::kLost, "an answer came that nothing was asked for");
    return false;
  }
  if (correlation_id != in_flight_.front().correlation_id) {
    close(ConnectionEnd::kLost, "answer " + std::to_string(correlation_id) + " came where " +
                                    std::to_string(in_flight_.front().correlation_id) + " was due");
    return false;
  }
  const InFlight sent = in_flight_.front();
  in_flight_.pop_front();
  auto response = protocol::decode_response(sent.api, sent.version, *frame, correlation_id);
  if (!response) {
    const std::string message = "bad answer to " + std::string(protocol::api_info(sent.api).name) + " v" +
                                std::to_string(sent.version) + ": " + response.error().message;
    close(ConnectionEnd::kLost, message);
    fail_in_flight(sent, FailureKind::kMalformed, message);
    return false;
  }
  was_useful_ = true;
  last_activity_ = steady_clock::now();
  mute(silence_asked_for(*response, sent.version));
  hasten_alarm();
  listener_.on_request_done({.node = address_.node,
                             .lane = lane_,
                             .api = sent.api,
                             .duration = last_activity_ - sent.sent_at,
                             .failure = std::nullopt,
                             .error_code = top_level_error(*response)});
  listener_.on_reply(*this, {sent.id, address_.node, sent.version, std::move(*response), frame});
  return !end_;
}

void BrokerConnection::mute(milliseconds silence) {
  if (silence <= milliseconds(0)) return;
  counters_.throttled += silence;
  muted_until_ = std::max(muted_until_, steady_clock::now() + silence);
}

// ---- requests

asio::awaitable<void> BrokerConnection::write_requests() {
  while (!end_) {
    if (waiting_.empty() || steady_clock::now() < muted_until_) {
      writer_wake_.expires_at(waiting_.empty() ? SteadyTime::max() : muted_until_);
      co_await writer_wake_.async_wait(use_ec);
      continue;
    }
    const std::string bytes = encode_waiting();
    if (end_ || bytes.empty()) continue;
    const auto ec = co_await link_->stream.write(bytes);
    if (ec) {
      // The reader sees the end too, and whatever the broker said before it. Only a half-dead one needs this.
      close(ConnectionEnd::kLost, "writing failed: " + ec.message());
    }
    counters_.bytes_out += bytes.size();
  }
}

std::string BrokerConnection::encode_waiting() {
  std::string bytes;
  std::deque<Waiting> batch = std::exchange(waiting_, {});
  while (!batch.empty()) {
    if (end_) {  // by a callback: what is left goes the way of all the others
      waiting_.insert(waiting_.begin(), std::make_move_iterator(batch.begin()),
                      std::make_move_iterator(batch.end()));
      break;
    }
    Waiting next = std::move(batch.front());
    batch.pop_front();
    auto frame = encode(std::move(next));
    if (!frame) continue;
    if (bytes.empty()) {
      bytes = std::move(*frame);
    } else {
      bytes += *frame;
    }
  }
  return bytes;
}

std::optional<std::string> BrokerConnection::encode(Waiting waiting) {
  const auto version = link_->versions.choose(waiting.api, waiting.request.version_cap);
  if (!version) {
    fail_waiting(waiting, FailureKind::kUnsupportedVersion, version.error());
    return std::nullopt;
  }
  const std::int32_t correlation_id = link_->next_correlation_id;
  auto frame = protocol::encode_request_frame(std::move(waiting.request.request), *version, correlation_id,
                                              options_.client_id);
  if (!frame) {
    fail_waiting(waiting, FailureKind::kUnencodable, frame.error().message);
    return std::nullopt;
  }
  link_->next_correlation_id = correlation_id == INT32_MAX ? 0 : correlation_id + 1;
  last_activity_ = steady_clock::now();
  in_flight_.push_back(
      {waiting.request.id, waiting.api, *version, correlation_id, last_activity_, waiting.deadline});
  return std::move(*frame);
}

// ---- time

bool BrokerConnection::is_idle_too_long(SteadyTime now) const {
  return link_ && !has_work() && now >= last_activity_ + options_.idle_max;
}

SteadyTime BrokerConnection::next_alarm() const {
  SteadyTime next = SteadyTime::max();
  for (const Waiting& waiting : waiting_) next = std::min(next, waiting.deadline);
  for (const InFlight& sent : in_flight_) next = std::min(next, sent.deadline);
  if (link_ && !has_work()) next = last_activity_ + options_.idle_max;
  return next;
}

// An alarm that comes too early is harmless and rare; setting it anew for every request is not free.
void BrokerConnection::hasten_alarm() {
  const SteadyTime next = next_alarm();
  if (!end_ && next < alarm_.when()) alarm_.set(next);
}

void BrokerConnection::on_alarm() {
  const SteadyTime now = steady_clock::now();
  const auto late = std::find_if(in_flight_.begin(), in_flight_.end(),
                                 [now](const InFlight& sent) { return sent.deadline <= now; });
  if (late != in_flight_.end()) {
    close(ConnectionEnd::kTimedOut, "no answer to " + std::string(protocol::api_info(late->api).name) +
                                        " for " + in_ms(now - late->sent_at));
    return;
  }
  expire_waiting(now);
  if (is_idle_too_long(now)) close(ConnectionEnd::kIdle, "idle for " + in_ms(now - last_activity_));
  hasten_alarm();
}

// Nothing was sent, so the connection can stay.
void BrokerConnection::expire_waiting(SteadyTime now) {
  std::deque<Waiting> late;
  std::deque<Waiting> in_time;
  for (Waiting& waiting : waiting_) (waiting.deadline <= now ? late : in_time).push_back(std::move(waiting));
  waiting_ = std::move(in_time);
  for (const Waiting& waiting : late) {
    const std::string after = " within the " + in_ms(waiting.request.timeout) + " of the request";
    if (!link_) {
      fail_waiting(waiting, FailureKind::kConnectFailed, "not connected" + after + ": " + dialer_.step());
    } else if (now < muted_until_) {
      fail_waiting(waiting, FailureKind::kTimedOut,
                   "not sent" + after + ": the broker throttles this client");
    } else {
      fail_waiting(waiting, FailureKind::kTimedOut, "not sent" + after);
    }
  }
}

// ---- the end

void BrokerConnection::finish() {
  const SteadyTime now = steady_clock::now();
  const ConnectionEnd end = end_.value_or(ConnectionEnd::kClosed);
  listener_.on_end(*this, end, end_reason_);
  // A callback cannot add to them: accepts() is false.
  for (const InFlight& sent : std::exchange(in_flight_, {})) {
    const bool is_late = end == ConnectionEnd::kTimedOut && sent.deadline <= now;
    fail_in_flight(sent, is_late ? FailureKind::kTimedOut : FailureKind::kDisconnected, end_reason_);
  }
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    fail_waiting(waiting, link_ ? FailureKind::kDisconnected : FailureKind::kConnectFailed, end_reason_);
  }
}

void BrokerConnection::fail_waiting(const Waiting& waiting, FailureKind kind, const std::string& message) {
  listener_.on_request_done({.node = address_.node,
                             .lane = lane_,
                             .api = waiting.api,
                             .duration = steady_clock::now() - waiting.added_at,
                             .failure = kind});
  listener_.on_failure(*this, {waiting.request.id, address_.node, kind, describe(message)});
}

void BrokerConnection::fail_in_flight(const InFlight& sent, FailureKind kind, const std::string& message) {
  listener_.on_request_done({.node = address_.node,
                             .lane = lane_,
                             .api = sent.api,
                             .duration = steady_clock::now() - sent.sent_at,
                             .failure = kind});
  listener_.on_failure(*this, {sent.id, address_.node, kind, describe(message)});
}

std::string BrokerConnection::describe(const std::string& what) const {
  return "broker " + std::to_string(address_.node) + " (" + address_.host + ":" +
         std::to_string(address_.port) + ", " + name(lane_) + "): " + what;
}

}  // namespace sluice::net
