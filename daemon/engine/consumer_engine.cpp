#include "daemon/engine/consumer_engine.hpp"

#include "daemon/engine/clock.hpp"
#include "daemon/net/use_ec.hpp"

#include <utility>

namespace sluice::engine {

namespace {

// Outcomes kept for a caller who has not asked yet; asynchronous acks never ask.
constexpr std::size_t kFinishedCommitsMax = 4096;

}  // namespace

ConsumerEngine::ConsumerEngine(boost::asio::any_io_executor executor,
                               Options options,
                               core::MemoryBudget& budget,
                               LogFunction log,
                               std::function<void()> on_change)
    : executor_(executor),
      options_(std::move(options)),
      log_(std::move(log)),
      on_change_(std::move(on_change)),
      consumer_(options_.core, budget, options_.seed),
      pool_(executor,
            options_.net,
            options_.bootstrap,
            net::PoolEvents{.on_reply =
                                [this](protocol::Reply reply) {
                                  consumer_.on_reply(std::move(reply), Clock::now(), Clock::wall_ms());
                                  pump();
                                },
                            .on_failure =
                                [this](const protocol::Failure& failure) {
                                  consumer_.on_failure(failure, Clock::now());
                                  pump();
                                },
                            .on_connection =
                                [this](const net::ConnectionEvent& event) {
                                  const bool bad = event.end == net::ConnectionEnd::kConnectFailed ||
                                                   event.end == net::ConnectionEnd::kLost ||
                                                   event.end == net::ConnectionEnd::kTimedOut;
                                  const std::string what =
                                      event.end ? "connection ended: " + event.reason : "connected";
                                  log_(bad ? core::LogLevel::kWarn : core::LogLevel::kDebug, options_.name,
                                       "broker " + std::to_string(event.broker.node) + " (" +
                                           event.broker.host + ":" + std::to_string(event.broker.port) +
                                           ", " + net::name(event.lane) + "): " + what);
                                }}),
      tasks_(executor),
      timer_(executor) {}

ConsumerEngine::~ConsumerEngine() = default;

void ConsumerEngine::start() {
  tasks_.spawn("timer of consumer " + options_.name, run_timer());
  pump();
}

void ConsumerEngine::drain() {
  consumer_.drain();
  pump();
}

void ConsumerEngine::leave() {
  consumer_.leave(Clock::now());
  pump();
}

boost::asio::awaitable<void> ConsumerEngine::close() {
  closing_ = true;
  for (auto& [ticket, call] : std::exchange(fetches_, {})) call->finish(std::nullopt);
  for (auto& [ticket, wait] : std::exchange(commits_, {})) wait->timer.cancel();
  for (const std::shared_ptr<EventsCall>& reader : readers_) reader->cancel();
  timer_.cancel();
  co_await pool_.close();
  co_await tasks_.join();
}

/// One turn of the core, and everything it wants done.
void ConsumerEngine::pump() {
  if (closing_) return;
  consumer_.turn(Clock::now(), Clock::wall_ms());
  core::Outbox& outbox = consumer_.outbox();
  for (const core::LogLine& line : outbox.take_lines()) log_(line.level, options_.name, line.text);
  const std::vector<protocol::BrokerAddress> addresses = consumer_.take_addresses();
  if (!addresses.empty()) pool_.set_brokers(addresses);
  for (protocol::Outgoing& request : outbox.take_requests()) pool_.send(std::move(request));
  for (core::Delivery::Done& done : consumer_.take_fetches()) {
    const auto it = fetches_.find(done.ticket);
    if (it == fetches_.end()) continue;
    expect_commit(done.result.commit_ticket);
    const std::shared_ptr<FetchCall> call = std::move(it->second);
    fetches_.erase(it);
    call->finish(std::move(done.result));
  }
  finish_commits();
  for (const std::shared_ptr<EventsCall>& reader : readers_) {
    if (consumer_.events().has_since(reader->since())) reader->wake();
  }
  wake_at_ = outbox.wake_time();
  timer_.expires_at(Clock::to_steady(wake_at_));
  on_change_();
}

boost::asio::awaitable<void> ConsumerEngine::run_timer() {
  while (!closing_) {
    co_await timer_.async_wait(net::use_ec);
    if (!closing_ && Clock::now() >= wake_at_) pump();
  }
}

void ConsumerEngine::finish_commits() {
  for (const core::Committer::Done& done : consumer_.take_commits()) {
    const auto it = commits_.find(done.ticket);
    if (it == commits_.end()) continue;
    it->second->outcome = done.outcome;
    it->second->timer.cancel();
    finished_commits_.push_back(done.ticket);
  }
  while (finished_commits_.size() > kFinishedCommitsMax) {
    commits_.erase(finished_commits_.front());
    finished_commits_.pop_front();
  }
}

std::shared_ptr<FetchCall> ConsumerEngine::start_fetch(core::FetchSpec spec) {
  if (closing_) {
    core::FetchResult result;
    result.reason = core::EmptyReason::kDraining;
    auto ended = std::make_shared<FetchCall>(executor_, 0);
    ended->finish(std::move(result));
    return ended;
  }
  if (consumer_.waiting_fetches() >= options_.waiting_fetches_max) return nullptr;
  const std::uint64_t ticket = consumer_.start_fetch(std::move(spec), Clock::now(), Clock::wall_ms());
  auto call = std::make_shared<FetchCall>(executor_, ticket);
  fetches_.emplace(ticket, call);
  pump();
  return call;
}

void ConsumerEngine::cancel_fetch(const std::shared_ptr<FetchCall>& call) {
  if (const std::optional<core::FetchResult> result = call->take_result()) {
    if (result->batch) not_delivered(result->batch->id);
    return;
  }
  fetches_.erase(call->ticket());
  (void)consumer_.cancel_fetch(call->ticket());
  call->finish(std::nullopt);
}

void ConsumerEngine::not_delivered(core::BatchId id) {
  consumer_.undo(id, Clock::now());
  pump();
}

core::AckResult ConsumerEngine::ack(core::BatchId id, const core::AckSpec& spec) {
  core::AckResult result = consumer_.ack(id, spec, Clock::now());
  expect_commit(result.commit_ticket);
  pump();
  return result;
}

void ConsumerEngine::expect_commit(std::uint64_t ticket) {
  if (ticket != 0) commits_.emplace(ticket, std::make_shared<CommitWait>(executor_));
}

boost::asio::awaitable<core::CommitOutcome> ConsumerEngine::wait_committed(std::uint64_t ticket) {
  const auto it = commits_.find(ticket);
  if (ticket == 0) co_return core::CommitOutcome::kCommitted;
  if (it == commits_.end()) co_return core::CommitOutcome::kFailed;
  const std::shared_ptr<CommitWait> wait = it->second;
  if (!wait->outcome) {
    wait->timer.expires_after(options_.commit_wait_max);
    co_await wait->timer.async_wait(net::use_ec);
  }
  commits_.erase(ticket);
  co_return wait->outcome.value_or(core::CommitOutcome::kFailed);
}

void ConsumerEngine::stop_waiting(std::uint64_t ticket) {
  const auto it = commits_.find(ticket);
  if (it != commits_.end()) it->second->timer.cancel();
}

core::LeaseResult ConsumerEngine::extend(core::BatchId id, core::Duration lease) {
  const core::LeaseResult result = consumer_.extend(id, lease, Clock::now());
  pump();
  return result;
}

core::LeaseResult ConsumerEngine::release(core::BatchId id, std::optional<core::Duration> delay) {
  const core::LeaseResult result = consumer_.release(id, delay, Clock::now());
  pump();
  return result;
}

void ConsumerEngine::pause(const core::Scope& scope) {
  consumer_.pause(scope, Clock::now());
  pump();
}

void ConsumerEngine::resume(const core::Scope& scope) {
  consumer_.resume(scope, Clock::now());
  pump();
}

tl::expected<core::SeekResult, std::string> ConsumerEngine::seek(const core::Scope& scope,
                                                                 const core::SeekTarget& target) {
  auto result = consumer_.seek(scope, target, Clock::now());
  if (result) expect_commit(result->ticket);
  pump();
  return result;
}

std::uint64_t ConsumerEngine::commit(std::vector<core::PartitionProgress>& offsets) {
  const std::uint64_t ticket = consumer_.commit(offsets, Clock::now());
  expect_commit(ticket);
  pump();
  return ticket;
}

boost::asio::awaitable<void> ConsumerEngine::wait_events(std::shared_ptr<EventsCall> call,
                                                         core::Duration wait) {
  if (closing_ || call->cancelled() || consumer_.events().has_since(call->since())) co_return;
  readers_.insert(call);
  call->timer().expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(wait));
  co_await call->timer().async_wait(net::use_ec);
  readers_.erase(call);
}

void ConsumerEngine::cancel_events(const std::shared_ptr<EventsCall>& call) { call->cancel(); }

core::ConsumerStatus ConsumerEngine::status() const { return consumer_.status(Clock::now()); }

}  // namespace sluice::engine
