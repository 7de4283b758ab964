#pragma once

#include "daemon/core/delivery/batch.hpp"
#include "daemon/core/delivery/partition_ledger.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/types.hpp"
#include "protocol/error.hpp"
#include "protocol/records/aborted_transactions.hpp"
#include "protocol/records/record_set.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::core {

/// What one Fetch response holds for one partition.
struct FetchedSet {
  std::shared_ptr<const std::string> frame;              ///< whole response; its owner carries the charge
  std::string_view records;                              ///< inside `frame`
  std::optional<protocol::AbortedTransactions> aborted;  ///< read_committed: what to leave out
};

/// Fetched and not yet settled data of one partition: raw batches as they came, then decoded chunks.
///
/// Batches are checked and decompressed one at a time, when a batch for an application needs them: until then
/// only the compressed bytes take memory. Chunks stay until everything in them is settled, so that a
/// redelivery needs no second fetch.
class PartitionBuffer {
 public:
  enum class Decoded : std::uint8_t {
    kChunk = 1,    ///< one more chunk
    kNothingLeft,  ///< no undecoded batch
    kNeedsBudget,  ///< the next batch does not fit into the memory budget now
    kFailed,       ///< the next batch is broken; see error()
  };

  /// Takes the batches of a response in. Batches that end below `from` are dropped.
  void add(const FetchedSet& set, Offset from);

  /// Decodes the next raw batch. `must_progress` lets one batch overdraw the budget.
  Decoded decode_next(MemoryBudget& budget,
                      std::size_t max_decompressed,
                      bool must_progress,
                      TopicStats& stats);

  /// First offset behind all batches taken in; nothing when none ever was.
  [[nodiscard]] std::optional<Offset> end() const { return end_; }

  [[nodiscard]] const std::deque<std::shared_ptr<const RecordChunk>>& chunks() const { return chunks_; }
  /// Index of the first chunk that ends at or behind `offset`; chunks().size() when there is none.
  [[nodiscard]] std::size_t find(Offset offset) const;

  [[nodiscard]] bool has_undecoded() const { return !raw_.empty() || raw_error_.has_value(); }
  [[nodiscard]] bool empty() const { return chunks_.empty() && !has_undecoded(); }
  /// Bytes of raw batches and of decoded chunks.
  [[nodiscard]] std::int64_t bytes() const { return raw_bytes_ + chunk_bytes_; }
  /// Memory of chunks that do not lie in the frame they came with: decompressed ones.
  [[nodiscard]] std::int64_t decompressed_bytes() const { return decompressed_bytes_; }

  /// What decode_next() failed on, and the offset of the broken batch.
  [[nodiscard]] const std::optional<protocol::Error>& error() const { return error_; }
  [[nodiscard]] Offset error_offset() const { return error_offset_; }
  /// A record inside a chunk turned out malformed although the checksum was right: another copy would be the
  /// same. What follows `position` of its payload becomes an opaque chunk that begins at `offset`.
  void split_broken(std::size_t index, std::size_t position, Offset offset);

  /// Frees chunks that end below `watermark`.
  void settle_below(Offset watermark);
  /// Frees memory of what is settled above the watermark: chunks without an unsettled record, and the settled
  /// records of chunks that have only a few others left. Leaves chunks that reach `position` alone.
  void compact(const PartitionLedger& ledger, MemoryBudget& budget);
  /// The same for the chunk that was decoded last.
  void compact_last(const PartitionLedger& ledger, MemoryBudget& budget);
  /// Drops undecoded batches, e.g. broken ones, to fetch them again. Decoded chunks stay.
  void drop_undecoded();
  void clear();

 private:
  struct Raw {
    std::shared_ptr<const std::string> frame;
    protocol::RawBatch batch;
    std::shared_ptr<protocol::AbortedTransactions> aborted;
    std::int64_t needs = 0;  ///< free budget without which decompressing is not worth an attempt
  };

  Decoded fail(protocol::Error error, Offset offset);
  Decoded keep_opaque(Raw& raw, const protocol::Error& error, TopicStats& stats);
  void push(std::shared_ptr<const RecordChunk> chunk, std::int64_t raw_size, TopicStats& stats);
  void replace(std::size_t index, std::vector<std::shared_ptr<const RecordChunk>> chunks);
  Decoded keep(Raw& raw, protocol::DecodedBatch decoded, MemoryBudget& budget, TopicStats& stats);

  std::deque<Raw> raw_;
  std::deque<std::shared_ptr<const RecordChunk>> chunks_;
  std::optional<protocol::Error> raw_error_;  ///< what follows the last raw batch cannot be a batch
  std::optional<protocol::Error> error_;
  Offset error_offset_ = 0;
  std::optional<Offset> end_;
  std::int64_t raw_bytes_ = 0;
  std::int64_t chunk_bytes_ = 0;
  std::int64_t decompressed_bytes_ = 0;
};

}  // namespace sluice::core
