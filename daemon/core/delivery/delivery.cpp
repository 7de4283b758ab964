#include "daemon/core/delivery/delivery.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace sluice::core {

namespace {

// Budget that another consumer gives back does not wake this one.
constexpr std::chrono::milliseconds kBudgetRetry{100};

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

bool Delivery::Dry::covers(const FetchSpec& spec) const {
  if (all) return true;
  return !spec.topics.empty() &&
         std::all_of(spec.topics.begin(), spec.topics.end(),
                     [&](const std::string& topic) { return topics.contains(topic); });
}

void Delivery::Dry::add(const FetchSpec& spec, const Obstacles& seen) {
  all = all || spec.topics.empty();
  topics.insert(spec.topics.begin(), spec.topics.end());
  obstacles.lease = obstacles.lease || seen.lease;
  obstacles.back_off = obstacles.back_off || seen.back_off;
  obstacles.budget = obstacles.budget || seen.budget;
}

void Delivery::serve(TimePoint now, std::int64_t wall_ms, const Situation& situation, Outbox& outbox) {
  for (auto& [tp, partition] : partitions_) partition.wants_more = false;
  Dry dry;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (serve_one(*it, now, wall_ms, situation, dry, outbox)) {
      it = waiters_.erase(it);
    } else {
      outbox.wake_at(it->deadline);
      ++it;
    }
  }
}

bool Delivery::serve_one(const Waiter& waiter,
                         TimePoint now,
                         std::int64_t wall_ms,
                         const Situation& situation,
                         Dry& dry,
                         Outbox& outbox) {
  const FetchSpec& spec = waiter.spec;
  if (const LeaseTable::Lease* open = leases_.find_request(spec.request_id)) {
    FetchResult again = open->answer;
    again.repeated = true;
    again.backlog = backlog();
    answer(waiter.ticket, std::move(again), spec);
    return true;
  }
  const bool due = waiter.deadline <= now || situation.draining;
  Obstacles obstacles = dry.obstacles;
  if (!situation.draining && !dry.covers(spec)) {
    Draft drafted = draft(spec, now, outbox);
    const bool enough = drafted.records >= static_cast<std::uint32_t>(std::max(spec.min_records, 1)) &&
                        drafted.bytes >= spec.min_bytes;
    const bool full = drafted.truncated != TruncatedBy::kNothing;
    if (drafted.records > 0 && (enough || full || due)) {
      answer(waiter.ticket, lease(spec, std::move(drafted), now, wall_ms), spec);
      return true;
    }
    if (drafted.records == 0) dry.add(spec, drafted.obstacles);
    for (const Staged& staged : drafted.parts) staged.partition->wants_more = true;
    obstacles = drafted.obstacles;
  }
  if (due) answer_empty(waiter, situation, obstacles);
  return due;
}

void Delivery::answer_empty(const Waiter& waiter, const Situation& situation, const Obstacles& obstacles) {
  FetchResult empty;
  empty.reason = empty_reason(situation, obstacles);
  empty.backlog = backlog();
  answer(waiter.ticket, std::move(empty), waiter.spec);
}

void Delivery::answer(std::uint64_t ticket, FetchResult result, const FetchSpec& spec) {
  ++stats_.polls[result.batch ? "records" : result.reason == EmptyReason::kDraining ? "draining" : "empty"];
  result.used = spec;
  done_.push_back({ticket, std::move(result)});
}

