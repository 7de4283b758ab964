#include "tests/simulation/network.hpp"

#include "protocol/messages/frame.hpp"

#include <algorithm>
#include <string>
#include <variant>

namespace sluice::simulation {

using protocol::FailureKind;
using protocol::Lane;

Network::Network(const Settings& settings, Scheduler& scheduler, Trace& trace, Cluster& cluster, Dice dice)
    : settings_(settings),
      scheduler_(scheduler),
      trace_(trace),
      cluster_(cluster),
      dice_(dice),
      paused_(static_cast<std::size_t>(settings.brokers)),
      held_(static_cast<std::size_t>(settings.brokers)),
      lost_answer_(settings.faults.lost_answer),
      done_after_close_(settings.faults.done_after_close) {
  cluster_.on_answer(
      [this](int client, protocol::RequestId id, Answer answer) { answered(client, id, std::move(answer)); });
}

int Network::add_client(Client client) {
  clients_[++last_client_] = std::move(client);
  return last_client_;
}

void Network::remove_client(int client) {
  clients_.erase(client);
  for (const ConnectionPtr& connection : open_connections()) {
    if (std::get<0>(connection->key) == client) close(connection);
  }
}

/// What a Produce borrows may be gone when it arrives.
void Network::own_borrowed(Sent& sent) {
  auto* produce = std::get_if<protocol::ProduceRequest>(&sent.call.request);
  if (produce == nullptr) return;
  for (auto& topic : produce->topic_data) {
    for (auto& each : topic.partition_data) {
      if (!each.records) continue;
      sent.owned.push_back(std::make_shared<const std::string>(*each.records));
      each.records = *sent.owned.back();
    }
  }
}

void Network::send(int client, protocol::Outgoing request) {
  // The addresses that a daemon starts with lead to the brokers in turn.
  const int node = request.node >= 0 ? request.node : (-1 - request.node) % settings_.brokers;
  require(node < settings_.brokers, "a request for a broker that does not exist");
  const Key key{client, request.node, request.lane};
  const PendingKey id{client, request.id};
  ConnectionPtr& connection = connections_[key];
  Duration delay = latency();
  if (!connection) {
    connection = std::make_shared<Connection>();
    connection->key = key;
    connection->node = node;
    delay += latency() + latency();  // to connect
  }
  const protocol::ApiKey api = protocol::api_key(request.request);
  const std::int16_t version = std::min(request.version_cap, cluster_.version(node, api));
  Pending pending{connection, api, version, ++last_correlation_, request.node};
  Sent sent{{client, request.id, node, version, {}}, {}, pending.correlation};
  if (settings_.bytes) {
    auto frame = protocol::encode_request_frame(request.request, version, pending.correlation, "simulation");
    if (!frame) throw Violation("a request that cannot be encoded: " + frame.error().message);
    sent.bytes = std::move(*frame);
  } else {
    sent.call.request = std::move(request.request);
    own_borrowed(sent);
  }
  require(pending_.emplace(id, std::move(pending)).second, "a request id is used twice");
  if (!cluster_.is_up(node)) {
    scheduler_.after(
        delay, [this, client, number = request.id] { fail(client, number, FailureKind::kConnectFailed); });
    connections_.erase(key);
    return;
  }
  const TimePoint arrival = std::max(connection->last_arrival, scheduler_.now() + delay);
  connection->last_arrival = arrival;
  scheduler_.at(arrival, [this, connection, sent = std::make_shared<Sent>(std::move(sent))] {
    arrive(connection, std::move(*sent));
  });
  scheduler_.after(request.timeout, [this, client, number = request.id] { time_out(client, number); });
}

void Network::arrive(const ConnectionPtr& connection, Sent sent) {
  if (connection->stalled || !cluster_.is_up(connection->node)) return;
  if (!connection->open && !dice_.chance(done_after_close_)) return;
  connection->queue.push_back(std::move(sent));
  work(connection);
}

void Network::work(const ConnectionPtr& connection) {
  while (!connection->busy && !connection->queue.empty()) {
    if (paused_[static_cast<std::size_t>(connection->node)]) {
      held_[static_cast<std::size_t>(connection->node)].push_back(connection);
      return;
    }
    Sent sent = std::move(connection->queue.front());
    connection->queue.pop_front();
    if (settings_.bytes) {
      auto received = protocol::decode_request(std::string_view(sent.bytes).substr(4));
      if (!received) throw Violation("a request that cannot be decoded: " + received.error().message);
      require(received->header.correlation_id == sent.correlation, "a correlation id that was not sent");
      sent.call.request = std::move(received->request);
    }
    ++steps_;
    trace_.add(scheduler_.now(), sent.call.client, "arrives", connection->node,
               static_cast<std::int64_t>(protocol::api_key(sent.call.request)),
               static_cast<std::int64_t>(sent.call.id));
    connection->busy = true;
    working_[{sent.call.client, sent.call.id}] = connection;
    cluster_.handle(sent.call);
  }
}

void Network::answered(int client, protocol::RequestId id, Answer answer) {
  const auto working = working_.find({client, id});
  if (working == working_.end()) return;
  const ConnectionPtr connection = working->second;
  working_.erase(working);
  connection->busy = false;
  const auto pending = pending_.find({client, id});
  if (connection->open && !connection->stalled && pending != pending_.end()) {
    std::shared_ptr<std::string> frame;
    if (settings_.bytes) {
      auto encoded = protocol::encode_response_frame(answer.response, pending->second.version,
                                                     pending->second.correlation);
      if (!encoded) throw Violation("an answer that cannot be encoded: " + encoded.error().message);
      frame = std::make_shared<std::string>(encoded->substr(4));
    }
    const TimePoint arrival = std::max(connection->last_answer, scheduler_.now() + latency());
    connection->last_answer = arrival;
    if (dice_.chance(lost_answer_)) {
      scheduler_.at(arrival, [this, connection] { close(connection); });
    } else {
      scheduler_.at(arrival, [this, connection, client, id,
                              answer = std::make_shared<Answer>(std::move(answer)), frame] {
        if (connection->open && !connection->stalled) deliver(client, id, *answer, frame);
      });
    }
  }
  // Not at once: a handler may still be at work for this very connection.
  if (!connection->queue.empty()) scheduler_.after(Duration{}, [this, connection] { work(connection); });
}

void Network::deliver(int client,
                      protocol::RequestId id,
                      const Answer& answer,
                      const std::shared_ptr<std::string>& frame) {
  const auto it = pending_.find({client, id});
  if (it == pending_.end()) return;
  const Pending pending = std::move(it->second);
  pending_.erase(it);
  protocol::Reply reply;
  reply.id = id;
  reply.node = pending.asked_node;
  reply.version = pending.version;
  if (frame) {
    auto decoded = protocol::decode_response(pending.api, pending.version, *frame, pending.correlation);
    if (!decoded) throw Violation("an answer that cannot be decoded: " + decoded.error().message);
    reply.response = std::move(*decoded);
    reply.frame = frame;
  } else {
    reply.response = answer.response;
    reply.frame = answer.frame;
  }
  ++steps_;
  clients_.at(client).on_reply(std::move(reply));
}

void Network::fail(int client, protocol::RequestId id, FailureKind kind) {
  const auto it = pending_.find({client, id});
  if (it == pending_.end()) return;
  protocol::Failure failure{id, it->second.asked_node, kind, "simulated"};
  pending_.erase(it);
  const auto to = clients_.find(client);
  if (to == clients_.end()) return;
  ++steps_;
  to->second.on_failure(failure);
}

void Network::time_out(int client, protocol::RequestId id) {
  const auto it = pending_.find({client, id});
  if (it == pending_.end()) return;
  const ConnectionPtr connection = it->second.connection;
  fail(client, id, FailureKind::kTimedOut);
  close(connection);
}

void Network::close(const ConnectionPtr& connection) {
  if (!connection->open) return;
  ++breaks_;
  connection->open = false;
  const auto [client, node, lane] = connection->key;
  const auto current = connections_.find(connection->key);
  if (current != connections_.end() && current->second == connection) connections_.erase(current);
  trace_.add(scheduler_.now(), client, "connection ends", node, static_cast<std::int64_t>(lane));
  // A parked request of a dead connection is not answered, but may have been done.
  for (auto it = working_.begin(); it != working_.end();) {
    if (it->second == connection) {
      cluster_.forget(it->first.first, it->first.second);
      it = working_.erase(it);
    } else {
      ++it;
    }
  }
  if (!dice_.chance(done_after_close_)) connection->queue.clear();
  connection->busy = false;
  if (!connection->queue.empty()) scheduler_.after(Duration{}, [this, connection] { work(connection); });
  std::vector<protocol::RequestId> lost;
  for (auto it = pending_.lower_bound({client, 0}); it != pending_.end() && it->first.first == client; ++it) {
    if (it->second.connection == connection) lost.push_back(it->first.second);
  }
  for (const protocol::RequestId id : lost) fail(client, id, FailureKind::kDisconnected);
}

std::size_t Network::open(int client, protocol::ApiKey api) const {
  std::size_t count = 0;
  for (auto it = pending_.lower_bound({client, 0}); it != pending_.end() && it->first.first == client; ++it) {
    if (it->second.api == api) ++count;
  }
  return count;
}

std::size_t Network::open(int client) const {
  std::size_t count = 0;
  for (auto it = pending_.lower_bound({client, 0}); it != pending_.end() && it->first.first == client; ++it)
    ++count;
  return count;
}

std::vector<Network::ConnectionPtr> Network::open_connections() const {
  std::vector<ConnectionPtr> all;
  all.reserve(connections_.size());
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  return all;
}

void Network::break_one(Dice& dice) {
  const std::vector<ConnectionPtr> all = open_connections();
  if (!all.empty()) close(dice.pick(all));
}

void Network::stall_one(Dice& dice) {
  const std::vector<ConnectionPtr> all = open_connections();
  if (all.empty()) return;
  const ConnectionPtr& connection = dice.pick(all);
  connection->stalled = true;
  const auto [client, node, lane] = connection->key;
  trace_.add(scheduler_.now(), client, "connection stalls", node, static_cast<std::int64_t>(lane));
}

void Network::pause_broker(int node) { paused_[static_cast<std::size_t>(node)] = true; }

void Network::resume_broker(int node) {
  paused_[static_cast<std::size_t>(node)] = false;
  std::vector<ConnectionPtr> held = std::exchange(held_[static_cast<std::size_t>(node)], {});
  // In order on each connection, in any order among them.
  while (!held.empty()) {
    const std::size_t next = dice_.index(held.size());
    const ConnectionPtr connection = held[next];
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(next));
    work(connection);
  }
}

void Network::stop_broker(int node) {
  cluster_.stop_broker(node);
  paused_[static_cast<std::size_t>(node)] = false;
  held_[static_cast<std::size_t>(node)].clear();
  for (const ConnectionPtr& connection : open_connections()) {
    if (connection->node != node) continue;
    connection->queue.clear();
    close(connection);
  }
}

void Network::heal() {
  lost_answer_ = 0;
  done_after_close_ = 0;
  for (int node = 0; node < settings_.brokers; ++node) resume_broker(node);
  for (const ConnectionPtr& connection : open_connections()) {
    if (connection->stalled) close(connection);
  }
}

}  // namespace sluice::simulation
