#pragma once

#include "daemon/net/broker_connection.hpp"
#include "daemon/net/options.hpp"
#include "daemon/net/pool_events.hpp"
#include "daemon/net/task_group.hpp"
#include "protocol/exchange.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sluice::net {

/// All connections to the brokers of one cluster: one per broker and lane, opened when first needed.
///
/// Every request given to send() ends in exactly one on_reply() or on_failure(). Nothing is sent twice:
/// whether to try again is for the state machines to decide. Everything happens on the executor's single
/// thread.
class BrokerPool final : private ConnectionListener {
 public:
  /// @param bootstrap  addresses with ids -1, -2, ...; they stay for good and are looked up anew with each
  /// dial
  BrokerPool(boost::asio::any_io_executor executor,
             NetOptions options,
             const std::vector<protocol::BrokerAddress>& bootstrap,
             PoolEvents events,
             TaskGroup::CrashHandler on_crash = &TaskGroup::abort_process);

  /// Queues a request for its broker, dialing if need be. While the broker is in reconnect back-off the
  /// request waits, within its own timeout. An unknown broker is a failure of kind kConnectFailed.
  void send(protocol::Outgoing request);

  /// Adds what Metadata or a coordinator lookup told. A broker that has moved loses its old connections.
  /// Brokers that are not mentioned stay. Addresses that cannot be dialled, and negative ids, are ignored.
  void set_brokers(const std::vector<protocol::BrokerAddress>& brokers);

  /// Ends all connections; requests still open fail. Returns when every callback was made and no task is
  /// left. From its call on, send() only fails.
  [[nodiscard]] boost::asio::awaitable<void> close();

  [[nodiscard]] const PoolCounters& counters() const { return counters_; }

  /// Nothing is written to this broker on this lane before then (KIP-219). SteadyTime::min(): not throttled.
  [[nodiscard]] SteadyTime muted_until(protocol::NodeId node, protocol::Lane lane) const;

  /// Nothing dials this broker before then. SteadyTime::min(): no reconnect back-off.
  [[nodiscard]] SteadyTime reconnect_at(protocol::NodeId node) const;

  /// For tests and dumps: what is still running.
  [[nodiscard]] std::vector<std::string> live_tasks() const { return tasks_.live_names(); }

 private:
  struct Node {
    protocol::BrokerAddress address;
    unsigned failures = 0;  // in a row
    SteadyTime failed_at = SteadyTime::min();
    SteadyTime not_before = SteadyTime::min();  // reconnect back-off, for all lanes
    std::map<protocol::Lane, std::shared_ptr<BrokerConnection>> connections;
  };

  void on_ready(BrokerConnection& connection) override;
  void on_reply(BrokerConnection& connection, protocol::Reply reply) override;
  void on_failure(BrokerConnection& connection, protocol::Failure failure) override;
  void on_request_done(const RequestDone& done) override;
  void on_end(BrokerConnection& connection, ConnectionEnd end, const std::string& reason) override;

  [[nodiscard]] std::shared_ptr<BrokerConnection> open(Node& node, protocol::Lane lane);
  void close_connections(Node& node, const std::string& reason);
  void count_failure(Node& node, const BrokerConnection& connection);
  void forget_surplus(const std::vector<protocol::BrokerAddress>& wanted);
  [[nodiscard]] std::chrono::milliseconds grow(std::chrono::milliseconds base,
                                               std::chrono::milliseconds max,
                                               unsigned doublings);
  boost::asio::awaitable<void> fail_later(protocol::Failure failure);

  boost::asio::any_io_executor executor_;
  const NetOptions options_;
  PoolEvents events_;
  TaskGroup::CrashHandler on_crash_;
  PoolCounters counters_;
  std::minstd_rand jitter_;
  std::map<protocol::NodeId, Node> nodes_;  // options_.brokers_max
  bool is_closed_ = false;
  TaskGroup tasks_;
};

}  // namespace sluice::net
