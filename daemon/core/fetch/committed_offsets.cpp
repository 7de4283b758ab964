#include "daemon/core/fetch/committed_offsets.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <map>
#include <utility>

namespace sluice::core {

using protocol::KafkaError;

namespace {

constexpr std::int16_t kLastVersionByName = 9;

}  // namespace

CommittedOffsets::CommittedOffsets(Options options, std::uint64_t seed)
    : options_(std::move(options)),
      random_(seed),
      backoff_(options_.retry_backoff, options_.retry_backoff_max) {}

void CommittedOffsets::poll(TimePoint now,
                            std::optional<protocol::NodeId> coordinator,
                            const Metadata& metadata,
                            Partitions& partitions,
                            Outbox& outbox) {
  if (in_flight_ || !coordinator) return;
  std::map<std::string, std::vector<std::int32_t>> wanted;
  asked_.clear();
  for (auto& [tp, partition] : partitions) {
    if (partition.phase != PartitionPhase::kCommittedOffset) continue;
    if (partition.retry_at > now) {
      outbox.wake_at(partition.retry_at);
      continue;
    }
    wanted[tp.topic].push_back(tp.partition);
    asked_.emplace_back(tp, partition.incarnation);
  }
  if (wanted.empty()) return;
  if (retry_at_ > now) {
    outbox.wake_at(retry_at_);
    return;
  }
  protocol::OffsetFetchRequest request;
  request.group_id = options_.group_id;
  request.require_stable = true;
  request.topics.emplace();
  protocol::OffsetFetchRequest::OffsetFetchRequestGroup group;
  group.group_id = options_.group_id;
  group.topics.emplace();
  bool ids_known = true;
  for (const auto& [name, numbers] : wanted) {
    const protocol::Uuid id = metadata.id_of(name);
    ids_known = ids_known && !id.is_zero();
    request.topics->push_back({name, numbers});
    group.topics->push_back({name, id, numbers});
  }
  request.groups.push_back(std::move(group));
  in_flight_ = outbox.send(*coordinator, protocol::Lane::kGroup, std::move(request), options_.request_timeout,
                           ids_known ? std::int16_t{32767} : kLastVersionByName);
}

bool CommittedOffsets::on_reply(
    const protocol::Reply& reply, Metadata& metadata, Partitions& partitions, TimePoint now, Outbox& outbox) {
  if (reply.id != in_flight_) return false;
  in_flight_.reset();
  const auto* response = std::get_if<protocol::OffsetFetchResponse>(&reply.response);
  std::int16_t group_code = response == nullptr ? std::int16_t{-1} : response->error_code;
  std::map<TopicPartition, Answer> answers;
  if (response != nullptr) {
    for (const auto& topic : response->topics) {
      for (const auto& each : topic.partitions) {
        answers[{topic.name, each.partition_index}] = {each.committed_offset, each.committed_leader_epoch,
                                                       each.error_code, each.metadata.value_or("")};
      }
    }
    for (const auto& group : response->groups) {
      if (group.error_code != 0) group_code = group.error_code;
      for (const auto& topic : group.topics) {
        const std::string name = topic.name.empty() ? metadata.name_of(topic.topic_id) : topic.name;
        for (const auto& each : topic.partitions) {
          answers[{name, each.partition_index}] = {each.committed_offset, each.committed_leader_epoch,
                                                   each.error_code, each.metadata.value_or("")};
        }
      }
    }
  }
  if (group_code != 0) {
    group_error_ =
        GroupError{group_code, reply.node, "OffsetFetch: " + std::string(protocol::name(group_code))};
    retry_later(now);
    return true;
  }
  backoff_.reset();
  for (const auto& [tp, incarnation] : asked_) {
    const auto it = partitions.find(tp);
    if (it == partitions.end() || it->second.incarnation != incarnation) continue;
    const auto answer = answers.find(tp);
    if (answer == answers.end()) {
      // A partition that is missing from the answer has not been answered: never taken for "nothing
      // committed".
      it->second.retry_at = now + it->second.backoff.next(random_);
      it->second.error = "OffsetFetch: the coordinator's answer lacks this partition";
      continue;
    }
    // The id that we asked for may be that of a topic which was deleted and made anew.
    if (protocol::refreshes_metadata(answer->second.error_code)) metadata.request_refresh();
    take(it->second, answer->second, now, outbox);
  }
  return true;
}

void CommittedOffsets::take(Partition& partition, const Answer& answer, TimePoint now, Outbox& outbox) {
  if (answer.error_code != 0) {
    partition.retry_at = now + partition.backoff.next(random_);
    partition.error = "OffsetFetch: " + std::string(protocol::name(answer.error_code));
    return;
  }
  partition.backoff.reset();
  partition.error.reset();
  if (answer.offset < 0) {
    partition.phase = PartitionPhase::kReset;
    return;
  }
  partition.committed = answer.offset;
  partition.committed_epoch = answer.leader_epoch;
  const ParsedMetadata known = parse_metadata(answer.metadata, answer.offset);
  partition.metadata.text = answer.metadata;
  partition.metadata.foreign = known.kind == MetadataKind::kForeign;
  if (known.kind == MetadataKind::kUnreadable) {
    outbox.log(LogLevel::kWarn, to_string(partition.id) + ": what was settled above offset " +
                                    std::to_string(answer.offset) + " may come again: " + known.problem);
  } else if (known.kind == MetadataKind::kForeign) {
    outbox.log(LogLevel::kWarn,
               to_string(partition.id) +
                   ": another program keeps a text with the committed offset; it is left as it is, so acks "
                   "above a gap are not kept over a restart");
  }
  partition.start_at(answer.offset, known.data);
  partition.watermark_epoch = answer.leader_epoch;
}

bool CommittedOffsets::on_failure(const protocol::Failure& failure, TimePoint now) {
  if (failure.id != in_flight_) return false;
  in_flight_.reset();
  group_error_ = GroupError{0, failure.node, failure.message};
  retry_later(now);
  return true;
}

}  // namespace sluice::core
