#include "daemon/net/alarm.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

SteadyTime now() { return std::chrono::steady_clock::now(); }

TEST(Alarm, RingsOnceAtItsTime) {
  boost::asio::io_context io;
  int rings = 0;
  Alarm alarm(io.get_executor(), [&] { ++rings; });
  const SteadyTime due = now() + 5ms;
  alarm.set(due);
  EXPECT_EQ(alarm.when(), due);
  io.run();
  EXPECT_EQ(rings, 1);
  EXPECT_GE(now(), due);
  EXPECT_EQ(alarm.when(), SteadyTime::max());
}

TEST(Alarm, ForgetsTheTimeThatWasReplaced) {
  boost::asio::io_context io;
  int rings = 0;
  Alarm alarm(io.get_executor(), [&] { ++rings; });
  alarm.set(now());
  alarm.set(now() + 5ms);
  io.run();
  EXPECT_EQ(rings, 1);
}

TEST(Alarm, NeverRingsAfterItWasClearedEvenWhenTheTimerHasExpired) {
  boost::asio::io_context io;
  int rings = 0;
  Alarm first(io.get_executor(), [&] { ++rings; });
  Alarm second(io.get_executor(), [&] { ++rings; });
  Alarm clearer(io.get_executor(), [&] {
    first.clear();
    second.clear();
  });
  clearer.set(now() - 2ms);  // all three expire in the same turn
  first.set(now() - 1ms);
  second.set(now() - 1ms);
  io.run();
  EXPECT_EQ(rings, 0);
}

TEST(Alarm, NeverRingsAfterItIsGone) {
  boost::asio::io_context io;
  int rings = 0;
  std::optional<Alarm> doomed;
  doomed.emplace(io.get_executor(), [&] { ++rings; });
  doomed->set(now() - 1ms);
  doomed.reset();
  io.run();
  EXPECT_EQ(rings, 0);
}

TEST(Alarm, CanBeSetAgainFromItsOwnFunction) {
  boost::asio::io_context io;
  int rings = 0;
  std::optional<Alarm> alarm;
  alarm.emplace(io.get_executor(), [&] {
    if (++rings < 3) alarm->set(now());
  });
  alarm->set(now());
  io.run();
  EXPECT_EQ(rings, 3);
}

}  // namespace
}  // namespace sluice::net
