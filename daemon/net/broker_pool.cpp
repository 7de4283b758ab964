#include "daemon/net/broker_pool.hpp"

#include "daemon/net/use_ec.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::net {

using protocol::BrokerAddress;
using protocol::FailureKind;
using protocol::Lane;
using protocol::NodeId;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// Host names come from the network and go into the log.
bool can_be_dialled(const BrokerAddress& broker) {
  const auto is_printable = [](char c) { return c > ' ' && c < 0x7f; };
  return broker.node >= 0 && broker.port != 0 && !broker.host.empty() && broker.host.size() <= 255 &&
         std::all_of(broker.host.begin(), broker.host.end(), is_printable);
}

}  // namespace

const char* name(Lane lane) {
  switch (lane) {
    case Lane::kFetch:
      return "fetch";
    case Lane::kCatchUp:
      return "catch-up";
    case Lane::kGroup:
      return "group";
    case Lane::kJoin:
      return "join";
    case Lane::kProduce:
      return "produce";
    case Lane::kControl:
      return "control";
  }
  return "unknown lane";
}

BrokerPool::BrokerPool(asio::any_io_executor executor,
                       NetOptions options,
                       const std::vector<BrokerAddress>& bootstrap,
                       PoolEvents events,
                       TaskGroup::CrashHandler on_crash)
    : executor_(executor),
      options_(std::move(options)),
      events_(std::move(events)),
      on_crash_(on_crash),
      jitter_(static_cast<std::minstd_rand::result_type>(options_.jitter_seed)),
      tasks_(std::move(executor), std::move(on_crash)) {
  for (const BrokerAddress& broker : bootstrap) nodes_[broker.node].address = broker;
}

void BrokerPool::send(protocol::Outgoing request) {
  const auto found = nodes_.find(request.node);
  if (is_closed_ || found == nodes_.end()) {
    const std::string why = is_closed_ ? "the connections are being closed" : "its address is not known";
    const std::string message = "broker " + std::to_string(request.node) + ": " + why;
    tasks_.spawn("fail a request",
                 fail_later({request.id, request.node, FailureKind::kConnectFailed, message}));
    return;
  }
  Node& node = found->second;
  auto& slot = node.connections[request.lane];
  if (slot && !slot->accepts()) slot->close(ConnectionEnd::kIdle, "idle for too long");
  if (!slot || !slot->accepts()) slot = open(node, request.lane);
  slot->add(std::move(request));
}

void BrokerPool::set_brokers(const std::vector<BrokerAddress>& brokers) {
  std::vector<BrokerAddress> wanted;
  for (const BrokerAddress& broker : brokers) {
    if (can_be_dialled(broker) && wanted.size() < options_.brokers_max) wanted.push_back(broker);
  }
  for (const BrokerAddress& broker : wanted) {
    Node& node = nodes_[broker.node];
    if (node.address == broker) continue;
    close_connections(node, "the broker has moved to " + broker.host + ":" + std::to_string(broker.port));
    node = Node();
    node.address = broker;
  }
  forget_surplus(wanted);
}

asio::awaitable<void> BrokerPool::close() {
  is_closed_ = true;
  for (auto& [id, node] : nodes_) close_connections(node, "the connections are being closed");
  co_await tasks_.join();
}

SteadyTime BrokerPool::muted_until(NodeId node, Lane lane) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return SteadyTime::min();
  const auto connection = found->second.connections.find(lane);
  return connection == found->second.connections.end() ? SteadyTime::min()
                                                       : connection->second->muted_until();
}

SteadyTime BrokerPool::reconnect_at(NodeId node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? SteadyTime::min() : found->second.not_before;
}

void BrokerPool::on_ready(BrokerConnection& connection) {
  ++counters_.dials_succeeded;
  ++counters_.connections_open;
  events_.on_connection({connection.address(), connection.lane(), std::nullopt, {}});
}

