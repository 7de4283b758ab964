#include "daemon/core/fetch/list_offsets.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::core {

std::optional<ListOffsets::Purpose> ListOffsets::purpose_of(Partition& partition,
                                                            TimePoint now,
                                                            Outbox& outbox) const {
  const bool wants_end = partition.phase == PartitionPhase::kFetching && !partition.fetch_in_flight;
  const TimePoint due = partition.phase == PartitionPhase::kFetching
                            ? partition.end_known_at + options_.end_refresh
                            : partition.retry_at;
  const TimePoint at = std::max(due, partition.retry_at);
  switch (partition.phase) {
    case PartitionPhase::kCommittedOffset:
    case PartitionPhase::kStopped:
      return std::nullopt;
    case PartitionPhase::kReset:
    case PartitionPhase::kSeek:
    case PartitionPhase::kOutOfRange:
      break;
    case PartitionPhase::kFetching:
      if (!wants_end) return std::nullopt;
      break;
  }
  if (at > now) {
    outbox.wake_at(at);
    return std::nullopt;
  }
  if (partition.phase == PartitionPhase::kReset) return Purpose::kReset;
  if (partition.phase == PartitionPhase::kSeek) return Purpose::kSeek;
  if (partition.phase == PartitionPhase::kFetching) return Purpose::kEnd;
  return partition.range_start ? Purpose::kRangeEnd : Purpose::kRangeStart;
}

bool ListOffsets::busy(protocol::NodeId node) const {
  return std::any_of(in_flight_.begin(), in_flight_.end(),
                     [&](const auto& each) { return each.second.node == node; });
}

void ListOffsets::poll(TimePoint now, const Metadata& metadata, Partitions& partitions, Outbox& outbox) {
  std::map<protocol::NodeId, InFlight> plans;
  std::map<protocol::NodeId, std::map<std::string, protocol::ListOffsetsRequest::ListOffsetsTopic>> topics;
  for (auto& [tp, partition] : partitions) {
    if (partition.phase == PartitionPhase::kReset && options_.reset == OffsetReset::kNone) {
      partition.phase = PartitionPhase::kStopped;
      partition.error =
          "no committed offset, and auto.offset.reset is none: commit an offset for the group, or set " +
          std::string("auto.offset.reset to earliest or latest");
      outbox.log(LogLevel::kError, to_string(tp) + ": " + *partition.error);
      continue;
    }
    const auto info = metadata.partition(tp);
    if (!info || info->leader < 0 || busy(info->leader)) continue;
    const auto purpose = purpose_of(partition, now, outbox);
    if (!purpose) continue;
    auto& topic = topics[info->leader][tp.topic];
    topic.name = tp.topic;
    topic.partitions.push_back({tp.partition, info->leader_epoch, timestamp_for(partition, *purpose)});
    plans[info->leader].asked[tp] = {partition.incarnation, *purpose};
  }
  for (auto& [node, plan] : plans) {
    protocol::ListOffsetsRequest request;
    request.replica_id = -1;
    request.isolation_level = static_cast<std::int8_t>(options_.isolation);
    request.timeout_ms = static_cast<std::int32_t>(options_.request_timeout.count());
    for (auto& [name, topic] : topics[node]) request.topics.push_back(std::move(topic));
    plan.node = node;
    const auto id = outbox.send(node, protocol::Lane::kControl, std::move(request), options_.request_timeout);
    in_flight_.emplace(id, std::move(plan));
  }
}

std::int64_t ListOffsets::timestamp_for(const Partition& partition, Purpose purpose) const {
  switch (purpose) {
    case Purpose::kReset:
      return options_.reset == OffsetReset::kEarliest ? kEarliest : kLatest;
    case Purpose::kSeek:
      return partition.seek_timestamp;
    case Purpose::kRangeStart:
      return kEarliest;
    case Purpose::kRangeEnd:
    case Purpose::kEnd:
      return kLatest;
  }
  return kLatest;
}