/// Chooses records for a batch; nothing is leased and no turn ends yet.
Delivery::Draft Delivery::draft(const FetchSpec& spec, TimePoint now, Outbox& outbox) {
  Draft draft;
  // The answer itself takes memory until it is written: half of what is free is for the records of it.
  const std::int64_t asked = spec.max_bytes < 0 ? std::numeric_limits<std::int64_t>::max() : spec.max_bytes;
  const std::int64_t allowed = budget_.available() / 2;
  draft.bytes_max = std::min(asked, allowed);
  draft.bytes_bound = asked <= allowed ? TruncatedBy::kMaxBytes : TruncatedBy::kBudget;
  line_up(draft, spec);
  std::vector<std::size_t> round(draft.turns.size());
  std::iota(round.begin(), round.end(), std::size_t{0});
  while (!round.empty() && !draft.filled_by) {
    std::vector<std::size_t> next_round;
    for (const std::size_t index : round) {
      const Visit result = visit(draft.turns[index], spec, draft, now, outbox);
      if (result == Visit::kTurnOver) next_round.push_back(index);
      if (result == Visit::kBatchFull) {
        draft.filled_by = index;
        break;
      }
    }
    round = std::move(next_round);
  }
  if (draft.obstacles.budget) {
    outbox.wake_at(now + kBudgetRetry);
    if (draft.truncated == TruncatedBy::kNothing) draft.truncated = TruncatedBy::kBudget;
  }
  return draft;
}

/// Lists the partitions that may give something, beginning with the one whose turn it is.
void Delivery::line_up(Draft& draft, const FetchSpec& spec) {
  const auto first = partitions_.lower_bound(next_turn_);
  const auto consider = [&](Partition& partition) {
    draft.holds_decompressed = draft.holds_decompressed || partition.buffer.decompressed_bytes() > 0;
    if (!wanted(spec, partition.id.topic)) return;
    const bool open =
        partition.ready() && !partition.revoking && !partition.paused && !partition.buffer.empty();
    const bool leased = open && partition.ledger->has_leased();
    draft.obstacles.lease = draft.obstacles.lease || leased;
    if (open && !leased) {
      draft.turns.push_back({&partition, partition.deficit, std::nullopt});
    } else {
      partition.deficit = std::min<std::int64_t>(partition.deficit, 0);  // nothing to give: its turn is over
    }
  };
  for (auto it = first; it != partitions_.end(); ++it) consider(it->second);
  for (auto it = partitions_.begin(); it != first; ++it) consider(it->second);
}

/// One turn of one partition: adds what it may give.
Delivery::Visit Delivery::visit(
    Turn& turn, const FetchSpec& spec, Draft& draft, TimePoint now, Outbox& outbox) {
  if (turn.deficit <= 0) turn.deficit += options_.quantum;
  if (turn.deficit <= 0) return Visit::kTurnOver;
  Partition& partition = *turn.partition;
  Selection selection = select(turn, spec, draft, now);
  if (partition.buffer.error()) {
    on_broken(partition, selection.records > 0, now, outbox);
  } else if (selection.records > 0 && partition.broken) {
    partition.broken.reset();
    partition.broken_backoff.reset();
  }
  draft.holds_decompressed = draft.holds_decompressed || partition.buffer.decompressed_bytes() > 0;
  draft.obstacles.budget = draft.obstacles.budget || selection.needs_budget;
  if (selection.blocked_until != kNever) {
    draft.obstacles.back_off = true;
    outbox.wake_at(selection.blocked_until);
  }
  const bool full = selection.full;
  const bool turn_over = selection.turn_over;
  if (full) draft.truncated = selection.bytes_full ? draft.bytes_bound : TruncatedBy::kMaxRecords;
  if (selection.records > 0) {
    if (!turn.staged) {
      turn.staged = draft.parts.size();
      draft.parts.emplace_back();
    }
    draft.parts[*turn.staged] = {&partition, std::move(selection)};
  } else if (selection.position_after > partition.ledger->position()) {
    skip_empty(partition, selection, stats_.topics[partition.id.topic]);
    partition.free_settled();
  }
  if (static_cast<std::int64_t>(draft.records) >= spec.max_records)
    draft.truncated = TruncatedBy::kMaxRecords;
  if (draft.truncated != TruncatedBy::kNothing) return Visit::kBatchFull;
  if (turn_over) return Visit::kTurnOver;
  turn.deficit = std::min<std::int64_t>(turn.deficit, 0);
  return Visit::kNothingLeft;
}

