#include "daemon/core/cluster/metadata.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

using protocol::KafkaError;

Metadata::Metadata(Options options, std::uint64_t seed)
    : options_(std::move(options)),
      random_(seed),
      backoff_(options_.retry_backoff, options_.retry_backoff_max),
      next_candidate_(static_cast<std::size_t>(random_.below(1024))) {}

void Metadata::want_topics(std::vector<std::string> topics) {
  std::sort(topics.begin(), topics.end());
  if (topics == wanted_) return;
  const bool more = std::any_of(topics.begin(), topics.end(),
                                [&](const std::string& topic) { return topics_.count(topic) == 0; });
  wanted_ = std::move(topics);
  if (more) request_refresh();
}

void Metadata::request_refresh() {
  if (in_flight_) {
    changed_while_in_flight_ = true;
    return;
  }
  next_at_ = not_before_;
}

void Metadata::poll(TimePoint now, Outbox& outbox) {
  if (in_flight_) return;
  if (next_at_ > now) {
    outbox.wake_at(next_at_);
    return;
  }
  const std::vector<protocol::NodeId> nodes = candidates();
  if (nodes.empty()) return;
  protocol::MetadataRequest request;
  request.topics.emplace();
  for (const std::string& name : wanted_) {
    protocol::MetadataRequest::MetadataRequestTopic topic;
    topic.name = name;
    request.topics->push_back(std::move(topic));
  }
  request.allow_auto_topic_creation = false;
  in_flight_ = outbox.send(nodes[next_candidate_++ % nodes.size()], protocol::Lane::kControl,
                           std::move(request), options_.request_timeout);
}

bool Metadata::on_reply(const protocol::Reply& reply, TimePoint now) {
  if (reply.id != in_flight_) return false;
  in_flight_.reset();
  const auto* response = std::get_if<protocol::MetadataResponse>(&reply.response);
  if (response == nullptr || response->error_code != 0 || response->brokers.empty()) {
    error_ = response != nullptr && response->error_code != 0
                 ? std::string(protocol::name(response->error_code))
                 : "the broker knows no brokers";
    retry_later(now);
    return true;
  }
  take(*response, now);
  error_.reset();
  if (!complete()) {
    retry_later(now);
    return true;
  }
  backoff_.reset();
  // A refresh asked for from now on still keeps a distance from this one.
  not_before_ = now + options_.retry_backoff;
  next_at_ = std::exchange(changed_while_in_flight_, false) ? not_before_ : now + options_.max_age;
  return true;
}

bool Metadata::on_failure(const protocol::Failure& failure, TimePoint now) {
  if (failure.id != in_flight_) return false;
  in_flight_.reset();
  error_ = failure.message;
  retry_later(now);
  return true;
}

void Metadata::retry_later(TimePoint now) {
  changed_while_in_flight_ = false;
  not_before_ = now + backoff_.next(random_);
  next_at_ = not_before_;
}

bool Metadata::complete() const {
  return std::all_of(wanted_.begin(), wanted_.end(), [&](const std::string& name) {
    const Topic* found = topic(name);
    if (found == nullptr || found->error_code != 0) return false;
    return std::all_of(found->partitions.begin(), found->partitions.end(),
                       [](const PartitionInfo& partition) { return partition.leader >= 0; });
  });
}

void Metadata::take(const protocol::MetadataResponse& response, TimePoint now) {
  known_ = true;
  ++version_;
  brokers_.clear();
  std::vector<protocol::BrokerAddress> addresses;
  for (const auto& broker : response.brokers) {
    if (broker.node_id < 0 || broker.host.empty() || broker.port <= 0 || broker.port > 65535) continue;
    brokers_.push_back(broker.node_id);
    addresses.push_back({broker.node_id, broker.host, static_cast<std::uint16_t>(broker.port)});
  }
  addresses_ = std::move(addresses);
  for (const auto& topic : response.topics) take_topic(topic, now);
}

void Metadata::take_topic(const protocol::MetadataResponse::MetadataResponseTopic& answer, TimePoint now) {
  // An answer about something else would let a broker fill our memory.
  if (!answer.name || !std::binary_search(wanted_.begin(), wanted_.end(), *answer.name)) return;
  Topic& topic = topics_[*answer.name];
  if (answer.error_code != 0) {
    note_missing(topic, answer.error_code, now);
    return;
  }
  const bool recreated = !topic.id.is_zero() && topic.id != answer.topic_id;
  if (recreated) {
    names_.erase(topic.id);
    topic.partitions.clear();
  }
  topic.id = answer.topic_id;
  if (!topic.id.is_zero()) names_[topic.id] = *answer.name;
  topic.error_code = 0;
  topic.missing_since.reset();
  for (const auto& partition : answer.partitions) {
    // Partitions are numbered from 0 without holes; a number beyond that is not from an honest broker.
    if (partition.partition_index < 0) continue;
    const auto index = static_cast<std::size_t>(partition.partition_index);
    if (index >= topic.partitions.size()) {
      if (index >= answer.partitions.size()) continue;
      topic.partitions.resize(index + 1);
    }
    PartitionInfo& info = topic.partitions[index];
    if (partition.leader_epoch >= 0 && partition.leader_epoch < info.leader_epoch) continue;
    info = {partition.leader_id, partition.leader_epoch};
  }
}

void Metadata::note_missing(Topic& topic, std::int16_t code, TimePoint now) {
  topic.error_code = code;
  if (code != static_cast<std::int16_t>(KafkaError::kUnknownTopicOrPartition)) return;
  if (!topic.missing_since) topic.missing_since = now;
  if (topic.partitions.empty() || now - *topic.missing_since >= options_.missing_grace) {
    topic.partitions.clear();
  }
}

const Metadata::Topic* Metadata::topic(const std::string& name) const {
  const auto it = topics_.find(name);
  return it == topics_.end() ? nullptr : &it->second;
}

std::optional<Metadata::PartitionInfo> Metadata::partition(const TopicPartition& tp) const {
  const Topic* found = topic(tp.topic);
  if (found == nullptr || tp.partition < 0) return std::nullopt;
  const auto index = static_cast<std::size_t>(tp.partition);
  if (index >= found->partitions.size()) return std::nullopt;
  return found->partitions[index];
}

std::string Metadata::name_of(const protocol::Uuid& id) const {
  const auto it = names_.find(id);
  return it == names_.end() ? std::string() : it->second;
}

protocol::Uuid Metadata::id_of(const std::string& name) const {
  const Topic* found = topic(name);
  return found == nullptr ? protocol::Uuid{} : found->id;
}

PartitionCounts Metadata::counts() const {
  PartitionCounts counts;
  for (const auto& [name, topic] : topics_) {
    const bool answered =
        topic.error_code == 0 || topic.missing_since.has_value() || !topic.partitions.empty();
    if (answered) counts[name] = static_cast<std::int32_t>(topic.partitions.size());
  }
  return counts;
}

std::vector<protocol::NodeId> Metadata::candidates() const {
  std::vector<protocol::NodeId> nodes = brokers_;
  // With no broker answering, the bootstrap addresses may lead to new ones.
  if (nodes.empty() || error_)
    nodes.insert(nodes.end(), options_.bootstrap.begin(), options_.bootstrap.end());
  return nodes;
}

std::optional<std::vector<protocol::BrokerAddress>> Metadata::take_addresses() {
  return std::exchange(addresses_, std::nullopt);
}

}  // namespace sluice::core
