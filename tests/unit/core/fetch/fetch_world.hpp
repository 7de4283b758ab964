#pragma once

#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/stats.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::core {

inline protocol::Uuid uuid(std::uint8_t number) {
  protocol::Uuid id;
  id.bytes[15] = number;
  return id;
}

/// A cluster as metadata describes it: brokers 1 to 3, topics with leaders.
inline protocol::MetadataResponse cluster_of(
    const std::map<std::string, std::vector<protocol::NodeId>>& leaders, bool with_ids = true) {
  protocol::MetadataResponse response;
  for (const protocol::NodeId node : {1, 2, 3})
    response.brokers.push_back({node, "broker", 9092, std::nullopt});
  std::uint8_t number = 0;
  for (const auto& [name, nodes] : leaders) {
    protocol::MetadataResponse::MetadataResponseTopic topic;
    topic.name = name;
    ++number;
    if (with_ids) topic.topic_id = uuid(number);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      protocol::MetadataResponse::MetadataResponsePartition partition;
      partition.partition_index = static_cast<std::int32_t>(i);
      partition.leader_id = nodes[i];
      partition.leader_epoch = 5;
      topic.partitions.push_back(partition);
    }
    response.topics.push_back(std::move(topic));
  }
  return response;
}

/// What a machine below the membership sees: metadata, partitions, an outbox that a test reads.
struct FetchWorld {
  FetchWorld() = default;
  explicit FetchWorld(const std::map<std::string, std::vector<protocol::NodeId>>& leaders,
                      bool with_ids = true) {
    learn(cluster_of(leaders, with_ids));
    for (const auto& [name, nodes] : leaders) {
      for (std::size_t i = 0; i < nodes.size(); ++i) add({name, static_cast<PartitionId>(i)});
    }
  }

  Partition& add(const TopicPartition& tp) {
    const Backoff retry(std::chrono::milliseconds(100), std::chrono::seconds(1));
    partitions.erase(tp);
    return partitions.emplace(tp, Partition(tp, ++incarnations, retry)).first->second;
  }
  Partition& at(const std::string& topic, PartitionId number) { return partitions.at({topic, number}); }
  void start_all(Offset offset = 0) {
    for (auto& [tp, partition] : partitions) {
      partition.start_at(offset);
      partition.end_known_at = now;
    }
  }

  void learn(protocol::MetadataResponse response) {
    std::vector<std::string> names;
    for (const auto& topic : response.topics) names.push_back(topic.name.value_or(""));
    metadata.want_topics(names);
    metadata.request_refresh();
    TimePoint when = now;
    std::vector<protocol::Outgoing> requests;
    Outbox own;
    while (requests.empty()) {
      metadata.poll(when, own);
      requests = own.take_requests();
      when += std::chrono::milliseconds(100);
    }
    protocol::Reply reply;
    reply.id = requests[0].id;
    reply.response = std::move(response);
    EXPECT_TRUE(metadata.on_reply(reply, now));
  }
  /// Whether somebody asked for a new picture of the cluster.
  bool metadata_is_wanted() {
    Outbox own;
    metadata.poll(now + std::chrono::seconds(2), own);
    return !own.take_requests().empty();
  }

  void collect() {
    for (auto& request : outbox.take_requests()) sent.push_back(std::move(request));
  }
  /// The oldest unread request.
  template <class Request>
  Request take() {
    if (sent.empty() || !std::holds_alternative<Request>(sent.front().request)) {
      ADD_FAILURE() << (sent.empty() ? "nothing was sent" : "another request was sent");
      return {};
    }
    last = sent.front();
    sent.pop_front();
    return std::get<Request>(last.request);
  }
  template <class Response>
  protocol::Reply reply_to(const protocol::Outgoing& request, Response response) const {
    protocol::Reply reply;
    reply.id = request.id;
    reply.node = request.node;
    reply.response = std::move(response);
    return reply;
  }
  [[nodiscard]] protocol::Failure failure_of(const protocol::Outgoing& request) const {
    return {request.id, request.node, protocol::FailureKind::kDisconnected, "connection lost"};
  }

  MemoryBudget budget{64 << 20};  ///< first: what it is charged for goes before it
  TimePoint now{std::chrono::seconds(1000)};
  Metadata metadata{Metadata::Options{.bootstrap = {-1}}, 3};
  Partitions partitions;
  std::map<std::string, TopicStats> stats;
  Outbox outbox;
  std::deque<protocol::Outgoing> sent;
  protocol::Outgoing last;
  std::uint64_t incarnations = 0;
};

inline std::int16_t code_of(protocol::KafkaError error) { return static_cast<std::int16_t>(error); }

}  // namespace sluice::core
