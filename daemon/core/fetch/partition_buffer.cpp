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
  return fail(decoded.error(), header.base_offset);
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
    if (!type) return fail(type.error(), header.base_offset);
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
  stats.wire_bytes_fetched += static_cast<std::uint64_t>(raw_size);
  raw_bytes_ -= raw_size;
  chunk_bytes_ += chunk_size(*chunk);
  decompressed_bytes_ += chunk->charge.bytes();
  raw_.pop_front();
  chunks_.push_back(std::move(chunk));
  return Decoded::kChunk;
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
  clear_error();
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