void BrokerPool::on_reply(BrokerConnection& connection, protocol::Reply reply) {
  const auto node = nodes_.find(connection.address().node);
  if (node != nodes_.end() && node->second.address == connection.address()) node->second.failures = 0;
  events_.on_reply(std::move(reply));
}

void BrokerPool::on_failure(BrokerConnection&, protocol::Failure failure) {
  events_.on_failure(std::move(failure));
}

void BrokerPool::on_request_done(const RequestDone& done) { events_.on_request_done(done); }

void BrokerPool::on_end(BrokerConnection& connection, ConnectionEnd end, const std::string& reason) {
  if (connection.was_ready()) --counters_.connections_open;
  if (end == ConnectionEnd::kConnectFailed) ++counters_.dials_failed;
  if (end == ConnectionEnd::kLost || end == ConnectionEnd::kTimedOut) ++counters_.connections_lost;

  const auto found = nodes_.find(connection.address().node);
  if (found != nodes_.end() && found->second.address == connection.address()) {
    Node& node = found->second;
    const auto slot = node.connections.find(connection.lane());
    if (slot != node.connections.end() && slot->second.get() == &connection) node.connections.erase(slot);
    const bool was_asked_for =
        end == ConnectionEnd::kClosed || (end == ConnectionEnd::kIdle && connection.was_useful());
    if (!was_asked_for) count_failure(node, connection);
  }
  events_.on_connection({connection.address(), connection.lane(), end, reason});
}

std::shared_ptr<BrokerConnection> BrokerPool::open(Node& node, Lane lane) {
  ConnectionListener& listener = *this;
  auto connection = std::make_shared<BrokerConnection>(executor_, options_, node.address, lane, listener,
                                                       counters_, on_crash_);
  const milliseconds timeout = grow(options_.connect_timeout, options_.connect_timeout_max, node.failures);
  tasks_.spawn("broker " + std::to_string(node.address.node) + " " + name(lane),
               BrokerConnection::run(connection, node.not_before, timeout));
  return connection;
}

void BrokerPool::close_connections(Node& node, const std::string& reason) {
  for (auto& [lane, connection] : node.connections) connection->close(ConnectionEnd::kClosed, reason);
}

// All lanes of a broker fail together when it dies; that is one failure, not four.
void BrokerPool::count_failure(Node& node, const BrokerConnection& connection) {
  const bool is_new = connection.started_at() > node.failed_at;
  if (connection.was_useful()) {
    node.failures = std::max(node.failures, 1U);
  } else if (is_new) {
    ++node.failures;
  }
  node.failed_at = steady_clock::now();
  if (node.failures > 0) {
    const milliseconds wait =
        grow(options_.reconnect_backoff, options_.reconnect_backoff_max, node.failures - 1);
    node.not_before = std::max(node.not_before, node.failed_at + wait);
  }
}

// Only a hostile or broken cluster gets here. Brokers in use and those just named are kept.
void BrokerPool::forget_surplus(const std::vector<BrokerAddress>& wanted) {
  if (nodes_.size() <= options_.brokers_max) return;
  std::set<NodeId> named;
  for (const BrokerAddress& broker : wanted) named.insert(broker.node);
  std::erase_if(nodes_, [&named](const auto& entry) {
    const auto& [id, node] = entry;
    return id >= 0 && node.connections.empty() && !named.contains(id);
  });
}

// Source: KIP-580.
milliseconds BrokerPool::grow(milliseconds base, milliseconds max, unsigned doublings) {
  const double raw =
      static_cast<double>(base.count()) * static_cast<double>(1ULL << std::min(doublings, 20U));
  const double capped = std::min(raw, static_cast<double>(max.count()));
  const double factor = 0.8 + 0.4 * static_cast<double>(jitter_() - std::minstd_rand::min()) /
                                  static_cast<double>(std::minstd_rand::max() - std::minstd_rand::min());
  return milliseconds(static_cast<milliseconds::rep>(capped * factor));
}

asio::awaitable<void> BrokerPool::fail_later(protocol::Failure failure) {
  events_.on_failure(std::move(failure));
  co_return;
}

}  // namespace sluice::net
