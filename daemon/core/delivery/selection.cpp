#include "daemon/core/delivery/selection.hpp"

#include "daemon/core/assert.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::core {

namespace {

/// Walks the records of a partition once and collects a Selection.
class RecordPicker {
 public:
  RecordPicker(Partition& partition,
               const Room& room,
               const SelectContext& context,
               std::optional<Selection> so_far)
      : partition_(partition),
        ledger_(*partition.ledger),
        room_(room),
        context_(context),
        next_(ledger_.watermark()) {
    if (so_far && so_far->records > 0) {
      out_ = std::move(*so_far);
      out_.full = out_.bytes_full = out_.turn_over = out_.needs_budget = out_.blocked_by_lease = false;
      out_.blocked_until = kNever;
      next_ = out_.runs.back().range.last + 1;
    } else {
      out_.position_after = ledger_.position();
      out_.mark_after = partition.read_mark;
    }
  }

  Selection run() {
    const auto head = ledger_.first_unsettled(next_);
    next_ = head ? head->range.first : std::max(next_, ledger_.position());
    piece_ = head;
    if (head && !free(*head)) return std::move(out_);
    std::size_t index = partition_.buffer.find(next_);
    while (!done_) {
      if (index >= partition_.buffer.chunks().size()) {
        if (!decode_more()) break;
        continue;
      }
      walk(partition_.buffer.chunks()[index]);
      ++index;
    }
    return std::move(out_);
  }

 private:
  bool decode_more() {
    const bool progress = context_.must_progress && out_.records == 0;
    switch (
        partition_.buffer.decode_next(context_.budget, context_.max_decompressed, progress, context_.stats)) {
      case PartitionBuffer::Decoded::kChunk:
        return true;
      case PartitionBuffer::Decoded::kNeedsBudget:
        out_.needs_budget = true;
        return false;
      case PartitionBuffer::Decoded::kNothingLeft:
      case PartitionBuffer::Decoded::kFailed:
        return false;
    }
    return false;
  }

  void walk(const std::shared_ptr<const RecordChunk>& chunk) {
    const protocol::BatchHeader& header = chunk->batch.header;
    const bool resume = next_ >= ledger_.position() && out_.mark_after.chunk_last == header.last_offset;
    protocol::RecordCursor cursor(header, chunk->batch.payload, resume ? out_.mark_after.position : 0);
    protocol::Record record;
    for (;;) {
      const std::size_t begin = cursor.position();
      if (!cursor.next(record)) break;
      if (record.offset < next_) continue;
      const std::optional<std::uint32_t> delivery = deliverable(record.offset);
      if (done_) return;
      if (!delivery) continue;
      if (!fits(record)) return;
      take(chunk, record, *delivery, begin, cursor.position());
    }
    if (cursor.failed()) {
      done_ = true;  // the bytes behind are not records; what was read so far is good
      broken_chunk(header);
      return;
    }
    finish_chunk(*chunk);
  }

  /// Which delivery this would be; nothing when settled. Sets done_ at an offset that blocks the order.
  std::optional<std::uint32_t> deliverable(Offset offset) {
    if (offset >= ledger_.position()) return 1;
    if (!piece_ || offset > piece_->range.last) piece_ = ledger_.first_unsettled(offset);
    if (!piece_ || offset < piece_->range.first) return std::nullopt;
    if (!free(*piece_)) {
      done_ = true;
      return std::nullopt;
    }
    return piece_->entry.deliveries + 1;
  }

  /// Whether it may be handed out now; notes what stands in the way.
  bool free(const PartitionLedger::Piece& piece) {
    const bool returned = piece.entry.state == PartitionLedger::State::kReturned;
    if (returned && piece.entry.not_before <= context_.now) return true;
    if (returned) {
      out_.blocked_until = piece.entry.not_before;
    } else {
      out_.blocked_by_lease = true;
    }
    return false;
  }

