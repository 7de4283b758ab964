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
  RecordPicker(Partition& partition, const Room& room, const SelectContext& context)
      : partition_(partition),
        ledger_(*partition.ledger),
        room_(room),
        context_(context),
        next_(ledger_.watermark()) {
    out_.position_after = ledger_.position();
    out_.mark_after = partition.read_mark;
  }

  Selection run() {
    const auto head = ledger_.first_unsettled(next_);
    next_ = head ? head->range.first : ledger_.position();
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
    const bool resume = next_ >= ledger_.position() && partition_.read_mark.chunk_last == header.last_offset;
    protocol::RecordCursor cursor(header, chunk->batch.payload, resume ? partition_.read_mark.position : 0);
    open_ = nullptr;
    protocol::Record record;
    for (;;) {
      const std::size_t begin = cursor.position();
      if (!cursor.next(record)) break;
      if (record.offset < next_) continue;
      const std::optional<std::uint32_t> delivery = deliverable(record.offset);
      if (done_) return;
      if (!delivery) {
        open_ = nullptr;
        continue;
      }
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
    const bool first = out_.records == 0 && room_.one_allowed;
    const bool bytes_ok = out_.bytes + size <= room_.bytes;
    if (out_.records < room_.records && (first || bytes_ok)) return true;
    out_.full = true;
    out_.bytes_full = out_.records < room_.records;
    done_ = true;
    return false;
  }

  void take(const std::shared_ptr<const RecordChunk>& chunk,
            const protocol::Record& record,
            std::uint32_t delivery,
            std::size_t begin,
            std::size_t end) {
    const bool again = record.offset < ledger_.position();
    if (open_ == nullptr || open_->delivery != delivery || open_->end != begin) {
      out_.segments.push_back({chunk, begin, end, 0, record.offset, record.offset, delivery});
      open_ = &out_.segments.back();
    }
    open_->end = end;
    open_->last = record.offset;
    ++open_->records;
    if (!out_.runs.empty() && out_.runs.back().again == again &&
        out_.runs.back().range.last + 1 == record.offset) {
      out_.runs.back().range.last = record.offset;
    } else {
      out_.runs.push_back({{record.offset, record.offset}, again});
    }
    ++out_.records;
    out_.bytes += static_cast<std::int64_t>(record.payload_bytes);
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
    const auto passed = static_cast<std::uint64_t>(after - out_.position_after);
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
  Segment* open_ = nullptr;
  bool done_ = false;
  Selection out_;
};

}  // namespace

Selection select_in_order(Partition& partition, const Room& room, const SelectContext& context) {
  SLUICE_ASSERT(partition.ready());
  return RecordPicker(partition, room, context).run();
}

void skip_empty(Partition& partition, const Selection& selection, TopicStats& stats) {
  if (selection.compacted > 0) stats.skipped["compaction"] += selection.compacted;
  if (selection.control > 0) stats.skipped["control"] += selection.control;
  if (selection.aborted > 0) stats.skipped["aborted"] += selection.aborted;
  partition.ledger->skip_to(selection.position_after);
  partition.read_mark = selection.mark_after;
}

}  // namespace sluice::core
