#pragma once

#include "protocol/records/batch_header.hpp"
#include "protocol/records/record.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::protocol {

/// Walks the records of a decoded batch, bounds-checked, without allocating. Position can be saved and
/// restored, so that a lease can remember where its records start.
///
/// Promised about every record: its offset is between base_offset and last_offset of the header, all its
/// views lie in the payload, and its length is exactly what its fields take. Not promised: ascending offsets.
/// A broker does not check the offsets inside an uncompressed batch; like the Java consumer, skip a record
/// that is not above the one before.
class RecordCursor {
 public:
  RecordCursor() = default;
  /// Copies what it needs of the header; the payload must outlive the cursor and every record read.
  /// @param position  a value that position() returned earlier for the same batch, or 0
  RecordCursor(const BatchHeader& header, std::string_view payload, std::size_t position = 0)
      : payload_(payload),
        position_(position),
        base_offset_(header.base_offset),
        last_offset_delta_(header.last_offset - header.base_offset),
        base_timestamp_(header.base_timestamp),
        max_timestamp_(header.max_timestamp),
        log_append_time_(header.timestamp_type == TimestampType::kLogAppendTime),
        failed_(position > payload.size()) {}

  /// Reads the next record; false at the end of the payload or on an error (then failed() is true, and
  /// position() is still that of the broken record). `out` is unspecified after false.
  [[nodiscard]] bool next(Record& out);

  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  [[nodiscard]] bool read_body(const char* p, const char* end, Record& out) const;

  std::string_view payload_;
  std::size_t position_ = 0;
  std::int64_t base_offset_ = 0;
  std::int64_t last_offset_delta_ = 0;
  std::int64_t base_timestamp_ = -1;
  std::int64_t max_timestamp_ = -1;
  bool log_append_time_ = false;
  bool failed_ = false;
};

}  // namespace sluice::protocol
