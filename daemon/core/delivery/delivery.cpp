#include "daemon/core/delivery/delivery.hpp"

#include <algorithm>
#include <limits>

namespace sluice::core {

namespace {

bool wanted(const FetchSpec& spec, const std::string& topic) {
  return spec.topics.empty() || std::find(spec.topics.begin(), spec.topics.end(), topic) != spec.topics.end();
}

}  // namespace

std::uint64_t Delivery::start(FetchSpec spec, TimePoint now) {
  const TimePoint deadline = now + spec.wait;
  waiters_.push_back({++last_ticket_, std::move(spec), deadline});
  return last_ticket_;
}

bool Delivery::cancel(std::uint64_t ticket) {
  return std::erase_if(waiters_, [&](const Waiter& waiter) { return waiter.ticket == ticket; }) > 0;
}

void Delivery::partitions_changed() {
  std::erase_if(turns_, [&](const TopicPartition& tp) { return partitions_.count(tp) == 0; });
  for (const auto& [tp, partition] : partitions_) {
    if (std::find(turns_.begin(), turns_.end(), tp) == turns_.end()) turns_.push_back(tp);
  }
}

void Delivery::serve(TimePoint now, std::int64_t wall_ms, const Situation& situation, Outbox& outbox) {
  bool exhausted = false;  // a fetch without a filter found nothing: neither will the ones behind it
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const bool due = it->deadline <= now || situation.draining;
    const bool repeat = leases_.find_request(it->spec.request_id) != nullptr;
    if (exhausted && !due && !repeat) {
      outbox.wake_at(it->deadline);
      ++it;
      continue;
    }
    if (serve_one(*it, now, wall_ms, situation, outbox)) {
      it = waiters_.erase(it);
      continue;
    }
    outbox.wake_at(it->deadline);
    exhausted =
        exhausted || (it->spec.topics.empty() && it->spec.min_records <= 1 && it->spec.min_bytes <= 1);
    ++it;
  }
}

bool Delivery::serve_one(
    const Waiter& waiter, TimePoint now, std::int64_t wall_ms, const Situation& situation, Outbox& outbox) {
  const FetchSpec& spec = waiter.spec;
  if (const LeaseTable::Lease* open = leases_.find_request(spec.request_id)) {
    FetchResult again = open->answer;
    again.repeated = true;
    again.backlog = backlog();
    answer(waiter.ticket, std::move(again), spec);
    return true;
  }
  const bool due = waiter.deadline <= now;
  Draft drafted;
  if (!situation.draining) drafted = draft(spec, now, outbox);
  const bool enough = drafted.records >= static_cast<std::uint32_t>(std::max(spec.min_records, 1)) &&
                      drafted.bytes >= spec.min_bytes;
  const bool full = drafted.truncated != TruncatedBy::kNothing;
  if (drafted.records > 0 && (enough || full || due)) {
    answer(waiter.ticket, lease(spec, std::move(drafted), now, wall_ms), spec);
    return true;
  }
  if (!due && !situation.draining) return false;
  FetchResult empty;
  empty.reason = empty_reason(situation, drafted);
  empty.backlog = backlog();
  answer(waiter.ticket, std::move(empty), spec);
  return true;
}

void Delivery::answer(std::uint64_t ticket, FetchResult result, const FetchSpec& spec) {
  ++stats_.polls[result.batch ? "records" : result.reason == EmptyReason::kDraining ? "draining" : "empty"];
  result.used = spec;
  done_.push_back({ticket, std::move(result)});
}

/// What the budget leaves for the records of one answer: the answer itself takes memory until it is written.
std::int64_t Delivery::bytes_allowed(const FetchSpec& spec) const {
  const std::int64_t asked = spec.max_bytes < 0 ? std::numeric_limits<std::int64_t>::max() : spec.max_bytes;
  return std::min(asked, budget_.available() / 2);
}

Delivery::Draft Delivery::draft(const FetchSpec& spec, TimePoint now, Outbox& outbox) {
  Draft draft;
  for (std::size_t visits = turns_.size(); visits > 0; --visits) {
    const TopicPartition turn = turns_.front();
    Partition& partition = partitions_.at(turn);
    const bool full = draft_partition(partition, spec, draft, now, outbox);
    // Its turn goes on while it has bytes left of its quantum.
    if (full && partition.deficit > 0) break;
    turns_.pop_front();
    turns_.push_back(turn);
    if (full) break;
  }
  return draft;
}

/// Adds what this partition can give. True when the batch is full.
bool Delivery::draft_partition(
    Partition& partition, const FetchSpec& spec, Draft& draft, TimePoint now, Outbox& outbox) {
  if (!partition.ready() || partition.revoking || partition.paused || !wanted(spec, partition.id.topic))
    return false;
  if (partition.buffer.empty()) {
    partition.deficit = 0;
    return false;
  }
  const std::int64_t room_bytes = bytes_allowed(spec) - draft.bytes;
  const std::int64_t deficit =
      partition.deficit > 0 ? partition.deficit : partition.deficit + options_.quantum;
  const Room room{spec.max_records - static_cast<std::int64_t>(draft.records), std::min(room_bytes, deficit),
                  draft.records == 0};
  TopicStats& topic = stats_.topics[partition.id.topic];
  const bool progress = partition.buffer.chunk_bytes() == 0;
  Selection selection =
      select_in_order(partition, room, {budget_, options_.max_decompressed, progress, topic, now});
  if (partition.buffer.error()) {
    on_broken(partition, now, outbox);
  } else if (selection.records > 0 && partition.broken) {
    partition.broken.reset();
    partition.broken_backoff.reset();
  }
  draft.saw_lease = draft.saw_lease || selection.blocked_by_lease;
  if (selection.blocked_until != kNever) {
    draft.saw_back_off = true;
    outbox.wake_at(selection.blocked_until);
  }
  if (selection.records == 0) {
    if (selection.position_after > partition.ledger->position()) {
      skip_empty(partition, selection, topic);
      partition.buffer.settle_below(partition.ledger->watermark());
    }
    if (!selection.full && !selection.blocked_by_lease) partition.deficit = 0;
    return false;
  }
  partition.deficit = deficit - selection.bytes;
  draft.records += selection.records;
  draft.bytes += selection.bytes;
  const bool records_full = static_cast<std::int64_t>(draft.records) >= spec.max_records;
  const bool bytes_full = selection.bytes_full && room_bytes <= deficit;
  if (records_full) draft.truncated = TruncatedBy::kMaxRecords;
  if (!records_full && bytes_full) {
    const bool asked = spec.max_bytes >= 0 && bytes_allowed(spec) == spec.max_bytes;
    draft.truncated = asked ? TruncatedBy::kMaxBytes : TruncatedBy::kBudget;
  }
  draft.parts.push_back({&partition, std::move(selection)});
  return records_full || bytes_full;
}

