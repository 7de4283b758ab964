#pragma once

#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/engine/consumer_engine.hpp"
#include "daemon/engine/service.hpp"
#include "daemon/net/async_event.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// All consumers of the process and the memory they share; its life from start to lossless stop.
class Daemon final : public Service {
 public:
  struct Options {
    std::int64_t memory_budget = 64 << 20;
    std::vector<ConsumerEngine::Options> consumers;
  };

  Daemon(boost::asio::any_io_executor executor, Options options, LogFunction log);

  void start();

  /// Drains, waits at most `drain_timeout` for open leases, commits, leaves the groups and closes everything.
  /// True when nothing was left un-acked or uncommitted.
  [[nodiscard]] boost::asio::awaitable<bool> stop(std::chrono::milliseconds drain_timeout);

  // Service
  [[nodiscard]] ConsumerHost* find(std::string_view name) override;
  [[nodiscard]] std::vector<ConsumerHost*> consumers() override;
  void drain() override;
  [[nodiscard]] bool draining() const override { return draining_; }
  [[nodiscard]] bool drained() const override;
  [[nodiscard]] std::vector<ProbeCheck> startup_checks() const override;
  [[nodiscard]] std::vector<ProbeCheck> ready_checks() const override;
  [[nodiscard]] core::MemoryBudget& budget() override { return budget_; }
  [[nodiscard]] core::TimePoint now() const override;
  [[nodiscard]] std::int64_t to_wall_ms(core::TimePoint when) const override;
  [[nodiscard]] std::string_view state() const override;

 private:
  template <class Condition>
  boost::asio::awaitable<void> wait_until(Condition condition, core::TimePoint deadline);

  boost::asio::any_io_executor executor_;
  LogFunction log_;
  core::MemoryBudget budget_;
  std::map<std::string, std::unique_ptr<ConsumerEngine>, std::less<>> consumers_;
  boost::asio::steady_timer changed_;  ///< cancelled by every turn of a consumer
  bool draining_ = false;
  bool stopping_ = false;
};

}  // namespace sluice::engine
