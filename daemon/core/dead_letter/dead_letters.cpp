#include "daemon/core/dead_letter/dead_letters.hpp"

#include "daemon/core/dead_letter/produce_verdict.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <deque>
#include <limits>

namespace sluice::core {

using protocol::KafkaError;

namespace {

constexpr std::int16_t kLastVersionByName = 12;
constexpr std::int16_t kAllReplicas = -1;

// Between attempts at what only an operator can change.
constexpr std::chrono::seconds kRefusedRetry{10};

// The broker gives up waiting for replicas before we give up waiting for the broker.
constexpr int kBrokerShareOfTimeout = 2;

bool may_have_arrived(protocol::FailureKind kind) {
  switch (kind) {
    case protocol::FailureKind::kConnectFailed:
    case protocol::FailureKind::kUnsupportedVersion:
    case protocol::FailureKind::kUnencodable:
      return false;
    case protocol::FailureKind::kDisconnected:
    case protocol::FailureKind::kTimedOut:
    case protocol::FailureKind::kMalformed:
      return true;
  }
  return true;
}

}  // namespace

std::int32_t sequence_after(std::int32_t sequence, std::size_t count) {
  constexpr auto kLast = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
  return static_cast<std::int32_t>((static_cast<std::uint64_t>(sequence) + count) % (kLast + 1));
}

DeadLetters::DeadLetters(Options options, std::uint64_t seed)
    : options_(std::move(options)),
      origin_{options_.group_id, options_.consumer},
      random_(seed),
      identity_({options_.request_timeout, options_.retry_backoff, options_.retry_backoff_max},
                random_.next()) {}

void DeadLetters::add(DeadLetter letter) { queue_.add(std::move(letter)); }

void DeadLetters::forget(const TopicPartition& partition, std::uint64_t incarnation) {
  queue_.forget(partition, incarnation);
}

void DeadLetters::withdraw(const TopicPartition& partition, std::uint64_t incarnation, Offset offset) {
  queue_.withdraw({partition, incarnation, offset});
}

PartitionId DeadLetters::target_of(const TopicPartition& source) const {
  return source.partition % static_cast<PartitionId>(partition_count_);
}

std::optional<std::string> DeadLetters::error(const TopicPartition& partition) const {
  if (!queue_.waiting(partition)) return std::nullopt;
  if (topic_error_) return topic_error_;
  if (partition_count_ > 0) {
    const auto lane = lanes_.find(target_of(partition));
    if (lane != lanes_.end() && lane->second.error) return lane->second.error;
  }
  return identity_.error();
}

std::optional<std::string> DeadLetters::error() const {
  std::optional<std::string> first;
  queue_.each_partition([&](const TopicPartition& partition) {
    if (!first) first = error(partition);
  });
  return first;
}

bool DeadLetters::in_flight() const {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const auto& each) { return each.second.parcel && each.second.parcel->request; });
}

void DeadLetters::poll(TimePoint now, const Metadata& metadata, MemoryBudget& budget, Outbox& outbox) {
  if (options_.topic.empty()) return;
  const bool usable = queue_.size() > 0 && look_at_topic(metadata, outbox);
  for (auto& [target, lane] : lanes_) give_up_orphans(target, lane);
  if (!usable) return;
  identity_.poll(now, metadata, outbox);
  open_lanes();
  for (auto& [target, lane] : lanes_) poll_lane(target, lane, now, metadata, budget, outbox);
}

bool DeadLetters::look_at_topic(const Metadata& metadata, Outbox& outbox) {
  const Metadata::Topic* topic = metadata.topic(options_.topic);
  if (topic == nullptr) return false;  // not answered yet
  if (topic->partitions.empty()) {
    // Metadata itself asks again and again for a topic that has an error.
    std::string problem = topic_problem_text(topic->error_code, options_.topic);
    if (topic_error_ != problem) outbox.log(LogLevel::kError, "dead letters are stuck: " + problem);
    topic_error_ = std::move(problem);
    return false;
  }
  topic_error_.reset();
  partition_count_ = topic->partitions.size();
  return true;
}

void DeadLetters::open_lanes() {
  queue_.each_partition([&](const TopicPartition& source) {
    lanes_.try_emplace(target_of(source), Backoff(options_.retry_backoff, options_.retry_backoff_max));
  });
}

/// A batch whose letters have all been forgotten need not be repeated. Its sequence numbers may be used up or
/// not: nobody may go on with them.
void DeadLetters::give_up_orphans(PartitionId target, Lane& lane) {
  if (lane.refused && queue_.find(*lane.refused) == nullptr) {
    lane.refused.reset();
    lane.error.reset();
    lane.retry_at = TimePoint::min();
  }
  if (!lane.parcel || lane.parcel->request) return;
  const bool wanted = std::any_of(lane.parcel->letters.begin(), lane.parcel->letters.end(),
                                  [&](const LetterKey& key) { return queue_.find(key) != nullptr; });
  // A topic made anew with fewer partitions leaves no place to repeat it to.
  const bool has_place = partition_count_ == 0 || static_cast<std::size_t>(target) < partition_count_;
  if (!wanted || !has_place) unpack(lane);
}

