#pragma once

#include "daemon/net/use_ec.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice::net {

/// A flag that coroutines of the loop can wait for. Level-triggered: while it is set, wait() returns at once.
///
/// Must outlive its waiters. A set() followed by reset() before a waiter ran is not seen by that waiter.
class AsyncEvent {
 public:
  explicit AsyncEvent(const asio::any_io_executor& executor) : timer_(executor) {
    timer_.expires_at(asio::steady_timer::time_point::max());
  }

  void set() {
    is_set_ = true;
    timer_.cancel();
  }

  void reset() { is_set_ = false; }
  [[nodiscard]] bool is_set() const { return is_set_; }

  /// Returns when the event is set. Any number of coroutines may wait.
  asio::awaitable<void> wait() {
    while (!is_set_) {
      co_await timer_.async_wait(use_ec);
    }
  }

 private:
  asio::steady_timer timer_;  // never expires; cancelled to wake the waiters
  bool is_set_ = false;
};

}  // namespace sluice::net
