#include "daemon/core/consumer.hpp"
#include "protocol/records/record_cursor.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// Passes condemned records to the dead letter topic, and settles those that it has.
void Consumer::poll_dead_letters(TimePoint now) {
  if (!has_dead_letter_topic()) return;
  for (auto& [tp, partition] : partitions_) {
    if (!partition.withdrawn.empty()) forget_withdrawn(partition);
    if (partition.condemned.empty()) continue;
    std::vector<Condemned> later;
    for (Condemned& each : std::exchange(partition.condemned, {})) {
      if (each.cause == "max_deliveries" && !each.told) {
        stats_.topics[tp.topic].exhausted += static_cast<std::uint64_t>(each.range.count());
        each.told = true;
      }
      if (!write_letters(partition, each)) later.push_back(std::move(each));
    }
    partition.condemned = std::move(later);
  }
  dead_letters_.poll(now, metadata_, budget_, outbox_);
  finish_letters(now);
  const std::optional<std::string> error = dead_letters_.error();
  if (error && error != dead_letter_error_) {
    std::vector<TopicPartition> stuck;
    for (const auto& [tp, partition] : partitions_) {
      if (dead_letters_.error(tp)) stuck.push_back(tp);
    }
    note(EventType::kDeadLetterFailed, std::move(stuck), *error);
  }
  dead_letter_error_ = error;
}

/// True when all records of `condemned` are on their way. They may have to be read first: an earlier owner
/// may have condemned them, and in strict order nobody else reads on.
bool Consumer::write_letters(Partition& partition, const Condemned& condemned) {
  std::vector<OffsetRange> wanted;
  partition.ledger->for_each(condemned.range, [&](const PartitionLedger::Piece& piece) {
    if (piece.entry.state == PartitionLedger::State::kCondemned) wanted.push_back(piece.range);
  });
  for (const OffsetRange& range : wanted) {
    Offset next = range.first;
    while (next <= range.last) {
      const std::size_t index = partition.buffer.find(next);
      if (index < partition.buffer.chunks().size()) {
        next = write_from_chunk(partition, condemned, index, {next, range.last});
        continue;
      }
      const auto decoded = partition.decode_next(budget_, options_.delivery.max_decompressed, true,
                                                 stats_.topics[partition.id.topic]);
      if (decoded != PartitionBuffer::Decoded::kChunk) return false;
    }
  }
  return true;
}

/// Writes those records of `range` that the chunk at `index` has; returns where to go on.
Offset Consumer::write_from_chunk(Partition& partition,
                                  const Condemned& condemned,
                                  std::size_t index,
                                  OffsetRange range) {
  const std::shared_ptr<const RecordChunk> chunk = partition.buffer.chunks()[index];
  const protocol::BatchHeader& header = chunk->batch.header;
  DeadLetter letter;
  letter.partition = partition.id;
  letter.incarnation = partition.incarnation;
  letter.deliveries = condemned.deliveries;
  letter.cause = condemned.cause;
  letter.reason = condemned.reason;
  letter.chunk = chunk;
  if (is_opaque(chunk->kind)) {
    letter.offsets = {std::max(range.first, header.base_offset), header.last_offset};
    letter.end = chunk->batch.payload.size();
    letter.raw = true;
    letter.cause = to_string(chunk->kind);
    if (letter.reason.empty()) letter.reason = chunk->error;
    dead_letters_.add(std::move(letter));
    return header.last_offset + 1;
  }
  Offset next = range.first;
  protocol::RecordCursor cursor(header, chunk->batch.payload);
  protocol::Record record;
  for (;;) {
    letter.begin = cursor.position();
    if (!cursor.next(record) || record.offset > range.last) break;
    if (record.offset < next) continue;
    // No record (any more) between the last one and this one.
    if (record.offset > next) partition.settle_condemned({next, record.offset - 1});
    letter.offsets = {record.offset, record.offset};
    letter.end = cursor.position();
    dead_letters_.add(letter);
    next = record.offset + 1;
  }
  if (cursor.failed()) {  // read from the broker once more, and not looked at by anybody since
    partition.buffer.split_broken(index, cursor.position(), std::max(next, header.base_offset));
    return next;
  }
  const Offset last = std::min(range.last, header.last_offset);
  if (next <= last) partition.settle_condemned({next, last});
  return std::max(next, header.last_offset + 1);
}

/// Acked after its last delivery was over: then it did not fail.
void Consumer::forget_withdrawn(Partition& partition) {
  for (const OffsetRange& range : std::exchange(partition.withdrawn, {})) {
    for (Offset offset = range.first; offset <= range.last; ++offset)
      dead_letters_.withdraw(partition.id, partition.incarnation, offset);
  }
}

void Consumer::finish_letters(TimePoint) {
  for (const DeadLetters::Done& done : dead_letters_.take_done()) {
    const auto it = partitions_.find(done.partition);
    if (it == partitions_.end() || it->second.incarnation != done.incarnation) continue;
    Partition& partition = it->second;
    partition.settle_condemned(done.offsets);
    partition.free_settled(budget_);
    ++stats_.topics[done.partition.topic].dead_lettered;
    Event event;
    event.wall_ms = wall_ms();
    event.type = EventType::kDeadLettered;
    event.partitions = {done.partition};
    event.offsets = done.offsets;
    event.text = done.cause + ": now in " + to_string(done.written_to) +
                 (done.written_at >= 0 ? " at offset " + std::to_string(done.written_at) : "");
    events_.add(std::move(event));
  }
}

}  // namespace sluice::core