bool ListOffsets::on_reply(const protocol::Reply& reply,
                           Metadata& metadata,
                           Partitions& partitions,
                           std::map<std::string, TopicStats>& stats,
                           TimePoint now,
                           Outbox& outbox) {
  const auto found = in_flight_.find(reply.id);
  if (found == in_flight_.end()) return false;
  InFlight plan = std::move(found->second);
  in_flight_.erase(found);
  std::map<TopicPartition, protocol::ListOffsetsResponse::ListOffsetsPartitionResponse> answers;
  if (const auto* response = std::get_if<protocol::ListOffsetsResponse>(&reply.response)) {
    for (const auto& topic : response->topics) {
      for (const auto& each : topic.partitions) answers[{topic.name, each.partition_index}] = each;
    }
  }
  for (const auto& [tp, asked] : plan.asked) {
    const auto it = partitions.find(tp);
    if (it == partitions.end() || it->second.incarnation != asked.incarnation) continue;
    Partition& partition = it->second;
    const auto answer = answers.find(tp);
    if (asked.purpose == Purpose::kSeek && answer != answers.end() && answer->second.error_code == 0 &&
        answer->second.offset < 0 && partition.seek_timestamp >= 0) {
      partition.seek_timestamp = kLatest;  // no record is that new: go on behind the last one
      continue;
    }
    if (answer == answers.end() || answer->second.error_code != 0 || answer->second.offset < 0) {
      const std::int16_t code = answer == answers.end() ? std::int16_t{-1} : answer->second.error_code;
      partition.retry_at = now + partition.backoff.next(random_);
      if (asked.purpose != Purpose::kEnd)
        partition.error = "ListOffsets: " + std::string(protocol::name(code));
      metadata.request_refresh();
      continue;
    }
    take(partition, asked.purpose, answer->second.offset, stats[tp.topic], now, outbox);
  }
  return true;
}

bool ListOffsets::on_failure(const protocol::Failure& failure,
                             Metadata& metadata,
                             Partitions& partitions,
                             TimePoint now) {
  const auto found = in_flight_.find(failure.id);
  if (found == in_flight_.end()) return false;
  for (const auto& [tp, asked] : found->second.asked) {
    const auto it = partitions.find(tp);
    if (it == partitions.end() || it->second.incarnation != asked.incarnation) continue;
    it->second.retry_at = now + it->second.backoff.next(random_);
    if (asked.purpose != Purpose::kEnd) it->second.error = failure.message;
  }
  in_flight_.erase(found);
  metadata.request_refresh();
  return true;
}

void ListOffsets::take(
    Partition& partition, Purpose purpose, Offset offset, TopicStats& stats, TimePoint now, Outbox& outbox) {
  switch (purpose) {
    case Purpose::kReset:
      if (partition.phase != PartitionPhase::kReset) return;
      partition.backoff.reset();
      partition.error.reset();
      partition.start_at(offset);
      outbox.log(LogLevel::kInfo,
                 to_string(partition.id) + ": no committed offset, beginning at " + std::to_string(offset));
      return;
    case Purpose::kSeek:
      if (partition.phase != PartitionPhase::kSeek) return;
      partition.backoff.reset();
      partition.error.reset();
      partition.start_at(offset);
      outbox.log(LogLevel::kInfo, to_string(partition.id) + ": going on at " + std::to_string(offset));
      return;
    case Purpose::kRangeStart:
      if (partition.phase == PartitionPhase::kOutOfRange) partition.range_start = offset;
      return;
    case Purpose::kRangeEnd:
      if (partition.phase == PartitionPhase::kOutOfRange)
        resolve_range(partition, offset, stats, now, outbox);
      return;
    case Purpose::kEnd:
      partition.end = offset;
      partition.end_known_at = now;
      return;
  }
}

/// Retention overtook us: go on at the log start and count what is gone. Beyond the end: somebody truncated
/// the log or committed a wrong offset; jumping anywhere would lose or repeat records, so stop and say so.
void ListOffsets::resolve_range(
    Partition& partition, Offset end, TopicStats& stats, TimePoint now, Outbox& outbox) {
  const Offset start = *partition.range_start;
  partition.range_start.reset();
  const Offset wanted = partition.fetch_position;
  if (wanted > end) {
    partition.phase = PartitionPhase::kStopped;
    partition.error = "position " + std::to_string(wanted) + " is beyond the end of the log (" +
                      std::to_string(end) +
                      "): the log was truncated or a wrong offset was committed; reset the group's offset";
    outbox.log(LogLevel::kError, to_string(partition.id) + ": " + *partition.error);
    return;
  }
  partition.phase = PartitionPhase::kFetching;
  partition.end = end;
  partition.end_known_at = now;
  if (wanted >= start) {  // in range after all: the broker that refused it was behind
    partition.retry_at = now + partition.backoff.next(random_);
    return;
  }
  const Offset before = partition.next_unread();
  const std::int64_t lost = partition.lose_below(start);
  if (lost > 0) stats.skipped["retention"] += static_cast<std::uint64_t>(lost);
  partition.fetch_position = start;
  partition.error.reset();
  outbox.log(LogLevel::kWarn, to_string(partition.id) + ": records " + std::to_string(before) + " to " +
                                  std::to_string(start - 1) +
                                  " were deleted by retention before they could be read; going on at " +
                                  std::to_string(start));
}

}  // namespace sluice::core
