#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::protocol {

enum class TimestampType : std::uint8_t { kCreateTime = 0, kLogAppendTime = 1 };

/// Compression codec of a record batch (attributes bits 0-2).
enum class Codec : std::uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

/// One header of a record. The same name may occur several times; order is kept. A null value differs from an empty one.
struct RecordHeader {
  std::string_view name;
  std::optional<std::string_view> value;
};

/// The headers of one record, walked lazily: no allocation. Borrowed from the memory of the batch.
class RecordHeaders {
 public:
  RecordHeaders() = default;
  RecordHeaders(std::string_view bytes, std::uint32_t count) : bytes_(bytes), count_(count) {}

  [[nodiscard]] std::uint32_t count() const { return count_; }

  /// Calls `f(RecordHeader)` in order. The bytes were checked when the record was read.
  template <class F>
  void for_each(F&& f) const;

 private:
  std::string_view bytes_;
  std::uint32_t count_ = 0;
};

/// One data record, borrowed from the memory of its batch. Null and empty key or value are different things.
struct Record {
  std::int64_t offset = 0;
  std::int64_t timestamp = -1;  ///< ms since the epoch; -1: the format has none (magic 0)
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  RecordHeaders headers;
  std::size_t payload_bytes = 0;  ///< key + value + header names + header values
};

}  // namespace sluice::protocol
