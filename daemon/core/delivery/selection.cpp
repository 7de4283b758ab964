#include "daemon/core/delivery/selection.hpp"

#include "daemon/core/assert.hpp"
#include "daemon/core/delivery/record_picker.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::core {

namespace {

/// Order mode `partition`.
class InOrder : detail::RecordPicker {
 public:
  InOrder(Partition& partition,
          const Room& room,
          const SelectContext& context,
          std::optional<Selection> so_far)
      : RecordPicker(partition, room, context, std::move(so_far)),
        next_(out_.runs.empty() ? ledger_.watermark() : out_.runs.back().range.last + 1) {}

  Selection run() {
    piece_ = ledger_.first_unsettled(next_);
    next_ = piece_ ? piece_->range.first : std::max(next_, out_.position_after);
    if (piece_ && !is_due(*piece_)) return std::move(out_);
    while (!done_) {
      const std::size_t index = partition_.buffer.find(next_);
      if (index == partition_.buffer.chunks().size()) {
        if (!decode_more()) break;
        // An earlier owner's records are only known now: the next one may be another.
        piece_ = ledger_.first_unsettled(next_);
        if (piece_) next_ = std::max(next_, piece_->range.first);
        continue;
      }
      if (!walk(index, next_, [&](const Candidate& candidate) { return visit(candidate); })) break;
      const RecordChunk& chunk = *partition_.buffer.chunks()[index];
      finish_chunk(chunk);
      next_ = chunk.batch.header.last_offset + 1;
    }
    return std::move(out_);
  }

 private:
  /// Goes on behind a record that was taken or is settled; stops at one that blocks the order.
  bool visit(const Candidate& candidate) {
    const Offset offset = candidate.record.offset;
    Due due = first_time();
    if (offset < ledger_.position()) {
      if (!piece_ || offset > piece_->range.last) piece_ = ledger_.first_unsettled(offset);
      if (!piece_ || offset < piece_->range.first) return true;
      if (!is_due(*piece_)) return false;
      due = again(piece_->entry);
    } else if (!inside_span(offset)) {
      return false;
    }
    if (const Fit how = fit(candidate.record, due); how != Fit::kYes) {
      stop(how, candidate.record);
      return false;
    }
    take(candidate, due);
    next_ = offset + 1;
    return true;
  }

  /// Whether it may be handed out now; notes what stands in the way.
  bool is_due(const PartitionLedger::Piece& piece) {
    switch (piece.entry.state) {
      case PartitionLedger::State::kReturned:
        if (piece.entry.not_before <= context_.now) return true;
        out_.blocked_until = piece.entry.not_before;
        break;
      case PartitionLedger::State::kCondemned:
        out_.blocked_by_dead_letter = true;
        break;
      case PartitionLedger::State::kLeased:
      case PartitionLedger::State::kSettled:
        out_.blocked_by_lease = true;
        break;
    }
    done_ = true;
    return false;
  }

  Offset next_;
  std::optional<PartitionLedger::Piece> piece_;
};

/// Order modes `key` and `none`.
class SideBySide : detail::RecordPicker {
 public:
  SideBySide(Partition& partition,
             const Room& room,
             const SelectContext& context,
             std::optional<Selection> so_far)
      : RecordPicker(partition, room, context, std::move(so_far)) {}

  Selection run() {
    if (by_key()) {
      returned_heads();
    } else {
      returned_ranges();
    }
    new_records();
    return std::move(out_);
  }

 private:
  // More of them would make every look at them too slow.
  static constexpr std::size_t kHeldBackMax = 20'000;

  [[nodiscard]] bool by_key() const { return partition_.order == OrderMode::kKey; }

  void returned_heads() {
    // What an earlier owner left can only be told apart once it is here.
    while (!done_ && partition_.inherits() && decode_more()) {
    }
    const auto held_back = static_cast<std::int64_t>(partition_.keys.held_back());
    if (done_ || ledger_.returned() <= held_back) return;
    const std::set<Offset>& heads = partition_.keys.heads();
    for (auto it = heads.upper_bound(out_.again_to); it != heads.end() && !done_; ++it) {
      const auto piece = ledger_.first_unsettled(*it);
      if (piece && piece->range.first == *it) try_again({*it, *it}, piece->entry);
    }
  }

  void returned_ranges() {
    if (!ledger_.has_returned()) return;
    auto piece = ledger_.first_unsettled(std::max(out_.again_to + 1, ledger_.watermark()));
    while (piece && !done_) {
      try_again(piece->range, piece->entry);
      piece = ledger_.first_unsettled(piece->range.last + 1);
    }
  }