/// Selects from a partition, going on where an earlier round stopped.
Selection Delivery::select(Turn& turn, const FetchSpec& spec, Draft& draft, TimePoint now) {
  Partition& partition = *turn.partition;
  std::optional<Selection> so_far;
  if (turn.staged) so_far = std::move(draft.parts[*turn.staged].selection);
  const std::uint32_t records_before = so_far ? so_far->records : 0;
  const std::int64_t bytes_before = so_far ? so_far->bytes : 0;
  const Room room{spec.max_records - static_cast<std::int64_t>(draft.records), draft.bytes_max - draft.bytes,
                  draft.records == 0, turn.deficit};
  // One decompressed batch may overdraw the budget, or a large one would never get through.
  const bool may_overdraw = !draft.holds_decompressed;
  Selection selection = select_in_order(
      partition, room,
      {budget_, options_.max_decompressed, may_overdraw, stats_.topics[partition.id.topic], now},
      std::move(so_far));
  draft.records += selection.records - records_before;
  draft.bytes += selection.bytes - bytes_before;
  turn.deficit -= selection.bytes - bytes_before;
  return selection;
}

/// The batch is leased: what its partitions took counts, and the turn passes on.
void Delivery::end_turns(const Draft& draft) {
  for (const Turn& turn : draft.turns) turn.partition->deficit = turn.deficit;
  if (!draft.filled_by) return;
  const Turn& last = draft.turns[*draft.filled_by];
  next_turn_ = last.partition->id;
  if (last.deficit > 0) return;  // its turn goes on with the next batch
  const auto next = partitions_.upper_bound(next_turn_);
  next_turn_ = next == partitions_.end() ? TopicPartition{} : next->first;
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
  end_turns(draft);
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
  if (spec.settle_at_once) settle_at_once(id, now);
  return result;
}

/// At most once: handing out is settling.
void Delivery::settle_at_once(BatchId id, TimePoint now) {
  const AckResult settled = leases_.ack(id, AckSpec{}, partitions_, now);
  for (const PartitionProgress& each : settled.offsets) {
    partitions_.at(each.partition).free_settled();
    stats_.topics[each.partition.topic].acked += each.accepted;
  }
}

/// A checksum, a codec or a record that cannot be read. What was decoded before it stays; the rest is fetched
/// again, slower each time: never skipped, never delivered.
void Delivery::on_broken(Partition& partition, bool good_before, TimePoint now, Outbox& outbox) {
  const protocol::Error error = *partition.buffer.error();
  const bool decoded_broken = partition.buffer.decoded_broken();
  if (decoded_broken && good_before) {
    partition.buffer.clear_error();  // what comes before it can still be handed out, and again
    return;
  }
  TopicStats& topic = stats_.topics[partition.id.topic];
  ++topic.corrupt_batches;
  partition.broken =
      "cannot read data at offset " + std::to_string(partition.buffer.error_offset()) + ": " + error.message;
  partition.buffer.drop_undecoded();
  if (decoded_broken) {
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

EmptyReason Delivery::empty_reason(const Situation& situation, const Obstacles& obstacles) const {
  if (situation.draining) return EmptyReason::kDraining;
  if (partitions_.empty()) return situation.joined ? EmptyReason::kNoPartitions : EmptyReason::kJoining;
  const auto all = [&](auto&& f) {
    return std::all_of(partitions_.begin(), partitions_.end(),
                       [&](const auto& each) { return f(each.second); });
  };
  if (all([](const Partition& p) { return p.paused; })) return EmptyReason::kPaused;
  const auto beginning = [](const Partition& p) {
    return p.revoking || (!p.ready() && p.phase != PartitionPhase::kStopped);
  };
  if (all(beginning)) return EmptyReason::kJoining;
  if (obstacles.back_off) return EmptyReason::kBackOff;
  if (obstacles.lease || obstacles.budget) return EmptyReason::kWindowFull;
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
