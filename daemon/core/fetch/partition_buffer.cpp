#include "daemon/core/fetch/partition_buffer.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

namespace {

// Typical ratio of text; only a first guess of what decompression will need.
constexpr std::int64_t kAssumedRatio = 4;

constexpr std::size_t kWorthShrinking = 4096;

std::int64_t chunk_size(const RecordChunk& chunk) {
  return static_cast<std::int64_t>(chunk.batch.payload.size());
}

}  // namespace

void PartitionBuffer::add(const FetchedSet& set, Offset from) {
  std::shared_ptr<protocol::AbortedTransactions> aborted;
  if (set.aborted) aborted = std::make_shared<protocol::AbortedTransactions>(*set.aborted);
  protocol::RecordSetReader reader(set.records);
  Offset expected = std::max(from, end_.value_or(from));
  for (;;) {
    auto next = reader.next();
    if (!next) {
      raw_error_ = next.error();
      break;
    }
    if (!*next) break;
    const protocol::RawBatch& batch = **next;
    if (batch.header.last_offset < expected) continue;
    const auto size = static_cast<std::int64_t>(batch.bytes.size());
    raw_bytes_ += size;
    raw_.push_back({set.frame, batch, aborted, size * kAssumedRatio});
    expected = batch.header.last_offset + 1;
    end_ = expected;
  }
}

PartitionBuffer::Decoded PartitionBuffer::fail(protocol::Error error, Offset offset) {
  error_ = std::move(error);
  error_offset_ = offset;
  return Decoded::kFailed;
}

PartitionBuffer::Decoded PartitionBuffer::decode_next(MemoryBudget& budget,
                                                      std::size_t max_decompressed,
                                                      bool must_progress,
                                                      TopicStats& stats) {
  if (raw_.empty()) {
    if (raw_error_) return fail(*raw_error_, end_.value_or(0));
    return Decoded::kNothingLeft;
  }
  Raw& raw = raw_.front();
  const protocol::BatchHeader& header = raw.batch.header;
  const bool in_place = header.codec == protocol::Codec::kNone && header.magic == 2;
  std::size_t limit = max_decompressed;
  if (!in_place && !must_progress) {
    if (!budget.fits(raw.needs)) return Decoded::kNeedsBudget;
    limit = std::min(limit, static_cast<std::size_t>(budget.available()));
  }
  auto decoded = protocol::decode_batch(raw.batch, limit);
  if (decoded) return keep(raw, std::move(*decoded), budget, stats);
  if (decoded.error().kind == protocol::ErrorKind::kTooLarge && limit < max_decompressed) {
    // It grows by more than was guessed. Not again before twice as much is free.
    raw.needs =
        std::min(2 * static_cast<std::int64_t>(limit) + 1, static_cast<std::int64_t>(max_decompressed));
    return Decoded::kNeedsBudget;
  }
  // Behind a right checksum, another copy would be the same.
  if (decoded.error().kind != protocol::ErrorKind::kCorrupt && header.magic == 2)
    return keep_opaque(raw, decoded.error(), stats);
  return fail(decoded.error(), header.base_offset);
}

PartitionBuffer::Decoded PartitionBuffer::keep_opaque(Raw& raw,
                                                      const protocol::Error& error,
                                                      TopicStats& stats) {
  auto chunk = std::make_shared<RecordChunk>();
  chunk->kind =
      error.kind == protocol::ErrorKind::kTooLarge ? ChunkKind::kOversized : ChunkKind::kUndecodable;
  chunk->error = error.message;
  chunk->batch.header = raw.batch.header;
  chunk->batch.payload = raw.batch.bytes;
  chunk->frame = raw.frame;
  ++(chunk->kind == ChunkKind::kOversized ? stats.oversized_batches : stats.undecodable_batches);
  push(std::move(chunk), static_cast<std::int64_t>(raw.batch.bytes.size()), stats);
  return Decoded::kChunk;
}

