#include "daemon/core/fetch/partition.hpp"

#include "protocol/records/record_cursor.hpp"

#include <algorithm>

namespace sluice::core {

namespace {

constexpr std::string_view kMaxDeliveries = "max_deliveries";

}  // namespace

void Partition::start_at(Offset offset, const CommitMetadata& known) {
  std::vector<PartitionLedger::Failed> failed;
  failed.reserve(known.failed.size());
  for (const CommitMetadata::Failed& each : known.failed) failed.push_back({each.range, each.deliveries});
  ledger.emplace(offset, known.settled, failed);
  start = offset;
  fetch_position = offset;
  known_to_ = offset;
  inherited_to_ = ledger->position();
  committed_version = ledger->version();
  settled_at_commit = 0;
  compacted_at_ = 0;
  read_mark = {};
  keys = {};
  condemned.clear();
  phase = PartitionPhase::kFetching;
}

PartitionBuffer::Decoded Partition::decode_next(MemoryBudget& budget,
                                                std::size_t max_decompressed,
                                                bool must_progress,
                                                TopicStats& stats) {
  const auto result = buffer.decode_next(budget, max_decompressed, must_progress, stats);
  if (result != PartitionBuffer::Decoded::kChunk || known_to_ >= inherited_to_) return result;
  take_over(*buffer.chunks().back());
  // What the earlier owner settled takes no memory, or it would fill the budget behind a stuck record.
  buffer.compact_last(*ledger, budget);
  return result;
}

/// Of what an earlier owner left behind only the offsets are known. Now that the records are here: offsets
/// without one are nobody's business, and the others take their place in the order of their keys.
void Partition::take_over(const RecordChunk& chunk) {
  const auto missing_until = [&](Offset until) {
    const Offset last = std::min(until, inherited_to_) - 1;
    if (last >= known_to_) ledger->settle_missing({known_to_, last});
    known_to_ = std::max(known_to_, until);
  };
  const Offset after = chunk.batch.header.last_offset + 1;
  if (is_opaque(chunk.kind)) {
    const Offset first = chunk.batch.header.base_offset;
    missing_until(first);
    const auto piece = ledger->first_unsettled(first);
    const bool waits = first < inherited_to_ && piece && piece->range.first == first;
    if (order == OrderMode::kKey && waits) keys.add(first, std::nullopt);
    known_to_ = std::max(known_to_, first + 1);
  } else if (chunk.kind == ChunkKind::kData) {
    protocol::RecordCursor cursor(chunk.batch.header, chunk.batch.payload);
    protocol::Record record;
    while (cursor.next(record) && record.offset < inherited_to_) {
      if (record.offset < known_to_) continue;
      missing_until(record.offset);
      known_to_ = record.offset + 1;
      if (order != OrderMode::kKey) continue;
      const auto piece = ledger->first_unsettled(record.offset);
      if (piece && piece->range.first == record.offset) keys.add(record.offset, hash_of_key(record.key));
    }
    if (cursor.failed()) {
      buffer.split_broken(buffer.chunks().size() - 1, cursor.position(),
                          std::max(known_to_, chunk.batch.header.base_offset));
      return take_over(*buffer.chunks().back());
    }
  }
  missing_until(after);
}

std::int64_t Partition::settle(OffsetRange range, LeaseNumber lease) {
  if (order == OrderMode::kKey || ledger->condemned() > 0) {
    ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
      if (piece.entry.state == PartitionLedger::State::kSettled || piece.entry.lease != lease) return;
      keys.settled(piece.range);
      if (piece.entry.state == PartitionLedger::State::kCondemned) withdrawn.push_back(piece.range);
    });
  }
  return ledger->settle(range, lease);
}

std::int64_t Partition::give_back(
    OffsetRange range,
    LeaseNumber lease,
    const std::function<PartitionLedger::Return(const PartitionLedger::Entry&)>& terms) {
  std::vector<OffsetRange> held;
  ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
    if (piece.entry.state == PartitionLedger::State::kLeased && piece.entry.lease == lease)
      held.push_back(piece.range);
  });
  const std::int64_t condemned_before = ledger->condemned();
  const std::int64_t given_back = ledger->give_back(range, lease, terms);
  if (ledger->condemned() == condemned_before) return given_back;
  for (const OffsetRange& each : held) note_condemned(each, kMaxDeliveries);
  return given_back;
}

void Partition::note_condemned(OffsetRange range, std::string_view cause) {
  ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
    if (piece.entry.state != PartitionLedger::State::kCondemned) return;
    condemned.push_back({piece.range, piece.entry.deliveries, std::string(cause), {}});
  });
}

