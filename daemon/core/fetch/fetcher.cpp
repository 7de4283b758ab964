#include "daemon/core/fetch/fetcher.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::core {

using protocol::KafkaError;
using protocol::Lane;

namespace {

constexpr std::int16_t kLastVersionByName = 12;

// The second lane must soon be free again for the next partition that has been emptied.
constexpr std::chrono::milliseconds kCatchUpWait{50};

// A response pins its whole frame until its last record is settled, so one frame is a small part of the
// budget.
constexpr std::int64_t kFramesPerBudget = 8;

// What fetching leaves free for decompression and for answers on their way out.
constexpr std::int64_t kReservedQuarter = 4;

// Not worth a request of its own.
constexpr std::int64_t kSmallestFetch = 16 << 10;

// Between attempts at what only an operator can change.
constexpr std::chrono::seconds kRefusedRetry{10};

// Budget that another consumer gives back does not wake this one.
constexpr std::chrono::milliseconds kBudgetRetry{100};

/// A frame together with the budget it takes; both end with the last record that points into it.
struct ChargedFrame {
  std::shared_ptr<const std::string> bytes;
  Charge charge;
};

}  // namespace

void Fetcher::poll(
    TimePoint now, const Metadata& metadata, Partitions& partitions, MemoryBudget& budget, Outbox& outbox) {
  // Partitions that have settled nothing since memory became short may hold what can go.
  if (budget.available() - budget.limit() / kReservedQuarter < kSmallestFetch) {
    for (auto& [tp, partition] : partitions) partition.free_settled(budget);
  }
  waits_for_budget_ = false;
  auto wanted = eligible(now, metadata, partitions, outbox);
  std::vector<protocol::NodeId> turns;
  for (const auto& [node, each] : wanted) turns.push_back(node);
  // Whoever was asked longest ago goes first, and nobody passes it: or the long polls of idle partitions
  // would hold the budget for ever.
  std::sort(turns.begin(), turns.end(), [&](protocol::NodeId a, protocol::NodeId b) {
    return std::pair(last_sent_[a], a) < std::pair(last_sent_[b], b);
  });
  for (const protocol::NodeId node : turns) {
    const bool fetch_free = lane_free(node, Lane::kFetch);
    if (!fetch_free && !lane_free(node, Lane::kCatchUp)) continue;
    const Lane lane = fetch_free ? Lane::kFetch : Lane::kCatchUp;
    send(node, lane, std::move(wanted[node]), metadata, budget, outbox);
    if (waits_for_budget_) break;
  }
  if (waits_for_budget_) outbox.wake_at(now + kBudgetRetry);
}

std::map<protocol::NodeId, std::vector<Partition*>> Fetcher::eligible(TimePoint now,
                                                                      const Metadata& metadata,
                                                                      Partitions& partitions,
                                                                      Outbox& outbox) const {
  std::map<protocol::NodeId, std::vector<Partition*>> result;
  for (auto& [tp, partition] : partitions) {
    if (!partition.ready() || partition.revoking || partition.paused || partition.fetch_in_flight) continue;
    if (partition.has_new_data() && !partition.wants_more) continue;
    if (partition.retry_at > now) {
      outbox.wake_at(partition.retry_at);
      continue;
    }
    const auto info = metadata.partition(tp);
    if (info && info->leader >= 0) result[info->leader].push_back(&partition);
  }
  return result;
}

bool Fetcher::lane_free(protocol::NodeId node, Lane lane) const {
  return std::none_of(in_flight_.begin(), in_flight_.end(),
                      [&](const auto& each) { return each.second.node == node && each.second.lane == lane; });
}

