#pragma once

#include "daemon/core/time.hpp"

#include <chrono>
#include <cstdint>

namespace sluice::engine {

/// The one place that reads clocks.
class Clock {
 public:
  /// Time since boot, including suspend: a machine that slept must notice that its session is over.
  [[nodiscard]] static core::TimePoint now();
  /// Milliseconds since the epoch.
  [[nodiscard]] static std::int64_t wall_ms();
  /// When a timer of the loop has to fire for `when`. core::kNever becomes the far future.
  [[nodiscard]] static std::chrono::steady_clock::time_point to_steady(core::TimePoint when);
};

}  // namespace sluice::engine
