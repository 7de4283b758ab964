#include "daemon/core/commit/committer.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <map>

namespace sluice::core {

using protocol::KafkaError;

namespace {

constexpr std::int16_t kLastVersionByName = 9;

// Between attempts at what only an operator can change.
constexpr std::chrono::seconds kRefusedRetry{10};

bool is_group_error(std::int16_t code) {
  switch (static_cast<KafkaError>(code)) {
    case KafkaError::kCoordinatorLoadInProgress:
    case KafkaError::kCoordinatorNotAvailable:
    case KafkaError::kNotCoordinator:
    case KafkaError::kRequestTimedOut:
    case KafkaError::kIllegalGeneration:
    case KafkaError::kUnknownMemberId:
    case KafkaError::kRebalanceInProgress:
    case KafkaError::kGroupAuthorizationFailed:
    case KafkaError::kInvalidGroupId:
    case KafkaError::kFencedInstanceId:
      return true;
    default:
      return false;
  }
}

const char* result_label(std::int16_t code) {
  switch (static_cast<KafkaError>(code)) {
    case KafkaError::kNone:
      return "ok";
    case KafkaError::kIllegalGeneration:
    case KafkaError::kUnknownMemberId:
    case KafkaError::kFencedInstanceId:
      return "fenced";
    case KafkaError::kRebalanceInProgress:
      return "retriable";
    default:
      return protocol::is_retriable(code) ? "retriable" : "failed";
  }
}

}  // namespace

Committer::Committer(Options options, std::uint64_t seed)
    : options_(std::move(options)),
      random_(seed),
      backoff_(options_.retry_backoff, options_.retry_backoff_max) {}

bool Committer::dirty(const Partitions& partitions) {
  return std::any_of(partitions.begin(), partitions.end(),
                     [](const auto& each) { return each.second.needs_commit(); });
}

void Committer::poll(TimePoint now,
                     std::optional<protocol::NodeId> coordinator,
                     const std::optional<MemberIdentity>& identity,
                     const Metadata& metadata,
                     Partitions& partitions,
                     Outbox& outbox) {
  finish_waiting(partitions, now);
  if (!due(partitions, now, outbox)) return;
  if (in_flight_ || !coordinator || !identity || identity->generation < 0) return;
  InFlight next;
  protocol::OffsetCommitRequest request;
  for (auto& [tp, partition] : partitions) {
    if (!partition.needs_commit()) continue;
    if (partition.commit_retry_at > now) {
      outbox.wake_at(partition.commit_retry_at);
      continue;
    }
    plan(partition, metadata, next, request);
  }
  finish_waiting(partitions, now);
  if (next.targets.empty()) return;
  if (retry_at_ > now) {
    outbox.wake_at(retry_at_);
    return;
  }
  const bool ids_known = std::all_of(request.topics.begin(), request.topics.end(),
                                     [](const auto& topic) { return !topic.topic_id.is_zero(); });
  request.group_id = options_.group_id;
  request.generation_id_or_member_epoch = identity->generation;
  request.member_id = identity->member_id;
  request.group_instance_id = identity->instance_id;
  next.generation = identity->generation;
  next.sent_at = now;
  next.id = outbox.send(*coordinator, protocol::Lane::kGroup, std::move(request), options_.request_timeout,
                        ids_known ? std::int16_t{32767} : kLastVersionByName);
  in_flight_ = std::move(next);
  flush_ = false;
  dirty_since_.reset();
}

/// By the policy, or because somebody waits.
bool Committer::due(const Partitions& partitions, TimePoint now, Outbox& outbox) {
  if (flush_ || !waiting_.empty()) return true;
  if (options_.every_records <= 1 && options_.interval <= Duration{}) return true;
  if (!dirty(partitions)) {
    dirty_since_.reset();
    return false;
  }
  if (!dirty_since_) dirty_since_ = now;
  std::int64_t settled = 0;
  for (const auto& [tp, partition] : partitions) {
    if (partition.revoking) return true;
    if (partition.ledger) settled += partition.ledger->settled_total() - partition.settled_at_commit;
  }
  const bool by_count = options_.every_records > 1 || options_.interval <= Duration{};
  if (by_count && settled >= options_.every_records) return true;
  if (options_.interval <= Duration{}) return false;
  if (*dirty_since_ + options_.interval <= now) return true;
  outbox.wake_at(*dirty_since_ + options_.interval);
  return false;
}

/// Adds a partition to the next commit, unless the coordinator knows all that it would be told.
void Committer::plan(Partition& partition,
                     const Metadata& metadata,
                     InFlight& plan,
                     protocol::OffsetCommitRequest& request) {
  const Offset watermark = partition.ledger->watermark();
  std::string text = partition.metadata.text;
  if (!partition.metadata.foreign)
    text = encode_metadata(partition.commit_metadata(), watermark, partition.metadata.limit).text;
  if (watermark == partition.committed.value_or(partition.start) && text == partition.metadata.text &&
      !partition.moved) {
    partition.committed_version = partition.ledger->version();
    return;
  }
  const TopicPartition& tp = partition.id;
  if (request.topics.empty() || request.topics.back().name != tp.topic) {
    request.topics.emplace_back();
    request.topics.back().name = tp.topic;
    request.topics.back().topic_id = metadata.id_of(tp.topic);
  }
  request.topics.back().partitions.push_back({tp.partition, watermark, partition.watermark_epoch, text});
  partition.settled_at_commit = partition.ledger->settled_total();
  plan.targets.push_back(
      {tp, partition.incarnation, watermark, partition.ledger->version(), std::move(text)});
}

bool Committer::on_reply(const protocol::Reply& reply,
                         Metadata& metadata,
                         Partitions& partitions,
                         ConsumerStats& stats,
                         TimePoint now,
                         std::int64_t wall_ms) {
  if (!in_flight_ || reply.id != in_flight_->id) return false;
  const InFlight plan = std::move(*in_flight_);
  in_flight_.reset();
  std::map<TopicPartition, std::int16_t> codes;
  if (const auto* response = std::get_if<protocol::OffsetCommitResponse>(&reply.response)) {
    for (const auto& topic : response->topics) {
      const std::string name = topic.name.empty() ? metadata.name_of(topic.topic_id) : topic.name;
      for (const auto& each : topic.partitions) codes[{name, each.partition_index}] = each.error_code;
    }
  }
  bool all_ok = true;
  for (const Sent& target : plan.targets) {
    const auto code_at = codes.find(target.partition);
    const std::int16_t code = code_at == codes.end() ? std::int16_t{-1} : code_at->second;
    ++stats.commits[result_label(code)];
    const auto it = partitions.find(target.partition);
    Partition* partition =
        it != partitions.end() && it->second.incarnation == target.incarnation ? &it->second : nullptr;
    if (code == 0) {
      stats.last_commit_wall_ms = wall_ms;
      if (partition == nullptr) continue;
      partition->committed = target.offset;
      partition->committed_version = target.version;
      partition->metadata.text = target.metadata;
      partition->moved = false;
      continue;
    }
    all_ok = false;
    if (is_group_error(code)) {
      const std::string message =
          to_string(target.partition) + ": OffsetCommit: " + std::string(protocol::name(code));
      group_error_ = GroupError{code, plan.generation, reply.node, message};
    } else if (partition != nullptr) {
      take_error(target, partition, code, metadata, now);
    }
  }
  if (all_ok) {
    backoff_.reset();
    stats.commit_seconds.observe(std::chrono::duration<double>(now - plan.sent_at).count());
  } else if (group_error_) {
    retry_later(now);
  }
  finish_waiting(partitions, now);
  return true;
}

/// Of this partition alone (topic gone, not authorised): the others must not wait for it.
void Committer::take_error(
    const Sent& target, Partition* partition, std::int16_t code, Metadata& metadata, TimePoint now) {
  if (static_cast<KafkaError>(code) == KafkaError::kOffsetMetadataTooLarge && !target.metadata.empty()) {
    // The broker takes less than it does by default. Without any text it takes the offset at least.
    partition->metadata.limit = target.metadata.size() / 2;
    if (partition->metadata.foreign) partition->metadata.text.clear();
    return;
  }
  const bool retriable = protocol::is_retriable(code);
  if (!retriable) fail_waiting(target.partition);
  partition->commit_retry_at = now + (retriable ? partition->backoff.next(random_) : kRefusedRetry);
  partition->error = "OffsetCommit: " + std::string(protocol::name(code));
  if (protocol::refreshes_metadata(code)) metadata.request_refresh();
}

bool Committer::on_failure(const protocol::Failure& failure, ConsumerStats& stats, TimePoint now) {
  if (!in_flight_ || failure.id != in_flight_->id) return false;
  group_error_ = GroupError{0, in_flight_->generation, failure.node, failure.message};
  in_flight_.reset();
  ++stats.commits["retriable"];
  retry_later(now);
  return true;
}

std::uint64_t Committer::ticket_for(const std::vector<PartitionProgress>& offsets,
                                    const Partitions& partitions,
                                    TimePoint now) {
  Waiting waiting;
  waiting.deadline = now + options_.request_timeout;
  for (const PartitionProgress& each : offsets) {
    const auto it = partitions.find(each.partition);
    if (it == partitions.end() || !it->second.needs_commit()) continue;
    waiting.targets.push_back({each.partition, it->second.incarnation, it->second.ledger->version()});
  }
  if (waiting.targets.empty()) return 0;
  waiting.ticket = ++last_ticket_;
  waiting_.push_back(std::move(waiting));
  return last_ticket_;
}

/// What was settled stays so and is committed later, if ever; but nobody can be told that it is.
void Committer::fail_waiting(const TopicPartition& partition) {
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    const bool concerned = std::any_of(waiting.targets.begin(), waiting.targets.end(),
                                       [&](const Target& target) { return target.partition == partition; });
    if (concerned) done_.push_back({waiting.ticket, CommitOutcome::kFailed});
    return concerned;
  });
}

void Committer::finish_waiting(const Partitions& partitions, TimePoint now) {
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    bool fenced = false;
    bool open = false;
    for (const Target& target : waiting.targets) {
      const auto it = partitions.find(target.partition);
      if (it == partitions.end() || it->second.incarnation != target.incarnation) {
        fenced = true;
      } else if (it->second.committed_version < target.version) {
        open = true;
        break;
      }
    }
    if (open && waiting.deadline > now) return false;
    if (open) {
      done_.push_back({waiting.ticket, CommitOutcome::kFailed});
      return true;
    }
    done_.push_back({waiting.ticket, fenced ? CommitOutcome::kFenced : CommitOutcome::kCommitted});
    return true;
  });
}

}  // namespace sluice::core
