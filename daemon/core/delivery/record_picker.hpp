#pragma once

#include "daemon/core/delivery/selection.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace sluice::core::detail {

/// Walks the records of a partition once and collects a Selection: what all order modes share.
class RecordPicker {
 public:
  RecordPicker(const RecordPicker&) = delete;
  RecordPicker& operator=(const RecordPicker&) = delete;

 protected:
  RecordPicker(Partition& partition,
               const Room& room,
               const SelectContext& context,
               std::optional<Selection> so_far);
  ~RecordPicker() = default;

  /// One record of a chunk, or a whole opaque chunk.
  struct Candidate {
    const std::shared_ptr<const RecordChunk>& chunk;
    const protocol::Record& record;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  /// A delivery that a record is due for.
  struct Due {
    std::uint32_t delivery = 1;
    std::uint32_t together = 0;  ///< as in PartitionLedger::Entry
  };
  enum class Fit : std::uint8_t { kYes = 1, kNotTogether, kFull };

  /// Calls `f(candidate)` for the records of the chunk at `index` from `from` on, until done_. `f` returns
  /// false to stop. True when the end of the chunk was reached.
  template <class F>
  bool walk(std::size_t index, Offset from, F&& f);
  bool decode_more();

  [[nodiscard]] Due first_time() const;
  [[nodiscard]] Due again(const PartitionLedger::Entry& entry) const;
  [[nodiscard]] Fit fit(const protocol::Record& record, const Due& due) const;
  /// Notes in the selection what ended it.
  void stop(Fit fit, const protocol::Record& record);
  void take(const Candidate& candidate, const Due& due);
  /// The position moves behind this record, taken or not.
  void move_behind(const Candidate& candidate);
  void finish_chunk(const RecordChunk& chunk);
  /// False when `record` would be too far from the watermark; the selection ends there.
  bool inside_span(Offset offset);

  Partition& partition_;
  const PartitionLedger& ledger_;
  const Room room_;
  const SelectContext& context_;
  std::int64_t taken_records_ = 0;  ///< in this round
  std::int64_t taken_bytes_ = 0;
  bool done_ = false;
  Selection out_;

 private:
  std::optional<Offset> span_end_;  ///< new records from here on are too far
};

/// Most new offsets that may be added to those between watermark and position, so that whatever of them is
/// settled out of order still fits into the metadata of a commit.
[[nodiscard]] std::int64_t new_offsets_max(const Partition& partition);

template <class F>
bool RecordPicker::walk(std::size_t index, Offset from, F&& f) {
  const std::shared_ptr<const RecordChunk> chunk = partition_.buffer.chunks()[index];
  const protocol::BatchHeader& header = chunk->batch.header;
  if (is_opaque(chunk->kind)) {
    protocol::Record whole;
    whole.offset = header.base_offset;
    whole.timestamp = header.base_timestamp;
    whole.payload_bytes = chunk->batch.payload.size();
    return whole.offset < from || f(Candidate{chunk, whole, 0, chunk->batch.payload.size()});
  }
  const bool resume = from >= ledger_.position() && out_.mark_after.chunk_last == header.last_offset;
  protocol::RecordCursor cursor(header, chunk->batch.payload, resume ? out_.mark_after.position : 0);
  protocol::Record record;
  Offset next = from;
  for (;;) {
    const std::size_t begin = cursor.position();
    if (!cursor.next(record)) break;
    // A broker does not check the offsets inside a batch: only ascending ones count.
    if (record.offset < next) continue;
    if (!f(Candidate{chunk, record, begin, cursor.position()})) return false;
    next = record.offset + 1;
  }
  if (!cursor.failed()) return true;
  ++context_.stats.undecodable_batches;
  partition_.buffer.split_broken(index, cursor.position(), std::max(next, header.base_offset));
  // The chunk at `index` is now what could be read of it, or, when that is nothing, the opaque rest.
  if (cursor.position() == 0) return walk(index, from, std::forward<F>(f));
  return true;
}

}  // namespace sluice::core::detail