std::int64_t Partition::condemn_exhausted(const Redelivery& redelivery) {
  std::vector<OffsetRange> exhausted;
  ledger->for_each({ledger->watermark(), ledger->position()}, [&](const PartitionLedger::Piece& piece) {
    if (piece.entry.state == PartitionLedger::State::kReturned &&
        redelivery.exhausted(piece.entry.deliveries))
      exhausted.push_back(piece.range);
  });
  std::int64_t count = 0;
  for (const OffsetRange& range : exhausted) {
    count += ledger->condemn_returned(range);
    note_condemned(range, kMaxDeliveries);
  }
  return count;
}

std::int64_t Partition::reject(OffsetRange range, LeaseNumber lease, const std::string& reason) {
  ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
    if (piece.entry.state == PartitionLedger::State::kSettled || piece.entry.lease != lease) return;
    condemned.push_back({piece.range, piece.entry.deliveries, "rejected", reason});
  });
  return ledger->reject(range, lease);
}

std::int64_t Partition::settle_condemned(OffsetRange range) {
  if (order == OrderMode::kKey) {
    ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
      if (piece.entry.state == PartitionLedger::State::kCondemned) keys.settled(piece.range);
    });
  }
  return ledger->settle_condemned(range);
}

std::int64_t Partition::lose_below(Offset offset) {
  const Offset before = ledger->position();
  std::int64_t lost = std::max<std::int64_t>(0, offset - before);
  // What an earlier owner left and nobody has fetched since.
  const Offset last = std::min(offset, inherited_to_) - 1;
  if (last >= known_to_) {
    lost += ledger->settle_missing({known_to_, last}) + ledger->settle_condemned({known_to_, last});
    known_to_ = last + 1;
  }
  if (offset > before) {
    ledger->skip_to(offset);
    read_mark = {};
  }
  return lost;
}

void Partition::forget_data() {
  buffer.clear();
  read_mark = {};
  fetch_position = known_to_ = ledger->watermark();
  inherited_to_ = ledger->position();
}

bool Partition::forget_beyond(Offset log_end) {
  const Offset watermark = ledger->watermark();
  if (!inherits() || !buffer.empty() || log_end < watermark || log_end >= ledger->position()) return false;
  CommitMetadata known = commit_metadata();
  const auto cut = [log_end](auto& list, auto&& range_of) {
    std::erase_if(list, [&](auto& each) { return range_of(each).first >= log_end; });
    for (auto& each : list) range_of(each).last = std::min(range_of(each).last, log_end - 1);
  };
  cut(known.settled, [](OffsetRange& each) -> OffsetRange& { return each; });
  cut(known.failed, [](CommitMetadata::Failed& each) -> OffsetRange& { return each.range; });
  const Offset began_at = start;
  start_at(watermark, known);
  start = began_at;
  return true;
}

void Partition::free_settled(MemoryBudget& budget) {
  if (!ledger) return;
  const Offset watermark = ledger->watermark();
  const std::size_t index = buffer.find(watermark - 1);
  if (index < buffer.chunks().size() && buffer.chunks()[index]->batch.header.base_offset < watermark) {
    watermark_epoch = buffer.chunks()[index]->batch.header.leader_epoch;
  }
  buffer.settle_below(watermark);
  // Looking at all chunks is worth it once much has been settled above a gap. When memory is short it comes
  // sooner, however large the records are: what is settled must not stand in the way of what is not.
  constexpr std::int64_t kWorthLooking = 1024;
  const bool memory_is_short = budget.available() < budget.limit() / 4 * 3;
  const std::int64_t often = memory_is_short ? 1 + static_cast<std::int64_t>(buffer.chunks().size()) / 8
                                             : std::max(kWorthLooking, ledger->span() / 8);
  if (!ledger->has_gaps() || ledger->settled_total() - compacted_at_ < often) return;
  compacted_at_ = ledger->settled_total();
  buffer.compact(*ledger, budget);
}

CommitMetadata Partition::commit_metadata() const {
  CommitMetadata out;
  if (ledger->ranges() == 0) return out;
  ledger->for_each({ledger->watermark(), ledger->position()}, [&](const PartitionLedger::Piece& piece) {
    const PartitionLedger::Entry& entry = piece.entry;
    if (entry.state == PartitionLedger::State::kSettled) {
      out.settled.push_back(piece.range);
      return;
    }
    // A delivery that is not over yet has not failed.
    const bool over = entry.state != PartitionLedger::State::kLeased;
    const std::uint32_t failed = entry.deliveries - (over || entry.deliveries == 0 ? 0 : 1);
    if (failed > 0) out.failed.push_back({piece.range, failed});
  });
  return out;
}

}  // namespace sluice::core
