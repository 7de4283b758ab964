#include "daemon/core/group/classic_protocol.hpp"

#include "daemon/core/group/subscription_data.hpp"
#include "protocol/messages/consumer_protocol.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

namespace sluice::core {
namespace {

using protocol::Bytes;
using protocol::ConsumerProtocolAssignment;
using protocol::ConsumerProtocolSubscription;
using protocol::ErrorKind;

constexpr std::size_t kTopicNameBytesMax = 249;  // Kafka's own limit
constexpr std::size_t kOwnedMax = 100'000;       // far above what one member can own in earnest

// Both blobs list partitions by topic; both of their structs look alike.
template <class Entry>
std::vector<Entry> by_topic(const std::vector<TopicPartition>& partitions) {
  std::map<std::string, Entry> topics;
  for (const TopicPartition& tp : partitions) {
    Entry& entry = topics[tp.topic];
    entry.topic = tp.topic;
    entry.partitions.push_back(tp.partition);
  }
  std::vector<Entry> entries;
  for (auto& [topic, entry] : topics) {
    std::sort(entry.partitions.begin(), entry.partitions.end());
    entries.push_back(std::move(entry));
  }
  return entries;
}

// Appends what `subscription` claims to own. The claim may be false; it must only not be able to exhaust
// memory.
protocol::Result<std::vector<TopicPartition>> read_owned(const ConsumerProtocolSubscription& subscription) {
  std::vector<TopicPartition> owned;
  for (const auto& entry : subscription.owned_partitions) {
    if (entry.topic.size() > kTopicNameBytesMax || entry.partitions.size() > kOwnedMax - owned.size()) {
      return protocol::fail(ErrorKind::kMalformed, "owned partitions beyond every limit");
    }
    for (const std::int32_t partition : entry.partitions) owned.push_back({entry.topic, partition});
  }
  return owned;
}

}  // namespace

protocol::Result<std::vector<protocol::JoinGroupRequest::JoinGroupRequestProtocol>> make_protocols(
    const std::vector<Assignor>& strategies, const OwnSubscription& own) {
  ConsumerProtocolSubscription subscription;
  subscription.topics = own.topics;
  std::sort(subscription.topics.begin(), subscription.topics.end());
  subscription.generation_id = own.generation;
  subscription.rack_id = own.rack;
  if (own.cooperative) {
    subscription.owned_partitions = by_topic<ConsumerProtocolSubscription::TopicPartition>(own.held);
  }
  std::vector<protocol::JoinGroupRequest::JoinGroupRequestProtocol> protocols;
  for (const Assignor strategy : strategies) {
    subscription.user_data.reset();
    auto user_data = subscription_user_data(strategy, own.held, own.generation);
    if (user_data) subscription.user_data = Bytes(std::move(*user_data));
    auto blob = protocol::encode_blob(subscription);
    if (!blob) return tl::unexpected<protocol::Error>(std::move(blob.error()));
    protocols.push_back({std::string(assignor_name(strategy)), Bytes(std::move(*blob))});
  }
  return protocols;
}

protocol::Result<std::vector<TopicPartition>> parse_assignment(std::string_view blob,
                                                               const std::vector<std::string>& topics) {
  const auto assignment = protocol::decode_blob<ConsumerProtocolAssignment>(blob);
  if (!assignment) return tl::unexpected<protocol::Error>(assignment.error());
  std::vector<TopicPartition> partitions;
  for (const auto& entry : assignment->assigned_partitions) {
    // Checked before anything is copied: a name from our own subscription is short.
    if (std::find(topics.begin(), topics.end(), entry.topic) == topics.end()) {
      return protocol::fail(ErrorKind::kMalformed, "a topic that we do not subscribe to");
    }
    for (const std::int32_t partition : entry.partitions) {
      if (partition < 0) return protocol::fail(ErrorKind::kMalformed, "a negative partition");
      partitions.push_back({entry.topic, partition});
    }
  }
  std::sort(partitions.begin(), partitions.end());
  if (std::adjacent_find(partitions.begin(), partitions.end()) != partitions.end()) {
    return protocol::fail(ErrorKind::kMalformed, "the same partition twice");
  }
  return partitions;
}

protocol::Result<MemberSubscription> parse_subscription(
    Assignor assignor, const protocol::JoinGroupResponse::JoinGroupResponseMember& member) {
  auto subscription = protocol::decode_blob<ConsumerProtocolSubscription>(member.metadata.view());
  if (!subscription) return tl::unexpected<protocol::Error>(std::move(subscription.error()));
  for (const std::string& topic : subscription->topics) {
    if (topic.empty() || topic.size() > kTopicNameBytesMax) {
      return protocol::fail(ErrorKind::kMalformed, "a topic name that cannot exist");
    }
  }
  MemberSubscription parsed;
  parsed.member_id = member.member_id;
  parsed.instance_id = member.group_instance_id;
  parsed.generation = subscription->generation_id;
  parsed.rack = subscription->rack_id;
  const std::string_view user_data = subscription->user_data ? subscription->user_data->view() : "";
  if (assignor == Assignor::kSticky) {
    // Eager members own nothing in the open. As Java: only the user data counts.
    auto remembered = parse_sticky_user_data(user_data);
    if (remembered) {
      parsed.owned = std::move(remembered->owned);
      parsed.generation = remembered->generation;
    }
  } else if (is_cooperative(assignor)) {
    auto owned = read_owned(*subscription);
    if (!owned) return tl::unexpected<protocol::Error>(std::move(owned.error()));
    parsed.owned = std::move(*owned);
    if (parsed.generation < 0) parsed.generation = parse_cooperative_generation(user_data).value_or(-1);
  }
  parsed.topics = std::move(subscription->topics);
  return parsed;
}

protocol::Result<std::string> make_assignment(const std::vector<TopicPartition>& partitions) {
  ConsumerProtocolAssignment assignment;
  assignment.assigned_partitions = by_topic<ConsumerProtocolAssignment::TopicPartition>(partitions);
  return protocol::encode_blob(assignment);
}

}  // namespace sluice::core
