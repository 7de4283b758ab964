#include "daemon/net/task_group.hpp"

#include "daemon/net/async_event.hpp"
#include "tests/support/loop.hpp"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>

#include <stdexcept>
#include <vector>

namespace sluice::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

asio::awaitable<void> note(std::vector<std::string>& log, std::string what) {
  log.push_back(std::move(what));
  co_return;
}

asio::awaitable<void> wait_and_note(AsyncEvent& event, std::vector<std::string>& log, std::string what) {
  co_await event.wait();
  log.push_back(std::move(what));
}

asio::awaitable<void> throw_up() {
  throw std::runtime_error("bad luck");
  co_return;
}

asio::awaitable<void> join_and_note(TaskGroup& group, std::vector<std::string>& log) {
  co_await group.join();
  log.push_back("joined");
}

TEST(TaskGroup, NeverRunsATaskInsideSpawn) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  std::vector<std::string> log;
  asio::post(io, [&] {
    group.spawn("inner", note(log, "task"));
    log.push_back("spawned");
  });
  io.run();
  EXPECT_THAT(log, ElementsAre("spawned", "task"));
}

TEST(TaskGroup, NamesItsLiveTasksInOrderOfBirth) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  AsyncEvent never(io.get_executor());
  std::vector<std::string> log;
  group.spawn("b", wait_and_note(never, log, "b"));
  group.spawn("a", wait_and_note(never, log, "a"));
  io.poll();
  EXPECT_THAT(group.live_names(), ElementsAre("b", "a"));
  never.set();
  io.run();
  EXPECT_THAT(group.live_names(), IsEmpty());
}

TEST(TaskGroup, JoinReturnsAfterTheLastTask) {
  test::Loop loop;
  TaskGroup group(loop.io.get_executor());
  AsyncEvent event(loop.io.get_executor());
  std::vector<std::string> log;
  group.spawn("slow", wait_and_note(event, log, "slow"));
  loop.tasks.spawn("joiner", join_and_note(group, log));
  loop.io.poll();
  EXPECT_THAT(log, IsEmpty());
  group.spawn("late", note(log, "late"));
  event.set();
  loop.play(group.join());
  EXPECT_EQ(log.size(), 3U);
  EXPECT_EQ(log.back(), "joined");
}

TEST(TaskGroup, JoinOfAnEmptyGroupReturns) {
  test::Loop loop;
  TaskGroup group(loop.io.get_executor());
  loop.play(group.join());
}

TEST(TaskGroup, TellsTheCrashHandlerWhatEscapedFromWhichTask) {
  asio::io_context io;
  std::vector<std::string> crashes;
  TaskGroup group(io.get_executor(), [&](std::string_view task, std::string_view what) {
    crashes.push_back(std::string(task) + ": " + std::string(what));
  });
  group.spawn("unlucky", throw_up());
  io.run();
  EXPECT_THAT(crashes, ElementsAre("unlucky: bad luck"));
  EXPECT_EQ(group.live(), 0U);
}

TEST(TaskGroupDeathTest, EndsTheProcessByDefault) {
  EXPECT_DEATH(TaskGroup::abort_process("unlucky", "bad luck"), "task \"unlucky\" failed: bad luck");
}

TEST(AsyncEvent, ReturnsAtOnceWhileSet) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  AsyncEvent event(io.get_executor());
  std::vector<std::string> log;
  event.set();
  group.spawn("1", wait_and_note(event, log, "1"));
  group.spawn("2", wait_and_note(event, log, "2"));
  io.run();
  EXPECT_THAT(log, ElementsAre("1", "2"));
}

TEST(AsyncEvent, WakesEveryWaiter) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  AsyncEvent event(io.get_executor());
  std::vector<std::string> log;
  group.spawn("1", wait_and_note(event, log, "1"));
  group.spawn("2", wait_and_note(event, log, "2"));
  io.poll();
  EXPECT_THAT(log, IsEmpty());
  event.set();
  io.run();
  EXPECT_EQ(log.size(), 2U);
}

TEST(AsyncEvent, WaitsAgainAfterReset) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  AsyncEvent event(io.get_executor());
  std::vector<std::string> log;
  event.set();
  event.reset();
  group.spawn("1", wait_and_note(event, log, "1"));
  io.poll();
  EXPECT_THAT(log, IsEmpty());
  event.set();
  io.run();
  EXPECT_THAT(log, ElementsAre("1"));
}

}  // namespace
}  // namespace sluice::net
