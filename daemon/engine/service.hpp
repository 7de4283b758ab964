#pragma once

#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/engine/consumer_host.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// One line of a probe: "[+]joined ok" or "[-]joined: waiting for the coordinator".
struct ProbeCheck {
  std::string name;
  bool ok = false;
  std::string detail;
};

/// The daemon as HTTP and metrics see it. All calls on the loop thread; none blocks.
class Service {
 public:
  virtual ~Service() = default;

  [[nodiscard]] virtual ConsumerHost* find(std::string_view name) = 0;
  [[nodiscard]] virtual std::vector<ConsumerHost*> consumers() = 0;

  /// Begins the lossless stop: no new leases, acks and extensions go on. Does not end the process.
  /// Idempotent.
  virtual void drain() = 0;
  [[nodiscard]] virtual bool draining() const = 0;
  /// Draining and every lease is settled and committed.
  [[nodiscard]] virtual bool drained() const = 0;

  [[nodiscard]] virtual std::vector<ProbeCheck> startup_checks() const = 0;
  [[nodiscard]] virtual std::vector<ProbeCheck> ready_checks() const = 0;

  [[nodiscard]] virtual core::MemoryBudget& budget() = 0;
  [[nodiscard]] virtual core::TimePoint now() const = 0;
  /// Wall-clock time of a core time point, ms since the epoch.
  [[nodiscard]] virtual std::int64_t to_wall_ms(core::TimePoint when) const = 0;
  /// running, draining, stopping
  [[nodiscard]] virtual std::string_view state() const = 0;
};

}  // namespace sluice::engine
