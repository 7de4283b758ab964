#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::net {

/// The only place that starts coroutines, so that every running task has a name and an owner that waits for
/// its end.
///
/// Tasks end because what they wait for gets closed, not by cancellation. The owner of the group closes those
/// things, then joins; only then may it be destroyed.
class TaskGroup {
 public:
  /// Gets the name of a task and what escaped from it. That is always a bug: the handler logs it and ends the
  /// process. Should it return, the task counts as ended.
  using CrashHandler = std::function<void(std::string_view task, std::string_view what)>;

  /// Prints one line to stderr and aborts.
  [[noreturn]] static void abort_process(std::string_view task, std::string_view what);

  explicit TaskGroup(boost::asio::any_io_executor executor,
                     CrashHandler on_crash = &TaskGroup::abort_process);

  /// Starts a task on the executor. It never runs inside this call.
  void spawn(std::string_view name, boost::asio::awaitable<void> task);

  /// Returns when no task is left. More tasks may be spawned meanwhile; they are waited for too.
  [[nodiscard]] boost::asio::awaitable<void> join();

  [[nodiscard]] std::size_t live() const;

  /// Names of the tasks that have not ended, oldest first.
  [[nodiscard]] std::vector<std::string> live_names() const;

  [[nodiscard]] boost::asio::any_io_executor executor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the completion of each task
};

}  // namespace sluice::net