void Fetcher::send(protocol::NodeId node,
                   Lane lane,
                   std::vector<Partition*> wanted,
                   const Metadata& metadata,
                   MemoryBudget& budget,
                   Outbox& outbox) {
  // The broker fills the answer in the order asked: begin anywhere, or the last ones starve.
  std::rotate(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(random_.below(wanted.size())),
              wanted.end());
  const std::int64_t cap =
      std::max<std::int64_t>(budget.limit() / kFramesPerBudget, options_.partition_max_bytes);
  const std::int64_t free = budget.available() - budget.limit() / kReservedQuarter;
  const std::int64_t want = std::min<std::int64_t>(
      {static_cast<std::int64_t>(wanted.size()) * options_.partition_max_bytes, options_.max_bytes, cap});
  const std::int64_t least = std::min(want, kSmallestFetch);
  // With nothing charged at all, one request may go out however small the budget is: progress before thrift.
  const std::int64_t size = budget.used() == 0 ? std::max(least, std::min(want, free)) : std::min(want, free);
  if (size < least) {
    waits_for_budget_ = true;
    return;
  }

  protocol::FetchRequest request;
  const auto wait = lane == Lane::kFetch ? options_.max_wait : std::min(options_.max_wait, kCatchUpWait);
  request.max_wait_ms = static_cast<std::int32_t>(wait.count());
  request.min_bytes = options_.min_bytes;
  request.max_bytes = static_cast<std::int32_t>(size);
  request.isolation_level = static_cast<std::int8_t>(options_.isolation);
  request.rack_id = options_.rack;
  InFlight plan;
  plan.node = node;
  plan.lane = lane;
  bool ids_known = true;
  std::map<std::string, std::size_t> topic_index;
  for (Partition* partition : wanted) {
    const auto [it, added] = topic_index.emplace(partition->id.topic, request.topics.size());
    if (added) {
      request.topics.emplace_back();
      request.topics.back().topic = partition->id.topic;
      request.topics.back().topic_id = metadata.id_of(partition->id.topic);
      ids_known = ids_known && !request.topics.back().topic_id.is_zero();
    }
    protocol::FetchRequest::FetchPartition entry;
    entry.partition = partition->id.partition;
    entry.current_leader_epoch = metadata.partition(partition->id)->leader_epoch;
    entry.fetch_offset = partition->fetch_position;
    entry.partition_max_bytes =
        static_cast<std::int32_t>(std::min<std::int64_t>(options_.partition_max_bytes, size));
    request.topics[it->second].partitions.push_back(entry);
    partition->fetch_in_flight = true;
    plan.asked.push_back({partition->id, partition->incarnation, partition->fetch_position});
  }
  plan.reserved = budget.take(size);
  const auto timeout = options_.request_timeout + wait;
  const auto id = outbox.send(node, lane, std::move(request), timeout,
                              ids_known ? std::int16_t{32767} : kLastVersionByName);
  in_flight_.emplace(id, std::move(plan));
  last_sent_[node] = id;
}

bool Fetcher::on_reply(protocol::Reply& reply,
                       Metadata& metadata,
                       Partitions& partitions,
                       std::map<std::string, TopicStats>& stats,
                       TimePoint now,
                       Outbox& outbox) {
  const auto found = in_flight_.find(reply.id);
  if (found == in_flight_.end()) return false;
  InFlight plan = std::move(found->second);
  in_flight_.erase(found);

  auto charged = std::make_shared<ChargedFrame>();
  charged->bytes = reply.frame;
  charged->charge = std::move(plan.reserved);
  charged->charge.resize(reply.frame ? static_cast<std::int64_t>(reply.frame->size()) : 0);
  const std::shared_ptr<const std::string> frame(charged, charged->bytes.get());

  std::map<TopicPartition, const Answer*> answers;
  std::int16_t top_code = -1;
  if (const auto* response = std::get_if<protocol::FetchResponse>(&reply.response)) {
    top_code = response->error_code;
    for (const auto& topic : response->responses) {
      const std::string name = topic.topic.empty() ? metadata.name_of(topic.topic_id) : topic.topic;
      for (const auto& each : topic.partitions) answers[{name, each.partition_index}] = &each;
    }
  }
  for (const Asked& asked : plan.asked) {
    const auto it = partitions.find(asked.partition);
    if (it == partitions.end() || it->second.incarnation != asked.incarnation) continue;
    it->second.fetch_in_flight = false;
    const auto answer = answers.find(asked.partition);
    if (top_code != 0) {
      on_error(it->second, top_code, metadata, now, outbox);
    } else if (answer != answers.end()) {
      take(it->second, asked, *answer->second, frame, metadata, stats[asked.partition.topic], now, outbox);
    } else {
      on_error(it->second, -1, metadata, now, outbox);
    }
  }
  return true;
}

