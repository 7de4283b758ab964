#pragma once

#include "daemon/net/alarm.hpp"
#include "daemon/net/dialer.hpp"
#include "daemon/net/options.hpp"
#include "daemon/net/pool_events.hpp"
#include "daemon/net/task_group.hpp"
#include "protocol/exchange.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace sluice::net {

class BrokerConnection;

/// What a connection tells its pool. Never called from inside a member function of the connection that its
/// owner called; it may call any of them.
class ConnectionListener {
 public:
  virtual void on_ready(BrokerConnection& connection) = 0;
  virtual void on_reply(BrokerConnection& connection, protocol::Reply reply) = 0;
  virtual void on_failure(BrokerConnection& connection, protocol::Failure failure) = 0;
  virtual void on_request_done(const RequestDone& done) = 0;
  /// Before the failures of the requests that were left. Nothing is running any more.
  virtual void on_end(BrokerConnection& connection, ConnectionEnd end, const std::string& reason) = 0;

 protected:
  ~ConnectionListener() = default;
};

/// One connection to one broker for one kind of traffic, from dialing to the end; it does not dial again.
///
/// Requests may be added at any time and are written in that order, several in flight. Answers come strictly
/// in order. Every request ends in exactly one on_reply() or on_failure().
class BrokerConnection {
 public:
  /// @param counters  where bytes and throttling are added up; outlives the connection, as do the others
  BrokerConnection(boost::asio::any_io_executor executor,
                   const NetOptions& options,
                   protocol::BrokerAddress address,
                   protocol::Lane lane,
                   ConnectionListener& listener,
                   PoolCounters& counters,
                   TaskGroup::CrashHandler on_crash);

  /// The life of the connection, a task for the owner's TaskGroup.
  /// @param not_before  reconnect back-off; requests wait meanwhile
  static boost::asio::awaitable<void> run(std::shared_ptr<BrokerConnection> self,
                                          SteadyTime not_before,
                                          std::chrono::milliseconds connect_timeout);

  /// Takes a request. Only while accepts().
  void add(protocol::Outgoing request);

  /// Whether requests can be added: it has not ended, and has not outlived its idle limit unnoticed (a
  /// process that was suspended).
  [[nodiscard]] bool accepts() const;

  /// Ends the connection; what it still owes follows in later turns of the loop. Only the first call counts.
  void close(ConnectionEnd end, std::string reason);

  [[nodiscard]] const protocol::BrokerAddress& address() const { return address_; }
  [[nodiscard]] protocol::Lane lane() const { return lane_; }
  [[nodiscard]] SteadyTime started_at() const { return started_at_; }
  /// Whether it got as far as being ready for use.
  [[nodiscard]] bool was_ready() const { return link_ != nullptr; }
  /// Whether a request of ours was ever answered.
  [[nodiscard]] bool was_useful() const { return was_useful_; }
  /// No request is written before this time (KIP-219).
  [[nodiscard]] SteadyTime muted_until() const { return muted_until_; }

 private:
  struct Waiting {
    protocol::Outgoing request;
    protocol::ApiKey api;
    SteadyTime added_at;
    SteadyTime deadline;
  };
  struct InFlight {
    protocol::RequestId id;
    protocol::ApiKey api;
    std::int16_t version;
    std::int32_t correlation_id;
    SteadyTime sent_at;
    SteadyTime deadline;
  };

  boost::asio::awaitable<void> live(SteadyTime not_before, std::chrono::milliseconds connect_timeout);
  boost::asio::awaitable<void> read_answers();
  boost::asio::awaitable<void> write_requests();
  [[nodiscard]] std::string encode_waiting();
  [[nodiscard]] std::optional<std::string> encode(Waiting waiting);
  [[nodiscard]] bool accept_answer(const Frame& frame);
  void mute(std::chrono::milliseconds silence);
  [[nodiscard]] bool has_work() const { return !waiting_.empty() || !in_flight_.empty(); }
  [[nodiscard]] bool is_idle_too_long(SteadyTime now) const;
  void on_alarm();
  void expire_waiting(SteadyTime now);
  [[nodiscard]] SteadyTime next_alarm() const;
  void hasten_alarm();
  void finish();
  void fail_waiting(const Waiting& waiting, protocol::FailureKind kind, const std::string& message);
  void fail_in_flight(const InFlight& sent, protocol::FailureKind kind, const std::string& message);
  [[nodiscard]] std::string describe(const std::string& what) const;

  boost::asio::any_io_executor executor_;
  const NetOptions& options_;
  protocol::BrokerAddress address_;
  protocol::Lane lane_;
  ConnectionListener& listener_;
  PoolCounters& counters_;
  SteadyTime started_at_ = SteadyTime::max();  // of the dial
  Dialer dialer_;
  std::unique_ptr<Link> link_;
  TaskGroup writer_;
  boost::asio::steady_timer start_;        // the back-off before the dial
  boost::asio::steady_timer writer_wake_;  // cancelled when there is something to write
  Alarm alarm_;                            // the earliest request deadline, or the idle limit
  std::deque<Waiting> waiting_;            // bounded by the state machines: a few per lane
  std::deque<InFlight> in_flight_;
  SteadyTime last_activity_;
  SteadyTime muted_until_ = SteadyTime::min();
  bool was_useful_ = false;
  std::optional<ConnectionEnd> end_;
  std::string end_reason_;
};

}  // namespace sluice::net
