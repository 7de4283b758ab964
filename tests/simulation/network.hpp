#pragma once

#include "protocol/exchange.hpp"
#include "tests/simulation/base.hpp"
#include "tests/simulation/cluster.hpp"
#include "tests/simulation/scheduler.hpp"
#include "tests/simulation/settings.hpp"
#include "tests/simulation/trace.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace sluice::simulation {

/// Connections between clients and brokers. One for each client, node and lane: what is sent on it arrives in
/// order, is done one after the other, and is answered in order. A connection that ends fails all that is
/// open on it; nobody knows then what the broker has done of it.
class Network {
 public:
  /// Where the answers of one client go. Each request ends in exactly one call.
  struct Client {
    std::function<void(protocol::Reply)> on_reply;
    std::function<void(const protocol::Failure&)> on_failure;
  };

  Network(const Settings& settings, Scheduler& scheduler, Trace& trace, Cluster& cluster, Dice dice);

  int add_client(Client client);
  /// The process is gone. What it has sent may still be done.
  void remove_client(int client);
  void send(int client, protocol::Outgoing request);

  /// Requests of this client, of one API, without an answer so far.
  [[nodiscard]] std::size_t open(int client, protocol::ApiKey api) const;
  [[nodiscard]] std::size_t open(int client) const;

  // Faults.
  void break_one(Dice& dice);
  void stall_one(Dice& dice);
  void pause_broker(int node);
  void resume_broker(int node);
  void stop_broker(int node);
  [[nodiscard]] bool is_paused(int node) const { return paused_.at(static_cast<std::size_t>(node)); }
  void heal();

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t breaks() const { return breaks_; }

 private:
  using Key = std::tuple<int, protocol::NodeId, protocol::Lane>;
  struct Sent {
    Call call;
    std::string bytes;  ///< in a world of bytes, the frame
    std::int32_t correlation = 0;
    std::vector<std::shared_ptr<const std::string>> owned{};  ///< what the request borrows
  };
  /// One connection from its first request to its end. Kept while anything is on its way.
  struct Connection {
    Key key;
    int node = 0;
    bool open = true;      ///< at the client's end
    bool stalled = false;  ///< nothing gets through any more
    bool busy = false;     ///< the broker works on a request of it
    TimePoint last_arrival{};
    TimePoint last_answer{};
    std::deque<Sent> queue;  ///< arrived at the broker
  };
  using ConnectionPtr = std::shared_ptr<Connection>;
  struct Pending {
    ConnectionPtr connection;
    protocol::ApiKey api = protocol::ApiKey::kMetadata;
    std::int16_t version = 0;
    std::int32_t correlation = 0;
    protocol::NodeId asked_node = 0;  ///< as the client named it
  };
  using PendingKey = std::pair<int, protocol::RequestId>;

  static void own_borrowed(Sent& sent);
  void arrive(const ConnectionPtr& connection, Sent sent);
  void work(const ConnectionPtr& connection);
  void answered(int client, protocol::RequestId id, Answer answer);
  void deliver(int client,
               protocol::RequestId id,
               const Answer& answer,
               const std::shared_ptr<std::string>& frame);
  void fail(int client, protocol::RequestId id, protocol::FailureKind kind);
  void close(const ConnectionPtr& connection);
  void time_out(int client, protocol::RequestId id);
  [[nodiscard]] Duration latency() { return dice_.duration(settings_.latency_min, settings_.latency_max); }
  [[nodiscard]] std::vector<ConnectionPtr> open_connections() const;

  const Settings& settings_;
  Scheduler& scheduler_;
  Trace& trace_;
  Cluster& cluster_;
  Dice dice_;
  std::map<int, Client> clients_;
  int last_client_ = 0;
  std::map<Key, ConnectionPtr> connections_;
  std::map<PendingKey, Pending> pending_;
  /// What brokers are working on: whose connection waits for it. Entries outlive their connection.
  std::map<PendingKey, ConnectionPtr> working_;
  std::vector<bool> paused_;
  std::vector<std::vector<ConnectionPtr>> held_;  ///< of paused brokers: connections with work
  double lost_answer_ = 0;
  double done_after_close_ = 0;
  std::int32_t last_correlation_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t breaks_ = 0;
};

}  // namespace sluice::simulation