  void try_again(OffsetRange range, const PartitionLedger::Entry& entry) {
    if (entry.state == PartitionLedger::State::kLeased) out_.blocked_by_lease = true;
    if (entry.state == PartitionLedger::State::kCondemned) out_.blocked_by_dead_letter = true;
    if (entry.state != PartitionLedger::State::kReturned) return;
    if (entry.not_before > context_.now) {
      out_.blocked_until = std::min(out_.blocked_until, entry.not_before);
      return;
    }
    const Due due = again(entry);
    Offset next = range.first;
    while (!done_ && next <= range.last) {
      const std::size_t index = partition_.buffer.find(next);
      if (index == partition_.buffer.chunks().size()) {
        if (!decode_more()) return;
        continue;
      }
      const bool whole = walk(index, next, [&](const Candidate& candidate) {
        const Offset offset = candidate.record.offset;
        if (offset > range.last) return false;
        next = offset + 1;
        // What was decoded on the way may have shown that it does not exist, or that it is settled.
        const auto piece = ledger_.first_unsettled(offset);
        if (!piece || piece->range.first != offset || piece->entry.state != PartitionLedger::State::kReturned)
          return true;
        return try_one(candidate, due);
      });
      if (!whole) return;
      next = std::max(next, partition_.buffer.chunks()[index]->batch.header.last_offset + 1);
    }
  }

  bool try_one(const Candidate& candidate, const Due& due) {
    const Fit how = fit(candidate.record, due);
    if (how == Fit::kFull) {
      stop(how, candidate.record);
      return false;
    }
    out_.again_to = candidate.record.offset;
    if (how == Fit::kYes) take(candidate, due);
    return true;  // one that may not be with so many others waits for another batch
  }

  void new_records() {
    while (!done_) {
      const std::size_t index = partition_.buffer.find(out_.position_after);
      if (index == partition_.buffer.chunks().size()) {
        if (!decode_more()) return;
        continue;
      }
      const bool whole =
          walk(index, out_.position_after, [&](const Candidate& candidate) { return visit_new(candidate); });
      if (!whole) return;
      finish_chunk(*partition_.buffer.chunks()[index]);
    }
  }

  bool visit_new(const Candidate& candidate) {
    if (!inside_span(candidate.record.offset)) return false;
    std::optional<KeyHash> key;
    if (by_key()) {
      key = hash_of_key(candidate.record.key);
      if (key && (!partition_.keys.is_free(*key) || out_.keys.contains(*key)))
        return pass_over(candidate, *key);
    }
    const Due due = first_time();
    if (const Fit how = fit(candidate.record, due); how != Fit::kYes) {
      stop(how, candidate.record);
      return false;
    }
    take(candidate, due);
    if (!by_key()) return true;
    out_.looked.push_back({candidate.record.offset, key, true});
    if (key) out_.keys.insert(*key);
    return true;
  }

  bool pass_over(const Candidate& candidate, KeyHash key) {
    if (partition_.keys.held_back() + out_.looked.size() - out_.keys.size() >= kHeldBackMax) {
      out_.span_full = true;
      done_ = true;
      return false;
    }
    out_.looked.push_back({candidate.record.offset, key, false});
    move_behind(candidate);
    return true;
  }
};

}  // namespace

Selection select(Partition& partition,
                 const Room& room,
                 const SelectContext& context,
                 std::optional<Selection> so_far) {
  SLUICE_ASSERT(partition.ready());
  if (partition.order == OrderMode::kPartition)
    return InOrder(partition, room, context, std::move(so_far)).run();
  return SideBySide(partition, room, context, std::move(so_far)).run();
}

void apply(const Selection& selection, Partition& partition, LeaseNumber lease, TopicStats& stats) {
  auto next = selection.looked.begin();
  const auto pass_over_until = [&](Offset end) {
    for (; next != selection.looked.end() && next->offset < end; ++next) {
      if (!next->taken) partition.ledger->pass_over({next->offset, next->offset});
    }
  };
  for (const Run& run : selection.runs) {
    if (run.again) {
      partition.ledger->lease_again(run.range, lease);
      continue;
    }
    pass_over_until(run.range.first);
    partition.ledger->lease_new(run.range, lease);
  }
  pass_over_until(std::numeric_limits<Offset>::max());
  for (const Looked& each : selection.looked) partition.keys.add(each.offset, each.key);
  const auto count = [&stats](const char* reason, std::uint64_t offsets) {
    if (offsets > 0) stats.skipped[reason] += offsets;
  };
  count("compaction", selection.compacted);
  count("control", selection.control);
  count("aborted", selection.aborted);
  count("undecodable", selection.undecodable);
  count("oversized", selection.oversized);
  partition.ledger->skip_to(selection.position_after);
  partition.read_mark = selection.mark_after;
}

}  // namespace sluice::core
