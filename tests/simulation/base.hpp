#pragma once

#include "daemon/core/random.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::simulation {

using core::Duration;
using core::kNever;
using core::Offset;
using core::TimePoint;
using core::TopicPartition;
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// A promise that did not hold.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const char* promise) {
  if (!holds) throw Violation(promise);
}

/// Seeded luck. One stream for each purpose, so that a change in one does not move all others.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  bool chance(double probability) { return probability > 0 && random_.between(0, 1) < probability; }
  /// Uniform in [low, high], both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  std::size_t index(std::size_t size) { return static_cast<std::size_t>(random_.below(size)); }
  template <class T>
  const T& pick(const std::vector<T>& of) {
    return of[index(of.size())];
  }
  /// Small values as likely as large ones: uniform in the exponent.
  double log_between(double low, double high) {
    return std::exp(random_.between(std::log(low), std::log(high)));
  }
  /// Whole tenths of milliseconds, so that things now and then happen at the same time.
  Duration duration(Duration low, Duration high) {
    constexpr Duration kGrain = microseconds(100);
    return low + kGrain * static_cast<Duration::rep>(
                              random_.below(static_cast<std::uint64_t>((high - low) / kGrain + 1)));
  }
  std::uint64_t next() { return random_.next(); }

 private:
  core::Random random_;
};

}  // namespace sluice::simulation
