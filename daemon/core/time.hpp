#pragma once

#include <chrono>

namespace sluice::core {

using Duration = std::chrono::nanoseconds;

/// The clock of the core. It has no now(): time only ever comes in as an argument, so every run can be
/// replayed.
struct CoreClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<CoreClock>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming): a clock has this name
};

using TimePoint = CoreClock::time_point;

/// "No deadline": later than every real time.
inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace sluice::core
