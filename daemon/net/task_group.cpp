#include "daemon/net/task_group.hpp"

#include "daemon/net/async_event.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <utility>

namespace sluice::net {

namespace {

// co_spawn runs a task up to its first wait inside the caller; this makes it start in a later turn of the
// loop.
asio::awaitable<void> start_later(asio::awaitable<void> task) {
  co_await asio::post(use_ec);
  co_await std::move(task);
}

std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace

struct TaskGroup::State {
  State(asio::any_io_executor ex, CrashHandler handler)
      : executor(std::move(ex)), on_crash(std::move(handler)), empty(executor) {
    empty.set();
  }

  void on_end(std::uint64_t id, const std::exception_ptr& error) {
    const auto task = tasks.extract(id);
    if (error) on_crash(task.mapped(), describe(error));
    if (tasks.empty()) empty.set();
  }

  asio::any_io_executor executor;
  CrashHandler on_crash;
  AsyncEvent empty;
  std::uint64_t last_id = 0;
  std::map<std::uint64_t, std::string> tasks;  // bounded by the limits of whoever spawns
};

void TaskGroup::abort_process(std::string_view task, std::string_view what) {
  std::fprintf(stderr, "task \"%.*s\" failed: %.*s\n", static_cast<int>(task.size()), task.data(),
               static_cast<int>(what.size()), what.data());
  std::abort();
}

TaskGroup::TaskGroup(asio::any_io_executor executor, CrashHandler on_crash)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_crash))) {}

void TaskGroup::spawn(std::string_view name, asio::awaitable<void> task) {
  const std::uint64_t id = ++state_->last_id;
  state_->tasks.emplace(id, name);
  state_->empty.reset();
  asio::co_spawn(state_->executor, start_later(std::move(task)),
                 [state = state_, id](const std::exception_ptr& error) { state->on_end(id, error); });
}

asio::awaitable<void> TaskGroup::join() {
  const auto state = state_;  // the last task to end may be what keeps the owner of this group alive
  while (!state->tasks.empty()) {
    co_await state->empty.wait();
  }
}

std::size_t TaskGroup::live() const { return state_->tasks.size(); }

std::vector<std::string> TaskGroup::live_names() const {
  std::vector<std::string> names;
  names.reserve(state_->tasks.size());
  for (const auto& [id, name] : state_->tasks) names.push_back(name);
  return names;
}

asio::any_io_executor TaskGroup::executor() const { return state_->executor; }

}  // namespace sluice::net