bool DeadLetters::has_free(PartitionId target) const {
  bool found = false;
  queue_.each_free([&](const TopicPartition& source) { return target_of(source) == target; },
                   [&](const DeadLetter&) {
                     found = true;
                     return false;
                   });
  return found;
}

void DeadLetters::poll_lane(PartitionId target,
                            Lane& lane,
                            TimePoint now,
                            const Metadata& metadata,
                            MemoryBudget& budget,
                            Outbox& outbox) {
  if (lane.parcel && lane.parcel->request) return;
  if (!lane.parcel && (!identity_.current() || !has_free(target))) return;
  const auto info = metadata.partition({options_.topic, target});
  if (!info || info->leader < 0) {
    // Metadata asks again by itself as long as a partition has no leader.
    lane.error = to_string(TopicPartition{options_.topic, target}) + " has no leader";
    return;
  }
  if (lane.retry_at > now && info->leader == lane.leader) {
    outbox.wake_at(lane.retry_at);
    return;
  }
  if (!lane.parcel) pack(target, lane, budget);
  send(target, lane, info->leader, metadata, outbox);
}

void DeadLetters::pack(PartitionId target, Lane& lane, MemoryBudget& budget) {
  const ProducerIdentity::Identity& identity = *identity_.current();
  if (lane.generation != identity.generation) {
    lane.generation = identity.generation;
    lane.next_sequence = 0;
  }
  const std::size_t records_max = lane.singles > 0 ? 1 : std::max<std::size_t>(options_.batch_records_max, 1);
  const auto bytes_max = static_cast<std::size_t>(std::max<std::int64_t>(options_.batch_bytes_max, 0));
  Parcel parcel;
  std::deque<LetterRecord> texts;  // a deque: they must not move
  std::vector<protocol::NewRecord> records;
  std::size_t bytes = protocol::kBatchOverhead;
  queue_.each_free([&](const TopicPartition& source) { return target_of(source) == target; },
                   [&](const DeadLetter& letter) {
                     const protocol::NewRecord& record = texts.emplace_back(letter, origin_).record();
                     bytes += protocol::record_size_bound(record);
                     if (!records.empty() && bytes > bytes_max) return false;
                     records.push_back(record);
                     parcel.letters.push_back(key_of(letter));
                     return records.size() < records_max;
                   });
  parcel.generation = identity.generation;
  parcel.base_sequence = identity.idempotent() ? lane.next_sequence : -1;
  parcel.bytes = std::make_shared<const std::string>(
      protocol::encode_batch({identity.producer_id, identity.producer_epoch, parcel.base_sequence}, records));
  // Whether it fits or not: what is condemned holds memory until it is written.
  parcel.charge = budget.take(static_cast<std::int64_t>(parcel.bytes->size()));
  for (const LetterKey& key : parcel.letters) queue_.bind(key, true);
  lane.parcel = std::move(parcel);
}

void DeadLetters::send(
    PartitionId target, Lane& lane, protocol::NodeId leader, const Metadata& metadata, Outbox& outbox) {
  protocol::ProduceRequest request;
  request.acks = kAllReplicas;
  request.timeout_ms = static_cast<std::int32_t>(options_.request_timeout.count() / kBrokerShareOfTimeout);
  protocol::ProduceRequest::TopicProduceData topic;
  topic.name = options_.topic;
  topic.topic_id = metadata.id_of(options_.topic);
  const bool id_known = !topic.topic_id.is_zero();
  topic.partition_data.push_back({target, std::string_view(*lane.parcel->bytes)});
  request.topic_data.push_back(std::move(topic));
  lane.leader = leader;
  lane.parcel->request =
      outbox.send(leader, protocol::Lane::kProduce, std::move(request), options_.request_timeout,
                  id_known ? std::int16_t{32767} : kLastVersionByName);
}

bool DeadLetters::on_reply(const protocol::Reply& reply, Metadata& metadata, TimePoint now, Outbox& outbox) {
  if (identity_.on_reply(reply, now, outbox)) return true;
  for (auto& [target, lane] : lanes_) {
    if (!lane.parcel || lane.parcel->request != reply.id) continue;
    lane.parcel->request.reset();
    Answer answer;
    answer.error_code = static_cast<std::int16_t>(KafkaError::kUnknownServerError);
    if (const auto* response = std::get_if<protocol::ProduceResponse>(&reply.response)) {
      for (const auto& topic : response->responses) {
        for (const Answer& each : topic.partition_responses) {
          if (each.index == target) answer = each;
        }
      }
    }
    take(target, lane, answer, metadata, now, outbox);
    return true;
  }
  return false;
}

