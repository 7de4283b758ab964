#pragma once

#include "daemon/core/consumer.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/engine/consumer_host.hpp"
#include "daemon/net/broker_pool.hpp"
#include "daemon/net/task_group.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::engine {

/// Writes one line of the log: level, consumer, what happened.
using LogFunction =
    std::function<void(core::LogLevel level, std::string_view consumer, std::string_view text)>;

/// Drives one core::Consumer: feeds it answers, calls and time, and carries out what it wants. Owns its
/// connections.
class ConsumerEngine final : public ConsumerHost {
 public:
  struct Options {
    std::string name;
    core::Consumer::Options core;
    core::FetchSpec fetch_defaults;
    net::NetOptions net;
    std::vector<protocol::BrokerAddress> bootstrap;
    std::size_t waiting_fetches_max = 1024;
    std::chrono::milliseconds commit_wait_max{30'000};
    std::uint64_t seed = 1;
  };

  /// `on_change` is called after every turn; it must not call back into this object.
  ConsumerEngine(boost::asio::any_io_executor executor,
                 Options options,
                 core::MemoryBudget& budget,
                 LogFunction log,
                 std::function<void()> on_change);
  ~ConsumerEngine() override;

  /// Begins to join the group.
  void start();
  void drain();
  /// Leaves the group; gone() says when that is done.
  void leave();
  [[nodiscard]] bool settled() const { return consumer_.settled(); }
  [[nodiscard]] bool gone() const { return consumer_.gone(); }
  [[nodiscard]] bool joined() const { return consumer_.joined(); }
  /// Closes all connections and ends all tasks. After this the object only waits to be destroyed.
  [[nodiscard]] boost::asio::awaitable<void> close();

  [[nodiscard]] const net::PoolCounters& connection_counters() const { return pool_.counters(); }

  // ConsumerHost
  [[nodiscard]] const std::string& name() const override { return options_.name; }
  [[nodiscard]] const std::vector<std::string>& topics() const override {
    return options_.core.membership.topics;
  }
  [[nodiscard]] std::shared_ptr<FetchCall> start_fetch(core::FetchSpec spec) override;
  void cancel_fetch(const std::shared_ptr<FetchCall>& call) override;
  void not_delivered(core::BatchId id) override;
  [[nodiscard]] core::AckResult ack(core::BatchId id, const core::AckSpec& spec) override;
  [[nodiscard]] boost::asio::awaitable<core::CommitOutcome> wait_committed(std::uint64_t ticket) override;
  void stop_waiting(std::uint64_t ticket) override;
  void refresh(std::vector<core::PartitionProgress>& offsets) const override { consumer_.refresh(offsets); }
  [[nodiscard]] core::LeaseResult extend(core::BatchId id, core::Duration lease) override;
  [[nodiscard]] core::LeaseResult release(core::BatchId id, std::optional<core::Duration> delay) override;
  void pause(const core::Scope& scope) override;
  void resume(const core::Scope& scope) override;
  [[nodiscard]] tl::expected<core::SeekResult, std::string> seek(const core::Scope& scope,
                                                                 const core::SeekTarget& target) override;
  [[nodiscard]] std::uint64_t commit(std::vector<core::PartitionProgress>& offsets) override;
  [[nodiscard]] const core::EventLog& events() const override { return consumer_.events(); }
  [[nodiscard]] boost::asio::awaitable<void> wait_events(std::shared_ptr<EventsCall> call,
                                                         core::Duration wait) override;
  void cancel_events(const std::shared_ptr<EventsCall>& call) override;
  [[nodiscard]] bool has_dead_letter_topic() const override { return consumer_.has_dead_letter_topic(); }
  [[nodiscard]] bool commits_every_ack() const override {
    return options_.core.commit.every_records <= 1 && options_.core.commit.interval == core::Duration{};
  }
  [[nodiscard]] std::shared_ptr<const core::Batch> open_batch(core::BatchId id) const override {
    return consumer_.open_batch(id);
  }
  [[nodiscard]] core::ConsumerStatus status() const override;
  [[nodiscard]] const core::ConsumerStats& stats() const override { return consumer_.stats(); }
  [[nodiscard]] const core::FetchSpec& fetch_defaults() const override { return options_.fetch_defaults; }

 private:
  struct CommitWait {
    explicit CommitWait(const boost::asio::any_io_executor& executor) : timer(executor) {}
    boost::asio::steady_timer timer;  ///< cancelled when the commit has ended
    std::optional<core::CommitOutcome> outcome;
  };

  void pump();
  boost::asio::awaitable<void> run_timer();
  void finish_commits();
  void expect_commit(std::uint64_t ticket);

  boost::asio::any_io_executor executor_;
  Options options_;
  LogFunction log_;
  std::function<void()> on_change_;
  core::Consumer consumer_;
  net::BrokerPool pool_;
  net::TaskGroup tasks_;
  boost::asio::steady_timer timer_;
  core::TimePoint wake_at_ = core::kNever;
  bool closing_ = false;
  std::map<std::uint64_t, std::shared_ptr<FetchCall>> fetches_;
  std::map<std::uint64_t, std::shared_ptr<CommitWait>> commits_;
  std::deque<std::uint64_t> finished_commits_;  ///< nobody asked yet; bounded
  std::set<std::shared_ptr<EventsCall>> readers_;
};

}  // namespace sluice::engine
