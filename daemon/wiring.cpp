#include "daemon/wiring.hpp"

#include "daemon/core/random.hpp"
#include "daemon/engine/clock.hpp"
#include "daemon/version.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/random.h>
#include <utility>
#include <vector>

namespace sluice {

namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

core::Assignor to_core(config::Assignor assignor) {
  switch (assignor) {
    case config::Assignor::kRange:
      return core::Assignor::kRange;
    case config::Assignor::kRoundRobin:
      return core::Assignor::kRoundRobin;
    case config::Assignor::kSticky:
      return core::Assignor::kSticky;
    case config::Assignor::kCooperativeSticky:
      return core::Assignor::kCooperativeSticky;
  }
  return core::Assignor::kRange;
}

core::OffsetReset to_core(config::OffsetReset reset) {
  switch (reset) {
    case config::OffsetReset::kEarliest:
      return core::OffsetReset::kEarliest;
    case config::OffsetReset::kLatest:
      return core::OffsetReset::kLatest;
    case config::OffsetReset::kNone:
      return core::OffsetReset::kNone;
  }
  return core::OffsetReset::kEarliest;
}

core::OrderMode to_core(config::OrderMode order) {
  switch (order) {
    case config::OrderMode::kPartition:
      return core::OrderMode::kPartition;
    case config::OrderMode::kKey:
      return core::OrderMode::kKey;
    case config::OrderMode::kNone:
      return core::OrderMode::kNone;
  }
  return core::OrderMode::kPartition;
}

core::IdlePolicy to_core(config::IdlePolicy policy) {
  switch (policy) {
    case config::IdlePolicy::kHold:
      return core::IdlePolicy::kHold;
    case config::IdlePolicy::kPause:
      return core::IdlePolicy::kPause;
    case config::IdlePolicy::kLeave:
      return core::IdlePolicy::kLeave;
  }
  return core::IdlePolicy::kHold;
}

core::BatchId random_batch_id() {
  std::array<std::uint64_t, 2> bits{};
  // So few bytes are never given in part, and only a kernel without randomness refuses them.
  if (getrandom(bits.data(), sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) {
    throw std::runtime_error("no random numbers from the system");
  }
  return core::BatchId(bits);
}

std::int32_t to_int32(std::int64_t value) {
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(value, 0, std::numeric_limits<std::int32_t>::max()));
}

core::Consumer::Options to_core(const config::ConsumerOptions& from) {
  const config::KafkaOptions& kafka = from.kafka;
  const core::IsolationLevel isolation = kafka.isolation_level == config::IsolationLevel::kReadCommitted
                                             ? core::IsolationLevel::kReadCommitted
                                             : core::IsolationLevel::kReadUncommitted;
  core::Consumer::Options to;
  to.membership.group_id = kafka.group_id;
  to.membership.instance_id = unless_empty(kafka.group_instance_id);
  to.membership.rack = unless_empty(kafka.client_rack);
  to.membership.topics = from.topics;
  to.membership.strategies.clear();
  for (const config::Assignor each : kafka.partition_assignment_strategy) {
    to.membership.strategies.push_back(to_core(each));
  }
  to.membership.session_timeout = kafka.session_timeout;
  to.membership.heartbeat_interval = kafka.heartbeat_interval;
  to.membership.rebalance_timeout = kafka.rebalance_timeout;
  to.membership.rebalance_drain = kafka.rebalance_drain;
  to.membership.request_timeout = kafka.request_timeout;
  to.membership.retry_backoff = kafka.retry_backoff;
  to.membership.retry_backoff_max = kafka.retry_backoff_max;
  to.metadata.request_timeout = kafka.request_timeout;
  to.metadata.max_age = kafka.metadata_max_age;
  to.metadata.retry_backoff = kafka.retry_backoff;
  to.metadata.retry_backoff_max = kafka.retry_backoff_max;
  for (std::size_t i = 0; i < kafka.bootstrap_servers.size(); ++i) {
    to.metadata.bootstrap.push_back(-1 - static_cast<protocol::NodeId>(i));
  }
  to.coordinator.group_id = kafka.group_id;
  to.coordinator.request_timeout = kafka.request_timeout;
  to.coordinator.retry_backoff = kafka.retry_backoff;
  to.coordinator.retry_backoff_max = kafka.retry_backoff_max;
  to.committed_offsets = {kafka.group_id, kafka.request_timeout, kafka.retry_backoff,
                          kafka.retry_backoff_max};
  to.commit = {kafka.group_id, kafka.request_timeout, kafka.retry_backoff, kafka.retry_backoff_max};
  to.list_offsets.reset = to_core(kafka.auto_offset_reset);
  to.list_offsets.isolation = isolation;
  to.list_offsets.request_timeout = kafka.request_timeout;
  to.fetch.isolation = isolation;
  to.fetch.min_bytes = to_int32(kafka.fetch_min_bytes);
  to.fetch.max_wait = kafka.fetch_max_wait;
  to.fetch.max_bytes = to_int32(kafka.fetch_max_bytes);
  to.fetch.partition_max_bytes = to_int32(kafka.max_partition_fetch_bytes);
  to.fetch.rack = kafka.client_rack;
  to.fetch.request_timeout = kafka.request_timeout;
  if (kafka.max_poll_bytes > 0) to.delivery.quantum = kafka.max_poll_bytes;
  to.commit.every_records = from.commit_every_records;
  to.commit.interval = from.commit_interval;
  to.order = to_core(from.order);
  to.redelivery.backoff = from.redelivery_backoff;
  to.redelivery.backoff_max = from.redelivery_backoff_max;
  // Without a dead letter topic there is nowhere to go after the last delivery.
  if (!from.dead_letter_topic.empty() && from.max_deliveries > 0)
    to.redelivery.max_deliveries = static_cast<std::uint32_t>(to_int32(from.max_deliveries));
  to.dead_letters.topic = from.dead_letter_topic;
  to.dead_letters.group_id = kafka.group_id;
  to.dead_letters.consumer = from.name;
  to.dead_letters.request_timeout = kafka.request_timeout;
  to.dead_letters.retry_backoff = kafka.retry_backoff;
  to.dead_letters.retry_backoff_max = kafka.retry_backoff_max;
  to.window.mode = from.window == config::WindowMode::kAdaptive ? core::Window::Mode::kAdaptive
                                                                : core::Window::Mode::kFixed;
  to.window.records_max = from.window_max_records;
  to.window.bytes_max = from.window_max_bytes;
  to.idle_policy = to_core(from.app_idle_policy);
  to.idle_timeout = from.app_idle_timeout;
  return to;
}

engine::ConsumerEngine::Options to_engine(const config::ConsumerOptions& from,
                                          const config::HttpOptions& http,
                                          std::uint64_t seed) {
  const config::KafkaOptions& kafka = from.kafka;
  engine::ConsumerEngine::Options to;
  to.name = from.name;
  to.core = to_core(from);
  to.fetch_defaults.max_records = to_int32(kafka.max_poll_records);
  to.fetch_defaults.max_bytes = kafka.max_poll_bytes;
  to.fetch_defaults.wait = std::chrono::seconds(5);
  to.fetch_defaults.lease = from.lease;
  to.net.client_id = kafka.client_id;
  to.net.client_software_version = std::string(kVersion);
  to.net.connect_timeout = kafka.socket_connection_setup_timeout;
  to.net.idle_max = kafka.connections_max_idle;
  to.net.reconnect_backoff = kafka.reconnect_backoff;
  to.net.reconnect_backoff_max = kafka.reconnect_backoff_max;
  to.net.jitter_seed = seed;
  protocol::NodeId id = -1;
  for (const config::ServerAddress& server : kafka.bootstrap_servers) {
    to.bootstrap.push_back({id--, server.host, server.port});
  }
  to.waiting_fetches_max = static_cast<std::size_t>(http.max_waiting_fetches);
  to.commit_wait_max = kafka.request_timeout;
  to.seed = seed;
  to.core.batch_ids = &random_batch_id;
  // Readers of an earlier start see that its events are gone.
  to.core.first_event = static_cast<std::uint64_t>(engine::Clock::wall_ms());
  return to;
}

std::vector<http::Endpoint> to_endpoints(const std::vector<config::ListenAddress>& addresses) {
  std::vector<http::Endpoint> endpoints;
  for (const config::ListenAddress& each : addresses) {
    const auto kind = each.kind == config::ListenAddress::Kind::kUnix ? http::Endpoint::Kind::kUnix
                                                                      : http::Endpoint::Kind::kTcp;
    endpoints.push_back({kind, each.host, each.port, each.path});
  }
  return endpoints;
}

}  // namespace

engine::Daemon::Options to_engine(const config::Options& options, std::uint64_t seed) {
  core::Random random(seed);
  engine::Daemon::Options to;
  to.memory_budget = options.memory.budget;
  for (const auto& [name, consumer] : options.consumers) {
    to.consumers.push_back(to_engine(consumer, options.http, random.next()));
  }
  return to;
}

http::Options to_http(const config::Options& options) {
  const config::HttpOptions& from = options.http;
  http::Options to;
  to.data.endpoints = to_endpoints(from.listen);
  to.data.connections_max = static_cast<std::size_t>(from.max_connections);
  to.admin.endpoints = to_endpoints(options.admin.listen);
  to.head_bytes_max = static_cast<std::size_t>(from.max_header_bytes);
  to.body_bytes_max = static_cast<std::size_t>(from.max_body_bytes);
  to.header_timeout = from.request_timeout;
  to.body_timeout = from.request_timeout;
  to.write_timeout = from.response_timeout;
  to.idle_timeout = from.idle_timeout;
  return to;
}

}  // namespace sluice