  bool fits(const protocol::Record& record) {
    const auto size = static_cast<std::int64_t>(record.payload_bytes);
    const bool first = taken_records_ == 0 && room_.one_allowed;
    const bool bytes_ok = taken_bytes_ + size <= room_.bytes;
    done_ = true;
    if (taken_records_ >= room_.records || !(first || bytes_ok)) {
      out_.full = true;
      out_.bytes_full = taken_records_ < room_.records;
    } else if (taken_bytes_ >= room_.quota) {
      out_.turn_over = true;
    } else {
      done_ = false;
    }
    return !done_;
  }

  void take(const std::shared_ptr<const RecordChunk>& chunk,
            const protocol::Record& record,
            std::uint32_t delivery,
            std::size_t begin,
            std::size_t end) {
    const bool again = record.offset < ledger_.position();
    const Segment* before = out_.segments.empty() ? nullptr : &out_.segments.back();
    if (before == nullptr || before->chunk != chunk || before->delivery != delivery || before->end != begin) {
      out_.segments.push_back({chunk, begin, end, 0, record.offset, record.offset, delivery});
    }
    Segment& open = out_.segments.back();
    open.end = end;
    open.last = record.offset;
    ++open.records;
    if (!out_.runs.empty() && out_.runs.back().again == again &&
        out_.runs.back().range.last + 1 == record.offset) {
      out_.runs.back().range.last = record.offset;
    } else {
      out_.runs.push_back({{record.offset, record.offset}, again});
    }
    ++out_.records;
    ++taken_records_;
    out_.bytes += static_cast<std::int64_t>(record.payload_bytes);
    taken_bytes_ += static_cast<std::int64_t>(record.payload_bytes);
    if (out_.oldest_timestamp < 0) out_.oldest_timestamp = record.timestamp;
    if (!again) {
      out_.compacted += static_cast<std::uint64_t>(record.offset - out_.position_after);
      out_.position_after = record.offset + 1;
      out_.mark_after = {chunk->batch.header.last_offset, end};
    }
    next_ = record.offset + 1;
  }

  void finish_chunk(const RecordChunk& chunk) {
    const Offset after = chunk.batch.header.last_offset + 1;
    if (after <= out_.position_after) return;
    // What is missing between two batches went with compaction, whatever the next one is.
    const Offset begin = std::clamp(chunk.batch.header.base_offset, out_.position_after, after);
    out_.compacted += static_cast<std::uint64_t>(begin - out_.position_after);
    const auto passed = static_cast<std::uint64_t>(after - begin);
    switch (chunk.kind) {
      case ChunkKind::kData:
        out_.compacted += passed;
        break;
      case ChunkKind::kControl:
        out_.control += passed;
        break;
      case ChunkKind::kAborted:
        out_.aborted += passed;
        break;
    }
    out_.position_after = after;
    out_.mark_after = {};
    next_ = std::max(next_, after);
  }

  void broken_chunk(const protocol::BatchHeader& header) {
    partition_.buffer.fail_decoded("batch at offset " + std::to_string(header.base_offset) +
                                       ": a record is malformed although the checksum is right",
                                   next_);
  }

  Partition& partition_;
  const PartitionLedger& ledger_;
  Room room_;
  const SelectContext& context_;
  Offset next_;
  std::optional<PartitionLedger::Piece> piece_;
  std::int64_t taken_records_ = 0;  ///< in this round
  std::int64_t taken_bytes_ = 0;
  bool done_ = false;
  Selection out_;
};

}  // namespace

Selection select_in_order(Partition& partition,
                          const Room& room,
                          const SelectContext& context,
                          std::optional<Selection> so_far) {
  SLUICE_ASSERT(partition.ready());
  return RecordPicker(partition, room, context, std::move(so_far)).run();
}

void skip_empty(Partition& partition, const Selection& selection, TopicStats& stats) {
  if (selection.compacted > 0) stats.skipped["compaction"] += selection.compacted;
  if (selection.control > 0) stats.skipped["control"] += selection.control;
  if (selection.aborted > 0) stats.skipped["aborted"] += selection.aborted;
  partition.ledger->skip_to(selection.position_after);
  partition.read_mark = selection.mark_after;
}

}  // namespace sluice::core