/// Turns the first raw batch, whose checksum is right, into a chunk.
PartitionBuffer::Decoded PartitionBuffer::keep(Raw& raw,
                                               protocol::DecodedBatch decoded,
                                               MemoryBudget& budget,
                                               TopicStats& stats) {
  const auto raw_size = static_cast<std::int64_t>(raw.batch.bytes.size());
  auto chunk = std::make_shared<RecordChunk>();
  chunk->batch = std::move(decoded);
  // The decompressor guesses the size; what it guessed too much would be held until the last record is
  // settled.
  std::string& owned = chunk->batch.owned;
  if (owned.capacity() > kWorthShrinking && owned.capacity() - owned.size() > owned.size() / 4)
    owned.shrink_to_fit();
  // Moving a short string moves its characters; the view must follow.
  if (!chunk->batch.owned.empty()) chunk->batch.payload = chunk->batch.owned;
  const protocol::BatchHeader header = chunk->batch.header;
  if (header.control) {
    const auto type = protocol::control_type(chunk->batch);
    if (!type) return keep_opaque(raw, type.error(), stats);
    if (raw.aborted) raw.aborted->on_control(header, *type);
    chunk->kind = ChunkKind::kControl;
  } else if (header.transactional && raw.aborted && raw.aborted->is_aborted(header)) {
    chunk->kind = ChunkKind::kAborted;
  }
  if (chunk->kind != ChunkKind::kData) {
    chunk->batch = {};
    chunk->batch.header = header;
  } else if (chunk->batch.owned.empty()) {
    chunk->frame = raw.frame;
  } else {
    chunk->charge = budget.take(static_cast<std::int64_t>(chunk->batch.owned.capacity()));
  }
  if (chunk->kind == ChunkKind::kData) {
    stats.records_fetched += static_cast<std::uint64_t>(std::max(0, header.record_count));
    stats.bytes_fetched += chunk->batch.payload.size();
  }
  push(std::move(chunk), raw_size, stats);
  return Decoded::kChunk;
}

/// The first raw batch has become `chunk`.
void PartitionBuffer::push(std::shared_ptr<const RecordChunk> chunk,
                           std::int64_t raw_size,
                           TopicStats& stats) {
  stats.wire_bytes_fetched += static_cast<std::uint64_t>(raw_size);
  raw_bytes_ -= raw_size;
  chunk_bytes_ += chunk_size(*chunk);
  decompressed_bytes_ += chunk->charge.bytes();
  raw_.pop_front();
  chunks_.push_back(std::move(chunk));
}

void PartitionBuffer::replace(std::size_t index, std::vector<std::shared_ptr<const RecordChunk>> chunks) {
  const auto at = chunks_.begin() + static_cast<std::ptrdiff_t>(index);
  chunk_bytes_ -= chunk_size(**at);
  decompressed_bytes_ -= (*at)->charge.bytes();
  for (const auto& chunk : chunks) {
    chunk_bytes_ += chunk_size(*chunk);
    decompressed_bytes_ += chunk->charge.bytes();
  }
  chunks_.insert(chunks_.erase(at), chunks.begin(), chunks.end());
}

void PartitionBuffer::split_broken(std::size_t index, std::size_t position, Offset offset) {
  const std::shared_ptr<const RecordChunk> whole = chunks_[index];
  // The parts borrow the bytes of the whole, which lives on inside of them.
  const std::shared_ptr<const std::string> bytes(whole, &whole->batch.owned);
  const auto part = [&](std::string_view payload) {
    auto chunk = std::make_shared<RecordChunk>();
    chunk->batch.header = whole->batch.header;
    chunk->batch.payload = payload;
    chunk->frame = bytes;
    return chunk;
  };
  std::vector<std::shared_ptr<const RecordChunk>> parts;
  const std::string_view payload = whole->batch.payload;
  if (position > 0) {
    auto good = part(payload.substr(0, position));
    good->batch.header.last_offset = offset - 1;
    parts.push_back(std::move(good));
  }
  auto bad = part(payload.substr(position));
  bad->kind = ChunkKind::kUndecodable;
  bad->error = "a record is malformed although the checksum of its batch is right";
  bad->batch.header.base_offset = offset;
  parts.push_back(std::move(bad));
  replace(index, std::move(parts));
}

