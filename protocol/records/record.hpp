#pragma once

#include "protocol/records/record_varint.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::protocol {

enum class TimestampType : std::uint8_t { kCreateTime = 0, kLogAppendTime = 1 };

/// Compression codec of a record batch (attributes bits 0-2).
enum class Codec : std::uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

/// One header of a record. The same name may occur several times; order is kept. A null value differs from an
/// empty one.
struct RecordHeader {
  std::string_view name;
  std::optional<std::string_view> value;
};

namespace detail {

/// Reads a length and that many bytes; the length -1 means null.
[[nodiscard]] inline bool read_nullable_bytes(const char*& p,
                                              const char* end,
                                              std::optional<std::string_view>& out) {
  std::int32_t length = 0;
  if (!record_varint::read(p, end, length) || length > end - p) {
    return false;
  }
  if (length < 0) {
    out.reset();
    return length == -1;
  }
  out.emplace(p, static_cast<std::size_t>(length));
  p += length;
  return true;
}

[[nodiscard]] inline bool read_header(const char*& p, const char* end, RecordHeader& out) {
  std::int32_t length = 0;
  if (!record_varint::read(p, end, length) || length < 0 || length > end - p) {
    return false;
  }
  out.name = std::string_view(p, static_cast<std::size_t>(length));
  p += length;
  return read_nullable_bytes(p, end, out.value);
}

}  // namespace detail

/// The headers of one record, walked lazily: no allocation. Borrowed from the memory of the batch.
class RecordHeaders {
 public:
  RecordHeaders() = default;
  RecordHeaders(std::string_view bytes, std::uint32_t count) : bytes_(bytes), count_(count) {}

  [[nodiscard]] std::uint32_t count() const { return count_; }

  /// Calls `f(RecordHeader)` in order. The bytes were checked when the record was read: then `f` is called
  /// count() times. Bytes that nobody checked end the walk where they go wrong, and are never left.
  template <class F>
  void for_each(F&& f) const {
    const char* p = bytes_.data();
    const char* const end = p + bytes_.size();
    RecordHeader header;
    for (std::uint32_t i = 0; i < count_ && detail::read_header(p, end, header); ++i) {
      f(header);
    }
  }

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
