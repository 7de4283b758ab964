#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace sluice::net {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Calls a function of its owner at a given time: for deadlines that close what somebody waits for.
///
/// The function runs on the loop, and never after clear() or after the alarm is gone.
class Alarm {
 public:
  Alarm(const boost::asio::any_io_executor& executor, std::function<void()> ring);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Replaces the time that was set before. SteadyTime::max() clears.
  void set(SteadyTime when);
  void clear() { set(SteadyTime::max()); }

  /// SteadyTime::max() when nothing is set.
  [[nodiscard]] SteadyTime when() const;

 private:
  struct State;
  std::shared_ptr<State>
      state_;  // shared with a timer that has expired already and cannot be cancelled any more
};

}  // namespace sluice::net