FetchResult Delivery::lease(const FetchSpec& spec, Draft draft, TimePoint now, std::int64_t wall_ms) {
  LeaseTable::Lease lease;
  lease.number = leases_.next_number();
  lease.id = leases_.next_id();
  lease.request_id = spec.request_id;
  lease.granted_at = now;
  lease.expires_at = now + spec.lease;
  lease.records = draft.records;
  lease.bytes = draft.bytes;
  auto batch = std::make_shared<Batch>();
  batch->id = lease.id;
  batch->records = draft.records;
  batch->payload_bytes = draft.bytes;
  for (Staged& staged : draft.parts) {
    Partition& partition = *staged.partition;
    TopicStats& topic = stats_.topics[partition.id.topic];
    LeaseTable::Part part{partition.id, partition.incarnation, {}};
    for (const Run& run : staged.selection.runs) {
      if (run.again) {
        partition.ledger->lease_again(run.range, lease.number);
        topic.delivered_again += static_cast<std::uint64_t>(run.range.count());
      } else {
        partition.ledger->lease_new(run.range, lease.number);
        topic.delivered_first += static_cast<std::uint64_t>(run.range.count());
      }
      part.runs.push_back(run.range);
    }
    skip_empty(partition, staged.selection, topic);
    if (staged.selection.oldest_timestamp >= 0) {
      const std::int64_t age_ms = std::max<std::int64_t>(0, wall_ms - staged.selection.oldest_timestamp);
      stats_.record_age_delivered.observe(static_cast<double>(age_ms) / 1000.0);
    }
    batch->slices.push_back({partition.id, std::move(staged.selection.segments)});
    lease.parts.push_back(std::move(part));
  }
  stats_.batch_records.observe(draft.records);
  stats_.batch_bytes.observe(static_cast<double>(draft.bytes));

  FetchResult result;
  result.batch = std::move(batch);
  result.lease_expires_at = lease.expires_at;
  result.truncated_by = draft.truncated;
  result.backlog = backlog();
  lease.answer = result;
  const BatchId id = lease.id;
  leases_.open(std::move(lease));
  if (spec.settle_at_once) (void)leases_.ack(id, AckSpec{}, partitions_, now);
  return result;
}

/// A checksum, a codec or a record that cannot be read. What was decoded before it stays; the rest is fetched
/// again, slower each time: never skipped, never delivered.
void Delivery::on_broken(Partition& partition, TimePoint now, Outbox& outbox) {
  const protocol::Error error = *partition.buffer.error();
  TopicStats& topic = stats_.topics[partition.id.topic];
  ++topic.corrupt_batches;
  partition.broken =
      "cannot read data at offset " + std::to_string(partition.buffer.error_offset()) + ": " + error.message;
  partition.buffer.drop_undecoded();
  if (partition.has_new_data()) {
    // The checksum was right, so another copy would be the same.
    partition.phase = PartitionPhase::kStopped;
    partition.error = partition.broken;
    outbox.log(LogLevel::kError,
               to_string(partition.id) + ": " + *partition.broken + "; the partition stops here");
    return;
  }
  partition.fetch_position = std::max(partition.ledger->position(), partition.buffer.end().value_or(0));
  const Duration wait = partition.broken_backoff.next(random_);
  partition.retry_at = now + wait;
  outbox.log(LogLevel::kError, to_string(partition.id) + ": " + *partition.broken + "; fetching it again");
}

EmptyReason Delivery::empty_reason(const Situation& situation, const Draft& draft) const {
  if (situation.draining) return EmptyReason::kDraining;
  if (partitions_.empty()) return situation.joined ? EmptyReason::kNoPartitions : EmptyReason::kJoining;
  const auto all = [&](auto&& f) {
    return std::all_of(partitions_.begin(), partitions_.end(),
                       [&](const auto& each) { return f(each.second); });
  };
  if (all([](const Partition& p) { return p.paused; })) return EmptyReason::kPaused;
  if (all([](const Partition& p) { return !p.ready(); })) return EmptyReason::kJoining;
  if (draft.saw_back_off) return EmptyReason::kBackOff;
  if (draft.saw_lease) return EmptyReason::kWindowFull;
  return EmptyReason::kTimeout;
}

std::int64_t Delivery::backlog() const {
  std::int64_t records = 0;
  for (const auto& [tp, partition] : partitions_) {
    if (!partition.ledger) continue;
    records += partition.ledger->returned();
    if (partition.end) records += std::max<std::int64_t>(0, *partition.end - partition.ledger->position());
  }
  return records;
}

}  // namespace sluice::core
