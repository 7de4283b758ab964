#pragma once

#include "tests/simulation/base.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace sluice::simulation {

/// Simulated time: runs what is due in order of time, and in order of arrival at the same time.
class Scheduler {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] TimePoint now() const { return now_; }

  void at(TimePoint when, Action action) {
    heap_.push_back({std::max(when, now_), ++serial_, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }

  /// Nothing of what was planned will happen.
  void clear() { heap_.clear(); }

  /// False when nothing is left to do.
  bool run_one() {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Item item = std::move(heap_.back());
    heap_.pop_back();
    now_ = item.when;
    item.action();
    return true;
  }

 private:
  struct Item {
    TimePoint when;
    std::uint64_t serial = 0;
    Action action;
  };
  static bool later(const Item& a, const Item& b) {
    return a.when != b.when ? a.when > b.when : a.serial > b.serial;
  }

  TimePoint now_{std::chrono::seconds(1000)};
  std::uint64_t serial_ = 0;
  std::vector<Item> heap_;
};

}  // namespace sluice::simulation
