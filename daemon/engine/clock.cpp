#include "daemon/engine/clock.hpp"

#include <algorithm>
#include <ctime>

namespace sluice::engine {

core::TimePoint Clock::now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return core::TimePoint(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

std::int64_t Clock::wall_ms() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

std::chrono::steady_clock::time_point Clock::to_steady(core::TimePoint when) {
  // A day is as good as never, and cannot overflow.
  constexpr core::Duration kFar = std::chrono::hours(24);
  const core::TimePoint current = now();
  const core::Duration wait = when > current + kFar ? kFar : std::max(core::Duration::zero(), when - current);
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(wait);
}

}  // namespace sluice::engine