namespace {

/// A chunk with only those records of `chunk` that are not settled.
std::shared_ptr<const RecordChunk> without_settled(const RecordChunk& chunk,
                                                   const PartitionLedger& ledger,
                                                   MemoryBudget& budget) {
  std::string kept;
  std::int32_t count = 0;
  protocol::RecordCursor cursor(chunk.batch.header, chunk.batch.payload);
  protocol::Record record;
  std::optional<PartitionLedger::Piece> piece;
  for (;;) {
    const std::size_t begin = cursor.position();
    if (!cursor.next(record)) break;
    if (!piece || record.offset > piece->range.last) piece = ledger.first_unsettled(record.offset);
    if (!piece) break;
    if (record.offset < piece->range.first) continue;
    kept.append(chunk.batch.payload.substr(begin, cursor.position() - begin));
    ++count;
  }
  kept.shrink_to_fit();
  auto smaller = std::make_shared<RecordChunk>();
  smaller->batch.header = chunk.batch.header;
  smaller->batch.header.record_count = count;
  smaller->batch.owned = std::move(kept);
  smaller->batch.payload = smaller->batch.owned;
  smaller->charge = budget.take(static_cast<std::int64_t>(smaller->batch.owned.capacity()));
  return smaller;
}

enum class Worth : std::uint8_t { kKeeping = 1, kShrinking, kDropping };

/// What is to be done with a chunk, by what the ledger says of its records.
Worth worth(const RecordChunk& chunk, const PartitionLedger& ledger) {
  constexpr std::int64_t kWorthCopying = 4;  // at most one record in so many is left
  const protocol::BatchHeader& header = chunk.batch.header;
  if (header.last_offset >= ledger.position()) return Worth::kKeeping;
  std::int64_t open = 0;
  ledger.for_each({header.base_offset, header.last_offset}, [&](const PartitionLedger::Piece& piece) {
    if (piece.entry.state != PartitionLedger::State::kSettled) open += piece.range.count();
  });
  if (open == 0) return Worth::kDropping;
  return chunk.kind == ChunkKind::kData && open * kWorthCopying <= header.record_count ? Worth::kShrinking
                                                                                       : Worth::kKeeping;
}

}  // namespace

void PartitionBuffer::compact(const PartitionLedger& ledger, MemoryBudget& budget) {
  std::deque<std::shared_ptr<const RecordChunk>> kept;
  for (auto& chunk : chunks_) {
    const Worth what = worth(*chunk, ledger);
    if (what == Worth::kDropping) continue;
    if (what == Worth::kShrinking) chunk = without_settled(*chunk, ledger, budget);
    kept.push_back(std::move(chunk));
  }
  chunks_ = std::move(kept);
  chunk_bytes_ = decompressed_bytes_ = 0;
  for (const auto& chunk : chunks_) {
    chunk_bytes_ += chunk_size(*chunk);
    decompressed_bytes_ += chunk->charge.bytes();
  }
}

void PartitionBuffer::compact_last(const PartitionLedger& ledger, MemoryBudget& budget) {
  if (chunks_.empty()) return;
  const RecordChunk& last = *chunks_.back();
  const Worth what = worth(last, ledger);
  if (what == Worth::kKeeping) return;
  std::vector<std::shared_ptr<const RecordChunk>> left;
  if (what == Worth::kShrinking) left.push_back(without_settled(last, ledger, budget));
  replace(chunks_.size() - 1, std::move(left));
}

std::size_t PartitionBuffer::find(Offset offset) const {
  const auto it = std::lower_bound(chunks_.begin(), chunks_.end(), offset,
                                   [](const std::shared_ptr<const RecordChunk>& chunk, Offset wanted) {
                                     return chunk->batch.header.last_offset < wanted;
                                   });
  return static_cast<std::size_t>(it - chunks_.begin());
}

void PartitionBuffer::settle_below(Offset watermark) {
  while (!chunks_.empty() && chunks_.front()->batch.header.last_offset < watermark) {
    chunk_bytes_ -= chunk_size(*chunks_.front());
    decompressed_bytes_ -= chunks_.front()->charge.bytes();
    chunks_.pop_front();
  }
}

void PartitionBuffer::drop_undecoded() {
  raw_.clear();
  raw_bytes_ = 0;
  raw_error_.reset();
  error_.reset();
  end_.reset();
  if (!chunks_.empty()) end_ = chunks_.back()->batch.header.last_offset + 1;
}

void PartitionBuffer::clear() {
  drop_undecoded();
  chunks_.clear();
  chunk_bytes_ = 0;
  decompressed_bytes_ = 0;
  end_.reset();
}

}  // namespace sluice::core
