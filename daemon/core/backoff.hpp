#pragma once

#include "daemon/core/random.hpp"
#include "daemon/core/time.hpp"

#include <algorithm>
#include <cstdint>

namespace sluice::core {

/// Exponential back-off with jitter: min(max, base * 2^(n-1)) * (0.8 .. 1.2). Source: KIP-580.
class Backoff {
 public:
  Backoff(Duration base, Duration max) : base_(base), max_(max) {}

  /// Counts a failure and says how long to wait before the next attempt.
  Duration next(Random& random) {
    const auto shift = std::min<std::uint32_t>(attempts_, 20);
    ++attempts_;
    const auto raw =
        std::min<double>(static_cast<double>(max_.count()),
                         static_cast<double>(base_.count()) * static_cast<double>(1ULL << shift));
    return Duration(static_cast<Duration::rep>(raw * random.between(0.8, 1.2)));
  }

  void reset() { attempts_ = 0; }
  [[nodiscard]] std::uint32_t attempts() const { return attempts_; }

 private:
  Duration base_;
  Duration max_;
  std::uint32_t attempts_ = 0;
};

}  // namespace sluice::core