void Fetcher::take(Partition& partition,
                   const Asked& asked,
                   const Answer& answer,
                   const std::shared_ptr<const std::string>& frame,
                   Metadata& metadata,
                   TopicStats& stats,
                   TimePoint now,
                   Outbox& outbox) {
  // The position has moved since (a reset): these bytes answer a question nobody asks any more.
  if (partition.phase != PartitionPhase::kFetching || asked.offset != partition.fetch_position) return;
  if (answer.error_code != 0) {
    on_error(partition, answer.error_code, metadata, now, outbox);
    return;
  }
  partition.error.reset();
  partition.backoff.reset();
  const bool committed = options_.isolation == IsolationLevel::kReadCommitted;
  partition.end =
      committed && answer.last_stable_offset >= 0 ? answer.last_stable_offset : answer.high_watermark;
  partition.end_known_at = now;
  if (partition.forget_beyond(*partition.end)) {
    outbox.log(LogLevel::kWarn,
               to_string(partition.id) + ": the log ends at " + std::to_string(*partition.end) +
                   ", before records that are said to be settled; they were lost, and what is "
                   "written in their place is delivered");
  }
  if (answer.log_start_offset >= 0) partition.log_start = answer.log_start_offset;
  if (!answer.records || answer.records->empty()) return;

  FetchedSet set;
  set.frame = frame;
  set.records = *answer.records;
  if (committed && answer.aborted_transactions) {
    std::vector<std::pair<std::int64_t, std::int64_t>> list;
    list.reserve(answer.aborted_transactions->size());
    for (const auto& each : *answer.aborted_transactions)
      list.emplace_back(each.producer_id, each.first_offset);
    set.aborted.emplace(std::move(list));
  } else if (committed) {
    set.aborted.emplace(std::vector<std::pair<std::int64_t, std::int64_t>>{});
  }
  partition.buffer.add(set, partition.fetch_position);
  if (const auto end = partition.buffer.end(); end && *end > partition.fetch_position) {
    partition.fetch_position = *end;
    ++partition.data_version;
  } else if (!partition.buffer.has_undecoded()) {
    // Bytes without one complete batch that reaches beyond our position: asking again at once would spin.
    partition.error =
        "the broker sent " + std::to_string(set.records.size()) + " bytes without a complete batch";
    partition.retry_at = now + partition.backoff.next(random_);
    stats.corrupt_batches += 1;
    outbox.log(LogLevel::kWarn, to_string(partition.id) + ": " + *partition.error);
  } else {
    ++partition.data_version;
  }
}

void Fetcher::on_error(
    Partition& partition, std::int16_t code, Metadata& metadata, TimePoint now, Outbox& outbox) {
  const std::string text = "Fetch: " + std::string(protocol::name(code));
  switch (static_cast<KafkaError>(code)) {
    case KafkaError::kOffsetOutOfRange:
      partition.phase = PartitionPhase::kOutOfRange;
      partition.range_start.reset();
      return;
    case KafkaError::kTopicAuthorizationFailed:
      if (partition.error != text) outbox.log(LogLevel::kError, to_string(partition.id) + ": " + text);
      partition.error = text + ": grant this principal READ on the topic";
      partition.retry_at = now + kRefusedRetry;
      return;
    default:
      // Most of these say that a leader moved; the rest is retried all the same, with back-off, and shown.
      partition.error = text;
      partition.retry_at = now + partition.backoff.next(random_);
      metadata.request_refresh();
  }
}

bool Fetcher::on_failure(const protocol::Failure& failure,
                         Metadata& metadata,
                         Partitions& partitions,
                         TimePoint now) {
  const auto found = in_flight_.find(failure.id);
  if (found == in_flight_.end()) return false;
  for (const Asked& asked : found->second.asked) {
    const auto it = partitions.find(asked.partition);
    if (it == partitions.end() || it->second.incarnation != asked.incarnation) continue;
    it->second.fetch_in_flight = false;
    it->second.retry_at = now + it->second.backoff.next(random_);
    it->second.error = failure.message;
  }
  in_flight_.erase(found);
  metadata.request_refresh();
  return true;
}

}  // namespace sluice::core
