#include "daemon/core/delivery/delivery.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace sluice::core {

namespace {

// Budget that another consumer gives back does not wake this one.
constexpr std::chrono::milliseconds kBudgetRetry{100};

void count_deliveries(const Selection& selection, TopicStats& topic) {
  for (const Segment& segment : selection.segments) {
    (segment.delivery == 1 ? topic.delivered_first : topic.delivered_again) += segment.records;
  }
}

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
  obstacles.add(seen);
}

void Delivery::Obstacles::add(const Obstacles& other) {
  lease = lease || other.lease;
  back_off = back_off || other.back_off;
  budget = budget || other.budget;
  window = window || other.window;
  dead_letter = dead_letter || other.dead_letter;
  span = span || other.span;
}

void Delivery::serve(TimePoint now, std::int64_t wall_ms, const Situation& situation, Outbox& outbox) {
  for (auto& [tp, partition] : partitions_) partition.wants_more = false;
  window_.look(now);
  if (window_.next_deadline() != kNever) outbox.wake_at(window_.next_deadline());
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
  if (LeaseTable::Lease* open = leases_.find_request(spec.request_id)) {
    ++open->answers;
    FetchResult again = open->answer;
    again.repeated = true;
    again.backlog = backlog();
    answer(waiter.ticket, std::move(again), spec);
    return true;
  }
  const bool due = waiter.deadline <= now || situation.draining;
  Obstacles obstacles = dry.obstacles;
  if (!situation.draining && !situation.paused && !dry.covers(spec)) {
    Draft drafted = draft(spec, now, outbox);
    const bool enough = drafted.records >= static_cast<std::uint32_t>(std::max(spec.min_records, 1)) &&
                        drafted.bytes >= spec.min_bytes;
    const bool full = drafted.truncated != TruncatedBy::kNothing;
    if (drafted.records > 0 && (enough || full || due)) {
      FetchResult result = lease(spec, std::move(drafted), now, wall_ms);
      std::vector<PartitionProgress> settled;
      if (spec.settle_at_once) settled = settle_at_once(result.batch->id, now);
      answer(waiter.ticket, std::move(result), spec);
      done_.back().settled = std::move(settled);
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
  done_.push_back({ticket, std::move(result), {}});
}

/// Chooses records for a batch; nothing is leased and no turn ends yet.
Delivery::Draft Delivery::draft(const FetchSpec& spec, TimePoint now, Outbox& outbox) {
  Draft draft;
  set_bounds(draft, spec);
  if (draft.window.full()) {
    draft.obstacles.window = true;
    return draft;
  }
  line_up(draft, spec);
  std::vector<std::size_t> round(draft.turns.size());
  std::iota(round.begin(), round.end(), std::size_t{0});
  while (!round.empty() && !draft.filled_by) {
    std::vector<std::size_t> next_round;
    for (const std::size_t index : round) {
      const Visit result = visit(draft.turns[index], draft, now, outbox);
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

void Delivery::set_bounds(Draft& draft, const FetchSpec& spec) const {
  draft.records_max = spec.max_records;
  // The answer itself takes memory until it is written: half of what is free is for the records of it.
  const std::int64_t asked = spec.max_bytes < 0 ? std::numeric_limits<std::int64_t>::max() : spec.max_bytes;
  const std::int64_t allowed = budget_.available() / 2;
  draft.bytes_max = std::min(asked, allowed);
  draft.bytes_bound = asked <= allowed ? TruncatedBy::kMaxBytes : TruncatedBy::kBudget;
  draft.window = window_.allowance(leased_records(), leases_.open_bytes(), leases_.open_count() + waiting());
  if (draft.window.records < draft.records_max) {
    draft.records_max = draft.window.records;
    draft.records_bound = TruncatedBy::kWindow;
  }
  if (draft.window.bytes < draft.bytes_max) {
    draft.bytes_max = draft.window.bytes;
    draft.bytes_bound = TruncatedBy::kWindow;
  }
}

std::int64_t Delivery::leased_records() const {
  std::int64_t records = 0;
  if (window_.records() < 0 && window_.bytes() < 0) return records;
  for (const auto& [tp, partition] : partitions_) {
    if (partition.ledger) records += partition.ledger->leased();
  }
  return records;
}

/// Lists the partitions that may give something, beginning with the one whose turn it is.
void Delivery::line_up(Draft& draft, const FetchSpec& spec) {
  const auto first = partitions_.lower_bound(next_turn_);
  const auto consider = [&](Partition& partition) {
    draft.holds_decompressed = draft.holds_decompressed || partition.buffer.decompressed_bytes() > 0;
    if (!wanted(spec, partition.id.topic)) return;
    const bool open =
        partition.ready() && !partition.revoking && !partition.paused && !partition.buffer.empty();
    const bool one_at_a_time = partition.order == OrderMode::kPartition;
    const bool leased = open && one_at_a_time && partition.ledger->has_leased();
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
Delivery::Visit Delivery::visit(Turn& turn, Draft& draft, TimePoint now, Outbox& outbox) {
  if (turn.deficit <= 0) turn.deficit += options_.quantum;
  if (turn.deficit <= 0) return Visit::kTurnOver;
  Partition& partition = *turn.partition;
  Selection selection = select_more(turn, draft, now);
  if (partition.buffer.error()) {
    on_broken(partition, now, outbox);
  } else if (selection.records > 0 && partition.broken) {
    partition.broken.reset();
    partition.broken_backoff.reset();
  }
  note_obstacles(draft, selection, outbox);
  partition.span_full = selection.span_full;
  const bool full = selection.full;
  const bool turn_over = selection.turn_over;
  if (full) {
    draft.truncated = draft.records_bound;
    if (selection.bytes_full) draft.truncated = draft.bytes_bound;
    if (selection.suspect_full) draft.truncated = TruncatedBy::kRedelivery;
  }
  if (selection.records > 0) {
    if (selection.together > 0)
      draft.together =
          draft.together == 0 ? selection.together : std::min(draft.together, selection.together);
    if (!turn.staged) {
      turn.staged = draft.parts.size();
      draft.parts.emplace_back();
    }
    draft.parts[*turn.staged] = {&partition, std::move(selection)};
  } else {
    if (selection.moves(*partition.ledger)) apply(selection, partition, 0, stats_.topics[partition.id.topic]);
    // Also when nothing moves: what an earlier owner left may have turned out to be no record, and retention
    // may have taken the rest. A decoded batch that stays would keep the next one from being decoded.
    partition.free_settled(budget_);
  }
  const auto records = static_cast<std::int64_t>(draft.records);
  if (records >= draft.records_max) draft.truncated = draft.records_bound;
  if (draft.together > 0 && records >= draft.together) draft.truncated = TruncatedBy::kRedelivery;
  if (draft.truncated != TruncatedBy::kNothing) return Visit::kBatchFull;
  if (turn_over) return Visit::kTurnOver;
  turn.deficit = std::min<std::int64_t>(turn.deficit, 0);
  return Visit::kNothingLeft;
}

void Delivery::note_obstacles(Draft& draft, const Selection& selection, Outbox& outbox) const {
  Obstacles& obstacles = draft.obstacles;
  obstacles.budget = obstacles.budget || selection.needs_budget;
  obstacles.dead_letter = obstacles.dead_letter || selection.blocked_by_dead_letter;
  obstacles.lease = obstacles.lease || selection.blocked_by_lease;
  obstacles.span = obstacles.span || selection.span_full;
  obstacles.window = obstacles.window || (selection.bytes_full && selection.records == 0);
  if (selection.blocked_until == kNever) return;
  obstacles.back_off = true;
  outbox.wake_at(selection.blocked_until);
}

/// Selects from a partition, going on where an earlier round stopped.
Selection Delivery::select_more(Turn& turn, Draft& draft, TimePoint now) {
  Partition& partition = *turn.partition;
  std::optional<Selection> so_far;
  if (turn.staged) so_far = std::move(draft.parts[*turn.staged].selection);
  const std::uint32_t records_before = so_far ? so_far->records : 0;
  const std::int64_t bytes_before = so_far ? so_far->bytes : 0;
  const auto taken = static_cast<std::int64_t>(draft.records);
  const std::int64_t most =
      draft.together > 0 ? std::min<std::int64_t>(draft.records_max, draft.together) : draft.records_max;
  // One record fits however little the fetch asks for, but what is left of the window is a hard bound.
  const std::int64_t alone_max = draft.window.oversize ? Window::kUnlimited : draft.window.bytes;
  const Room room{most - taken, draft.bytes_max - draft.bytes, taken, turn.deficit, alone_max};
  // One decompressed batch may overdraw the budget, or a large one would never get through.
  const bool may_overdraw = !draft.holds_decompressed;
  Selection selection = select(partition, room,
                               {budget_, options_.max_decompressed, may_overdraw,
                                stats_.topics[partition.id.topic], now, leases_.redelivery()},
                               std::move(so_far));
  draft.records += selection.records - records_before;
  draft.bytes += selection.bytes - bytes_before;
  turn.deficit -= selection.bytes - bytes_before;
  draft.holds_decompressed = draft.holds_decompressed || partition.buffer.decompressed_bytes() > 0;
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
  lease.time = spec.lease;
  auto batch = std::make_shared<Batch>();
  batch->id = lease.id;
  batch->records = draft.records;
  batch->payload_bytes = draft.bytes;
  for (Staged& staged : draft.parts) {
    Partition& partition = *staged.partition;
    TopicStats& topic = stats_.topics[partition.id.topic];
    LeaseTable::Part part{partition.id, partition.incarnation, {}};
    for (const Run& run : staged.selection.runs) part.runs.push_back(run.range);
    count_deliveries(staged.selection, topic);
    apply(staged.selection, partition, lease.number, topic);
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
  Window::EndedBy ended_by = Window::EndedBy::kOther;
  if (draft.truncated == TruncatedBy::kWindow) {
    const bool by_records = static_cast<std::int64_t>(draft.records) >= draft.window.records;
    ended_by = by_records ? Window::EndedBy::kRecords : Window::EndedBy::kBytes;
  }
  window_.on_leased(lease.number, {draft.records, draft.bytes, draft.window.workers, ended_by}, spec.lease,
                    now);
  leases_.open(std::move(lease));
  return result;
}

/// At most once: handing out is settling.
std::vector<PartitionProgress> Delivery::settle_at_once(BatchId id, TimePoint now) {
  AckResult settled = leases_.ack(id, AckSpec{}, partitions_, now);
  for (const PartitionProgress& each : settled.offsets) {
    partitions_.at(each.partition).free_settled(budget_);
    stats_.topics[each.partition.topic].acked += each.accepted;
  }
  return std::move(settled.offsets);
}

/// A checksum that is wrong, or bytes that are no batch. What was decoded before it stays; the rest is
/// fetched again, slower each time: never skipped, never delivered.
void Delivery::on_broken(Partition& partition, TimePoint now, Outbox& outbox) {
  const protocol::Error error = *partition.buffer.error();
  TopicStats& topic = stats_.topics[partition.id.topic];
  ++topic.corrupt_batches;
  partition.broken =
      "cannot read data at offset " + std::to_string(partition.buffer.error_offset()) + ": " + error.message;
  partition.buffer.drop_undecoded();
  partition.fetch_position = partition.next_unread();
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
  if (situation.paused || all([](const Partition& p) { return p.paused; })) return EmptyReason::kPaused;
  const auto beginning = [](const Partition& p) {
    return p.revoking || (!p.ready() && p.phase != PartitionPhase::kStopped);
  };
  if (all(beginning)) return EmptyReason::kJoining;
  if (obstacles.back_off || obstacles.dead_letter) return EmptyReason::kBackOff;
  if (obstacles.lease || obstacles.budget || obstacles.window || obstacles.span)
    return EmptyReason::kWindowFull;
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
