#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/events.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/net/async_event.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::engine {

/// One fetch under way. Ends with a result, or without one when its client went away.
class FetchCall {
 public:
  FetchCall(const boost::asio::any_io_executor& executor, std::uint64_t ticket)
      : ticket_(ticket), done_(executor) {}

  /// Until the fetch has ended. Never throws.
  boost::asio::awaitable<void> wait() { return done_.wait(); }
  /// Nothing while waiting or after a cancel.
  [[nodiscard]] const std::optional<core::FetchResult>& result() const { return result_; }

  /// The result, which the call has no more after that.
  [[nodiscard]] std::optional<core::FetchResult> take_result() {
    return std::exchange(result_, std::nullopt);
  }

  [[nodiscard]] std::uint64_t ticket() const { return ticket_; }
  /// For the engine: ends the wait.
  void finish(std::optional<core::FetchResult> result) {
    result_ = std::move(result);
    done_.set();
  }

 private:
  std::uint64_t ticket_;
  net::AsyncEvent done_;
  std::optional<core::FetchResult> result_;
};

/// A reader that waits for events after `since`.
class EventsCall {
 public:
  EventsCall(const boost::asio::any_io_executor& executor, std::uint64_t since)
      : since_(since), timer_(executor) {}

  [[nodiscard]] std::uint64_t since() const { return since_; }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  /// For the engine.
  [[nodiscard]] boost::asio::steady_timer& timer() { return timer_; }
  void wake() { timer_.cancel(); }
  void cancel() {
    cancelled_ = true;
    timer_.cancel();
  }

 private:
  std::uint64_t since_;
  boost::asio::steady_timer timer_;
  bool cancelled_ = false;
};

/// One consumer of the daemon as HTTP sees it. All calls on the loop thread; none blocks.
class ConsumerHost {
 public:
  virtual ~ConsumerHost() = default;

  [[nodiscard]] virtual const std::string& name() const = 0;
  /// The topics it reads.
  [[nodiscard]] virtual const std::vector<std::string>& topics() const = 0;

  /// Starts a (long-polling) fetch. Nothing when too many fetches wait already.
  [[nodiscard]] virtual std::shared_ptr<FetchCall> start_fetch(core::FetchSpec spec) = 0;
  /// The client is gone: ends the wait; a batch that was already leased for it goes back at once.
  virtual void cancel_fetch(const std::shared_ptr<FetchCall>& call) = 0;
  /// An answer with this batch could not be written: its records go back at once and the delivery does not
  /// count, unless another answer to the same request may have arrived. Once per answer.
  virtual void not_delivered(core::BatchId id) = 0;

  [[nodiscard]] virtual core::AckResult ack(core::BatchId id, const core::AckSpec& spec) = 0;
  /// Waits until the coordinator has the commit of an ack (AckResult::commit_ticket), at most for the request
  /// timeout: then kFailed, though the commit is still being tried.
  [[nodiscard]] virtual boost::asio::awaitable<core::CommitOutcome> wait_committed(std::uint64_t ticket) = 0;
  /// Ends wait_committed() of this ticket: nobody wants to know any more. The commit goes on.
  virtual void stop_waiting(std::uint64_t ticket) = 0;
  /// Fresh progress of the partitions of `offsets`, e.g. after wait_committed().
  virtual void refresh(std::vector<core::PartitionProgress>& offsets) const = 0;

  [[nodiscard]] virtual core::LeaseResult extend(core::BatchId id, core::Duration lease) = 0;
  /// @param delay  nothing: the consumer's own back-off
  [[nodiscard]] virtual core::LeaseResult release(core::BatchId id, std::optional<core::Duration> delay) = 0;

  virtual void pause(const core::Scope& scope) = 0;
  virtual void resume(const core::Scope& scope) = 0;
  /// The error says why nothing was moved. Wait for the ticket with wait_committed().
  [[nodiscard]] virtual tl::expected<core::SeekResult, std::string> seek(const core::Scope& scope,
                                                                         const core::SeekTarget& target) = 0;
  /// Commits what is settled now. Fills `offsets` in; wait for the ticket, then refresh() them.
  [[nodiscard]] virtual std::uint64_t commit(std::vector<core::PartitionProgress>& offsets) = 0;

  [[nodiscard]] virtual const core::EventLog& events() const = 0;
  /// Until there is an event after `since`, until `wait` has passed, or until cancel_events(). Never throws.
  [[nodiscard]] virtual boost::asio::awaitable<void> wait_events(std::shared_ptr<EventsCall> call,
                                                                 core::Duration wait) = 0;
  /// The client is gone.
  virtual void cancel_events(const std::shared_ptr<EventsCall>& call) = 0;

  [[nodiscard]] virtual bool has_dead_letter_topic() const = 0;
  /// The commit policy: true when every ack is committed at once, false when acks are collected first.
  [[nodiscard]] virtual bool commits_every_ack() const = 0;

  /// The records of an open lease once more; null when there is no such open lease.
  [[nodiscard]] virtual std::shared_ptr<const core::Batch> open_batch(core::BatchId id) const = 0;

  [[nodiscard]] virtual core::ConsumerStatus status() const = 0;
  [[nodiscard]] virtual const core::ConsumerStats& stats() const = 0;

  /// Defaults and caps for a fetch of this consumer, from its configuration.
  [[nodiscard]] virtual const core::FetchSpec& fetch_defaults() const = 0;
};

}  // namespace sluice::engine
