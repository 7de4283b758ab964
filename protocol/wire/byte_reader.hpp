#pragma once

#include "protocol/error.hpp"
#include "protocol/wire/varint.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace sluice::protocol {

/// Cursor over bytes that someone else wrote. Never reads past their end and never allocates.
///
/// Failure sticks: after the first one every read gives zero or nothing, so a caller may read several fields
/// and look at failed() once. Does not own the bytes.
class ByteReader {
 public:
  ByteReader() = default;
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t remaining() const { return failed_ ? 0 : bytes_.size() - position_; }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] ErrorKind error_kind() const { return kind_; }  ///< meaningful when failed()
  [[nodiscard]] std::string_view error_reason() const {
    return reason_;
  }  ///< a literal; meaningful when failed()

  /// Big endian, two's complement.
  template <std::integral T>
  T read() {
    using U = std::make_unsigned_t<T>;
    U value = 0;
    for (const char c : read_bytes(sizeof(T))) {
      value = static_cast<U>((static_cast<std::uint64_t>(value) << 8U) | static_cast<std::uint8_t>(c));
    }
    return static_cast<T>(value);
  }
  std::int8_t read_int8() { return read<std::int8_t>(); }
  std::int16_t read_int16() { return read<std::int16_t>(); }
  std::int32_t read_int32() { return read<std::int32_t>(); }
  std::int64_t read_int64() { return read<std::int64_t>(); }
  std::uint32_t read_uint32() { return read<std::uint32_t>(); }

  std::uint32_t read_unsigned_varint() { return read_any_varint<std::uint32_t>(); }
  std::int32_t read_varint() { return unzigzag(read_any_varint<std::uint32_t>()); }   ///< zig-zag, 32 bits
  std::int64_t read_varlong() { return unzigzag(read_any_varint<std::uint64_t>()); }  ///< zig-zag, 64 bits

  /// The next `count` bytes, borrowed; empty on failure.
  std::string_view read_bytes(std::size_t count) {
    if (count > remaining()) {
      fail(ErrorKind::kTruncated, "truncated");
      return {};
    }
    const std::string_view result = bytes_.substr(position_, count);
    position_ += count;
    return result;
  }

  /// Lets the caller's own checks fail the reader. The first failure wins. `reason` must be a literal.
  void fail(ErrorKind kind, std::string_view reason) {
    if (failed_) return;
    failed_ = true;
    kind_ = kind;
    reason_ = reason;
  }

 private:
  template <std::unsigned_integral T>
  T read_any_varint() {
    T value = 0;
    if (failed_) return value;
    switch (sluice::protocol::read_unsigned_varint(bytes_, position_, value)) {
      case VarintStatus::kOk:
        break;
      case VarintStatus::kTruncated:
        fail(ErrorKind::kTruncated, "truncated");
        break;
      case VarintStatus::kTooLong:
        fail(ErrorKind::kMalformed, "varint too long");
        break;
    }
    return value;
  }

  std::string_view bytes_;
  std::size_t position_ = 0;
  bool failed_ = false;
  ErrorKind kind_ = ErrorKind::kTruncated;
  std::string_view reason_;
};

}  // namespace sluice::protocol
