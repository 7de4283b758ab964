#pragma once

#include "daemon/net/task_group.hpp"
#include "daemon/net/use_ec.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::test {

/// A loop for tests with coroutines. What escapes from a coroutine fails the test; so does a script that
/// hangs.
class Loop {
 public:
  boost::asio::io_context io{1};
  net::TaskGroup tasks{io.get_executor(), &Loop::fail_test};

  /// Runs coroutines, one after the other, each until it and whatever it spawned in `tasks` has ended.
  void play(boost::asio::awaitable<void> script) {
    tasks.spawn("script", std::move(script));
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (tasks.live() > 0 && std::chrono::steady_clock::now() < give_up) {
      io.restart();
      io.run_one_for(std::chrono::milliseconds(100));
    }
    for (const std::string& name : tasks.live_names()) ADD_FAILURE() << "\"" << name << "\" hangs";
    ASSERT_EQ(tasks.live(), 0U);
  }

  boost::asio::awaitable<void> sleep(std::chrono::milliseconds duration) {
    boost::asio::steady_timer timer(io, duration);
    co_await timer.async_wait(net::use_ec);
  }

  static void fail_test(std::string_view task, std::string_view what) {
    ADD_FAILURE() << task << ": " << what;
  }
};

}  // namespace sluice::test
