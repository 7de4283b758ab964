#include "protocol/records/record_cursor.hpp"

#include "protocol/records/record_varint.hpp"

#include <optional>

namespace sluice::protocol {

namespace {

/// Checks that the rest of a record is exactly its headers, so that RecordHeaders need not report errors.
[[nodiscard]] bool read_headers(const char* p, const char* end, std::int32_t count, Record& out) {
  if (count < 0 || count > (end - p) / 2) {  // a header takes two lengths at least
    return false;
  }
  out.headers = RecordHeaders(std::string_view(p, static_cast<std::size_t>(end - p)),
                              static_cast<std::uint32_t>(count));
  RecordHeader header;
  for (std::int32_t i = 0; i < count; ++i) {
    if (!detail::read_header(p, end, header)) {
      return false;
    }
    out.payload_bytes += header.name.size() + (header.value ? header.value->size() : 0);
  }
  return p == end;
}

}  // namespace

bool RecordCursor::next(Record& out) {
  if (failed_ || position_ == payload_.size()) {
    return false;
  }
  const char* p = payload_.data() + position_;
  const char* const end = payload_.data() + payload_.size();
  std::int32_t length = 0;
  if (record_varint::read(p, end, length) && length >= 0 && length <= end - p &&
      read_body(p, p + length, out)) [[likely]] {
    position_ = static_cast<std::size_t>(p + length - payload_.data());
    return true;
  }
  failed_ = true;
  return false;
}

bool RecordCursor::read_body(const char* p, const char* end, Record& out) const {
  if (p == end) {
    return false;
  }
  ++p;  // attributes: no bit has a meaning yet
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  std::int32_t header_count = 0;
  if (!record_varint::read(p, end, timestamp_delta) || !record_varint::read(p, end, offset_delta) ||
      offset_delta < 0 || offset_delta > last_offset_delta_ ||
      !detail::read_nullable_bytes(p, end, out.key) || !detail::read_nullable_bytes(p, end, out.value) ||
      !record_varint::read(p, end, header_count)) {
    return false;
  }
  out.offset = base_offset_ + offset_delta;
  // A hostile delta may overflow: it wraps, as in Java, for a wrong timestamp does no harm.
  out.timestamp = log_append_time_ ? max_timestamp_
                                   : static_cast<std::int64_t>(static_cast<std::uint64_t>(base_timestamp_) +
                                                               static_cast<std::uint64_t>(timestamp_delta));
  out.payload_bytes = (out.key ? out.key->size() : 0) + (out.value ? out.value->size() : 0);
  if (header_count == 0) [[likely]] {
    out.headers = RecordHeaders();
    return p == end;
  }
  return read_headers(p, end, header_count, out);
}

}  // namespace sluice::protocol
