#pragma once

#include "protocol/error.hpp"
#include "protocol/records/record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::protocol {

/// Header of one batch of a record set. For legacy message sets (magic 0 and 1) one batch is one outer message.
struct BatchHeader {
  std::int64_t base_offset = 0;
  std::int64_t last_offset = 0;  ///< base_offset + lastOffsetDelta: the position after this batch is last_offset + 1
  std::int32_t leader_epoch = -1;
  std::int8_t magic = 2;
  Codec codec = Codec::kNone;
  TimestampType timestamp_type = TimestampType::kCreateTime;
  std::int64_t base_timestamp = -1;
  std::int64_t max_timestamp = -1;
  std::int64_t producer_id = -1;
  bool transactional = false;
  bool control = false;
  std::int32_t record_count = 0;
};

/// One complete batch inside a record set; `bytes` is the whole batch, header included, borrowed from the set.
struct RawBatch {
  BatchHeader header;
  std::string_view bytes;
};

/// Splits the `records` field of a Fetch response into batches. Looks at headers only: no CRC, no decompression.
///
/// A partial batch at the end is normal (the broker cuts at the byte limit) and ends the walk quietly.
/// Source: RecordBatch v2 (KIP-98), message sets v0/v1.
class RecordSetReader {
 public:
  RecordSetReader() = default;
  explicit RecordSetReader(std::string_view records) : records_(records) {}

  /// The next complete batch; nullopt at the end or at a partial tail; an error when the bytes cannot be a batch
  /// (kMalformed, kUnsupported: magic above 2). After an error every further call gives the same error.
  [[nodiscard]] Result<std::optional<RawBatch>> next();

  /// Bytes consumed so far.
  [[nodiscard]] std::size_t position() const { return position_; }

  /// Bytes left over as a partial batch; meaningful after next() returned nullopt.
  [[nodiscard]] std::size_t partial_tail() const { return records_.size() - position_; }

  /// Total size of the first batch as its header claims (12 + batchLength), nullopt with fewer than 17 bytes.
  /// Tells "the first record is larger than the limit" from "no data".
  [[nodiscard]] std::optional<std::uint64_t> first_batch_size() const;

 private:
  std::string_view records_;
  std::size_t position_ = 0;
};

/// The records of one batch, ready to be walked in the v2 record layout whatever the batch looked like on the wire:
/// legacy messages are rewritten into it. When `owned` is empty the payload is borrowed from RawBatch::bytes.
struct DecodedBatch {
  BatchHeader header;
  std::string owned;         ///< decompressed or rewritten bytes; its address must not change while `payload` is used
  std::string_view payload;  ///< records back to back; points into `owned` or into the raw batch
};

/// Checks the CRC (CRC-32C over attributes..end for magic 2, CRC-32 for magic 0/1), then decompresses.
/// @param max_bytes  hard limit of the decompressed size; above it kTooLarge
/// @param scratch    reused for `owned` to save allocations; its capacity is taken over
/// Errors: kCorrupt (CRC), kTooLarge, kUnsupported (codec 5-7), kMalformed; the message names codec and base offset.
[[nodiscard]] Result<DecodedBatch> decode_batch(const RawBatch& batch, std::size_t max_bytes, std::string scratch = {});

/// What a control batch says (KIP-98): only ABORT and COMMIT matter to a consumer.
enum class ControlType : std::uint8_t { kAbort = 0, kCommit = 1, kOther = 2 };
[[nodiscard]] Result<ControlType> control_type(const DecodedBatch& batch);

/// Walks the records of a decoded batch, bounds-checked, without allocating. Position can be saved and restored, so that
/// a lease can remember where its records start.
class RecordCursor {
 public:
  RecordCursor() = default;
  /// @param position  a value that position() returned earlier for the same batch, or 0
  RecordCursor(const BatchHeader& header, std::string_view payload, std::size_t position = 0)
      : header_(&header), payload_(payload), position_(position) {}

  /// Reads the next record; false at the end of the payload or on an error (then failed() is true).
  [[nodiscard]] bool next(Record& out);

  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  const BatchHeader* header_ = nullptr;
  std::string_view payload_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace sluice::protocol