bool DeadLetters::on_failure(const protocol::Failure& failure, Metadata& metadata, TimePoint now) {
  if (identity_.on_failure(failure, now)) return true;
  for (auto& [target, lane] : lanes_) {
    if (!lane.parcel || lane.parcel->request != failure.id) continue;
    lane.parcel->request.reset();
    if (may_have_arrived(failure.kind)) lane.parcel->maybe_written = true;
    lane.error = "Produce to " + to_string(TopicPartition{options_.topic, target}) + ": " + failure.message;
    lane.retry_at = now + lane.backoff.next(random_);
    metadata.request_refresh();
    return true;
  }
  return false;
}

void DeadLetters::take(
    PartitionId target, Lane& lane, const Answer& answer, Metadata& metadata, TimePoint now, Outbox& outbox) {
  const std::int16_t code = answer.error_code;
  const std::uint64_t generation = lane.parcel->generation;
  switch (verdict_of(code)) {
    case ProduceVerdict::kWritten:
      finish(target, lane, answer.base_offset);
      return;
    case ProduceVerdict::kRepeat:
      lane.parcel->maybe_written = true;
      break;
    case ProduceVerdict::kNewProducer:
      outbox.log(LogLevel::kWarn, "dead letters: " + protocol::name(code) +
                                      ": going on with a new producer id; some may be written twice");
      identity_.replace(generation);
      unpack(lane);
      break;
    case ProduceVerdict::kNoIdempotence:
      if (lane.parcel->base_sequence < 0) {
        refuse(lane, answer, false, now, outbox);
        return;
      }
      identity_.do_without("Produce: " + protocol::name(code), outbox);
      unpack(lane);
      return;
    case ProduceVerdict::kRecordRefused:
      refuse(lane, answer, true, now, outbox);
      return;
    case ProduceVerdict::kUnclear:
      lane.parcel->maybe_written = true;
      refuse(lane, answer, false, now, outbox);
      return;
    case ProduceVerdict::kRefused:
      refuse(lane, answer, false, now, outbox);
      return;
  }
  lane.error = repeat_text(code, to_string(TopicPartition{options_.topic, target}));
  lane.retry_at = now + lane.backoff.next(random_);
  if (protocol::refreshes_metadata(code)) metadata.request_refresh();
}

void DeadLetters::finish(PartitionId target, Lane& lane, Offset base_offset) {
  const Parcel parcel = std::move(*lane.parcel);
  lane.parcel.reset();
  // With an older identity the lane begins at 0 under the new one anyway.
  if (parcel.base_sequence >= 0) {
    lane.next_sequence = sequence_after(parcel.base_sequence, parcel.letters.size());
  }
  lane.singles -= std::min(lane.singles, parcel.letters.size());
  lane.backoff.reset();
  lane.retry_at = TimePoint::min();
  lane.error.reset();
  lane.refused.reset();
  Offset offset = base_offset;
  for (const LetterKey& key : parcel.letters) {
    const Offset written_at = base_offset < 0 ? -1 : offset++;
    auto letter = queue_.remove(key);
    if (!letter) continue;  // forgotten meanwhile
    done_.push_back({std::move(letter->partition),
                     letter->incarnation,
                     letter->offsets,
                     {options_.topic, target},
                     written_at,
                     std::move(letter->cause)});
  }
}

void DeadLetters::refuse(Lane& lane, const Answer& answer, bool of_record, TimePoint now, Outbox& outbox) {
  const std::size_t count = lane.parcel->letters.size();
  if (of_record && count > 1) {
    lane.singles = count;
    unpack(lane);
    return;
  }
  const LetterKey first = lane.parcel->letters.front();
  std::string text = refusal_text(answer.error_code, {options_.topic, to_string(first),
                                                      lane.parcel->bytes->size(), answer.error_message});
  if (lane.error != text) outbox.log(LogLevel::kError, "dead letters are stuck: " + text);
  lane.error = std::move(text);
  lane.retry_at = now + kRefusedRetry;
  lane.refused.reset();
  if (of_record) lane.refused = first;
  // An earlier attempt of unknown fate keeps the batch as it is: once it is let in, the broker recognises it.
  if (!lane.parcel->maybe_written) unpack(lane);
}

void DeadLetters::unpack(Lane& lane) {
  if (lane.parcel->maybe_written) identity_.replace(lane.parcel->generation);
  for (const LetterKey& key : lane.parcel->letters) queue_.bind(key, false);
  lane.parcel.reset();
}

}  // namespace sluice::core
