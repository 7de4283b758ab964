#include "daemon/engine/daemon.hpp"

#include "daemon/engine/clock.hpp"
#include "daemon/net/use_ec.hpp"

#include <algorithm>
#include <utility>

namespace sluice::engine {

namespace {

// A native sidecar may have 2 s from SIGTERM to SIGKILL; saying goodbye must not use them up.
constexpr std::chrono::milliseconds kLeaveTimeout{800};

/// In its group; or out of it only because its application is silent, whose next call brings it back: an
/// application that waits for us to be ready would never make that call.
bool is_in_place(const ConsumerEngine& consumer, const core::ConsumerStatus& status) {
  return consumer.joined() || (status.idle && (status.state == "left" || status.state == "leaving"));
}

ProbeCheck joined_check(const ConsumerEngine& consumer) {
  const core::ConsumerStatus status = consumer.status();
  ProbeCheck check{consumer.name() + " joined", is_in_place(consumer, status), {}};
  if (status.error) {
    check.detail = *status.error;
  } else if (!check.ok) {
    check.detail = "group " + status.group_id + ": " + status.state;
  }
  return check;
}

}  // namespace

Daemon::Daemon(boost::asio::any_io_executor executor, Options options, LogFunction log)
    : executor_(executor), log_(std::move(log)), budget_(options.memory_budget), changed_(executor) {
  for (ConsumerEngine::Options& each : options.consumers) {
    const std::string name = each.name;
    consumers_.emplace(name, std::make_unique<ConsumerEngine>(executor, std::move(each), budget_, log_,
                                                              [this] { changed_.cancel(); }));
  }
}

void Daemon::start() {
  for (auto& [name, consumer] : consumers_) consumer->start();
}

void Daemon::drain() {
  if (draining_) return;
  draining_ = true;
  log_(core::LogLevel::kInfo, {}, "draining: no new leases; acks, extensions, commits and heartbeats go on");
  for (auto& [name, consumer] : consumers_) consumer->drain();
}

bool Daemon::drained() const {
  return draining_ && std::all_of(consumers_.begin(), consumers_.end(),
                                  [](const auto& each) { return each.second->settled(); });
}

template <class Condition>
boost::asio::awaitable<void> Daemon::wait_until(Condition condition, core::TimePoint deadline) {
  while (!condition() && Clock::now() < deadline) {
    changed_.expires_at(Clock::to_steady(deadline));
    co_await changed_.async_wait(net::use_ec);
  }
}

boost::asio::awaitable<bool> Daemon::stop(std::chrono::milliseconds drain_timeout) {
  drain();
  co_await wait_until([this] { return drained(); }, Clock::now() + drain_timeout);
  const bool clean = drained();
  stopping_ = true;
  for (auto& [name, consumer] : consumers_) consumer->leave();
  const auto all_gone = [this] {
    return std::all_of(consumers_.begin(), consumers_.end(),
                       [](const auto& each) { return each.second->gone(); });
  };
  co_await wait_until(all_gone, Clock::now() + kLeaveTimeout);
  for (auto& [name, consumer] : consumers_) co_await consumer->close();
  co_return clean;
}

ConsumerHost* Daemon::find(std::string_view name) {
  const auto it = consumers_.find(name);
  return it == consumers_.end() ? nullptr : it->second.get();
}

std::vector<ConsumerHost*> Daemon::consumers() {
  std::vector<ConsumerHost*> all;
  for (auto& [name, consumer] : consumers_) all.push_back(consumer.get());
  return all;
}

std::vector<ProbeCheck> Daemon::startup_checks() const {
  std::vector<ProbeCheck> checks;
  for (const auto& [name, consumer] : consumers_) checks.push_back(joined_check(*consumer));
  return checks;
}

std::vector<ProbeCheck> Daemon::ready_checks() const {
  std::vector<ProbeCheck> checks = startup_checks();
  checks.push_back({"not draining", !draining_, draining_ ? std::string(state()) : std::string()});
  return checks;
}

core::TimePoint Daemon::now() const { return Clock::now(); }

std::int64_t Daemon::to_wall_ms(core::TimePoint when) const {
  const auto ahead = std::chrono::duration_cast<std::chrono::milliseconds>(when - Clock::now());
  return Clock::wall_ms() + ahead.count();
}

std::string_view Daemon::state() const {
  if (stopping_) return "stopping";
  if (draining_) return "draining";
  const bool in_place = std::all_of(consumers_.begin(), consumers_.end(), [](const auto& each) {
    return is_in_place(*each.second, each.second->status());
  });
  return in_place ? "running" : "starting";
}

}  // namespace sluice::engine
