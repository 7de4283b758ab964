#include "daemon/core/delivery/record_picker.hpp"

#include "daemon/core/commit/commit_metadata.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace sluice::core::detail {

namespace {

// Below this span any pattern fits: a bit for each offset, and 4 characters for 3 bytes.
constexpr std::int64_t kBitsPerByte = 6;
constexpr std::int64_t kTextOverhead = 64;

// Looking at ever more records of busy keys would take memory that no budget covers.
constexpr std::int64_t kSpanMax = 1'000'000;

}  // namespace

std::int64_t new_offsets_max(const Partition& partition) {
  const PartitionLedger& ledger = *partition.ledger;
  if (ledger.span() == 0) return std::numeric_limits<std::int64_t>::max();
  const auto limit = static_cast<std::int64_t>(partition.metadata.limit);
  const std::int64_t sure = (limit - kTextOverhead) * kBitsPerByte - ledger.span();
  if (ledger.ranges() == 1 || sure > ledger.span()) return std::max<std::int64_t>(sure, 0);
  std::vector<Stretch> stretches;
  stretches.reserve(ledger.ranges());
  ledger.for_each({ledger.watermark(), ledger.position()}, [&](const PartitionLedger::Piece& piece) {
    Stretch::Kind kind = Stretch::Kind::kUnsettled;
    if (piece.entry.state == PartitionLedger::State::kSettled) kind = Stretch::Kind::kSettled;
    if (piece.entry.state == PartitionLedger::State::kLeased) kind = Stretch::Kind::kUndecided;
    stretches.push_back({piece.range.count(), kind});
  });
  const auto bound = static_cast<std::int64_t>(metadata_bound(stretches, ledger.watermark()));
  return std::clamp<std::int64_t>((limit - kTextOverhead - bound) * kBitsPerByte, 0,
                                  std::max<std::int64_t>(0, kSpanMax - ledger.span()));
}

RecordPicker::RecordPicker(Partition& partition,
                           const Room& room,
                           const SelectContext& context,
                           std::optional<Selection> so_far)
    : partition_(partition), ledger_(*partition.ledger), room_(room), context_(context) {
  if (so_far) {
    out_ = std::move(*so_far);
    out_.full = out_.bytes_full = out_.suspect_full = out_.turn_over = out_.span_full = false;
    out_.needs_budget = out_.blocked_by_lease = out_.blocked_by_dead_letter = false;
    out_.blocked_until = kNever;
  } else {
    out_.position_after = ledger_.position();
    out_.mark_after = partition.read_mark;
  }
}

bool RecordPicker::decode_more() {
  const bool progress = context_.must_progress && out_.records == 0;
  switch (partition_.decode_next(context_.budget, context_.max_decompressed, progress, context_.stats)) {
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

RecordPicker::Due RecordPicker::first_time() const { return {1, context_.redelivery.is_final(1) ? 1U : 0U}; }

RecordPicker::Due RecordPicker::again(const PartitionLedger::Entry& entry) const {
  // What was passed over before is delivered for the first time.
  return entry.deliveries == 0 ? first_time() : Due{entry.deliveries + 1, entry.together};
}

RecordPicker::Fit RecordPicker::fit(const protocol::Record& record, const Due& due) const {
  const auto size = static_cast<std::int64_t>(record.payload_bytes);
  const std::int64_t total = room_.taken + taken_records_;
  const bool alone = total == 0 && size <= room_.alone;
  const bool bytes_ok = taken_bytes_ + size <= room_.bytes;
  if (taken_records_ >= room_.records || !(alone || bytes_ok)) return Fit::kFull;
  if (out_.together > 0 && total >= out_.together) return Fit::kFull;
  if (taken_bytes_ >= room_.quota) return Fit::kFull;
  return due.together > 0 && total >= due.together ? Fit::kNotTogether : Fit::kYes;
}

void RecordPicker::stop(Fit fit, const protocol::Record& record) {
  done_ = true;
  const auto size = static_cast<std::int64_t>(record.payload_bytes);
  const std::int64_t total = room_.taken + taken_records_;
  const bool suspect = fit == Fit::kNotTogether || (out_.together > 0 && total >= out_.together);
  const bool records = taken_records_ >= room_.records;
  const bool bytes = (total > 0 || size > room_.alone) && taken_bytes_ + size > room_.bytes;
  if (!records && !bytes && !suspect) {
    out_.turn_over = true;
    return;
  }
  out_.full = true;
  out_.suspect_full = suspect && !records;
  out_.bytes_full = bytes && !records && !suspect;
}

void RecordPicker::take(const Candidate& candidate, const Due& due) {
  const protocol::Record& record = candidate.record;
  const bool again = record.offset < ledger_.position();
  const Segment* before = out_.segments.empty() ? nullptr : &out_.segments.back();
  if (before == nullptr || before->chunk != candidate.chunk || before->delivery != due.delivery ||
      before->end != candidate.begin) {
    out_.segments.push_back({candidate.chunk, candidate.begin, candidate.end, 0, record.offset, record.offset,
                             due.delivery, context_.redelivery.is_final(due.delivery)});
  }
  Segment& open = out_.segments.back();
  open.end = candidate.end;
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
  if (due.together > 0)
    out_.together = out_.together == 0 ? due.together : std::min(out_.together, due.together);
  if (out_.oldest_timestamp < 0) out_.oldest_timestamp = record.timestamp;
  if (!again) move_behind(candidate);
}

void RecordPicker::move_behind(const Candidate& candidate) {
  const Offset offset = candidate.record.offset;
  out_.compacted += static_cast<std::uint64_t>(offset - out_.position_after);
  out_.position_after = offset + 1;
  out_.mark_after = {candidate.chunk->batch.header.last_offset, candidate.end};
}

void RecordPicker::finish_chunk(const RecordChunk& chunk) {
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
    case ChunkKind::kUndecodable:
      out_.undecodable += passed;
      break;
    case ChunkKind::kOversized:
      out_.oversized += passed;
      break;
  }
  out_.position_after = after;
  out_.mark_after = {};
}

bool RecordPicker::inside_span(Offset offset) {
  if (!span_end_) {
    const std::int64_t room = new_offsets_max(partition_);
    const Offset position = ledger_.position();
    span_end_ = room > std::numeric_limits<Offset>::max() - position ? std::numeric_limits<Offset>::max()
                                                                     : position + room;
  }
  if (offset < *span_end_) return true;
  out_.span_full = true;
  done_ = true;
  return false;
}

}  // namespace sluice::core::detail
