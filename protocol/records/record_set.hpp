#pragma once

#include "protocol/error.hpp"
#include "protocol/records/batch_header.hpp"
#include "protocol/records/record.hpp"
#include "protocol/records/record_cursor.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::protocol {

/// One complete batch inside a record set; `bytes` is the whole batch, header included, borrowed from the
/// set.
struct RawBatch {
  BatchHeader header;
  std::string_view bytes;
};

/// Splits the `records` field of a Fetch response into batches. Looks at headers only: no CRC, no
/// decompression.
///
/// A partial batch at the end is normal (the broker cuts at the byte limit) and ends the walk quietly.
/// Source: RecordBatch v2 (KIP-98), message sets v0/v1.
class RecordSetReader {
 public:
  RecordSetReader() = default;
  explicit RecordSetReader(std::string_view records) : records_(records) {}

  /// The next complete batch; nullopt at the end or at a partial tail; an error when the bytes cannot be a
  /// batch (kMalformed, kUnsupported: magic above 2). After an error every further call gives the same error.
  [[nodiscard]] Result<std::optional<RawBatch>> next();

  /// Bytes consumed so far.
  [[nodiscard]] std::size_t position() const { return position_; }

  /// Bytes left over as a partial batch; meaningful after next() returned nullopt.
  [[nodiscard]] std::size_t partial_tail() const { return records_.size() - position_; }

  /// Total size of the first batch as its header claims (12 + batchLength), nullopt with fewer than 17 bytes
  /// or a negative length. Tells "the first record is larger than the limit" from "no data".
  [[nodiscard]] std::optional<std::uint64_t> first_batch_size() const;

 private:
  std::string_view records_;
  std::size_t position_ = 0;
};

/// The records of one batch, ready to be walked in the v2 record layout whatever the batch looked like on the
/// wire: legacy messages are rewritten into it. When `owned` is empty the payload is borrowed from
/// RawBatch::bytes.
struct DecodedBatch {
  BatchHeader header;
  /// Decompressed or rewritten bytes, on the heap however few: moving the batch leaves `payload` valid,
  /// copying does not.
  std::string owned;
  std::string_view payload;  ///< records back to back; points into `owned` or into the raw batch
};

/// Checks the CRC (CRC-32C over attributes..end for magic 2, CRC-32 for magic 0/1), then decompresses, then
/// checks that the payload is as many records as the header says. What is inside a record is checked by the
/// cursor.
///
/// @param max_bytes  limit of the decompressed size; above it kTooLarge. No limit for what is not compressed
/// @param scratch    reused for `owned`, best with its old content; a batch that needs no memory of its own
///                   keeps its capacity in an empty `owned`
///
/// Errors: kCorrupt (CRC), kTooLarge, kUnsupported (codec 5-7), kMalformed; the message names codec and
/// offset.
[[nodiscard]] Result<DecodedBatch> decode_batch(const RawBatch& batch,
                                                std::size_t max_bytes,
                                                std::string scratch = {});

/// What a control batch says (KIP-98): only ABORT and COMMIT matter to a consumer.
enum class ControlType : std::uint8_t { kAbort = 0, kCommit = 1, kOther = 2 };

/// Reads the marker of a control batch; kOther for types made after 4.3 and for a batch that compaction
/// emptied. Errors: kMalformed, also for a batch that is no control batch.
[[nodiscard]] Result<ControlType> control_type(const DecodedBatch& batch);

}  // namespace sluice::protocol
