#pragma once

#include "protocol/wire/varint.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace sluice::protocol {

/// Appends big-endian values to a string that the caller owns.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(&out) {}

  [[nodiscard]] std::size_t size() const { return out_->size(); }  ///< of the whole string

  template <std::integral T>
  void write(T value) {
    char bytes[sizeof(T)];
    put(bytes, value);
    out_->append(bytes, sizeof(T));
  }
  void write_int8(std::int8_t value) { write(value); }
  void write_int16(std::int16_t value) { write(value); }
  void write_int32(std::int32_t value) { write(value); }
  void write_int64(std::int64_t value) { write(value); }

  void write_unsigned_varint(std::uint32_t value) { append_unsigned_varint(*out_, value); }
  void write_varint(std::int32_t value) {
    append_unsigned_varint(*out_, zigzag(value));
  }  ///< zig-zag, 32 bits
  void write_varlong(std::int64_t value) {
    append_unsigned_varint(*out_, zigzag(value));
  }  ///< zig-zag, 64 bits

  void write_bytes(std::string_view bytes) { out_->append(bytes); }

  /// Overwrites what was written at `position` before, e.g. a length that is known only afterwards.
  template <std::integral T>
  void patch(std::size_t position, T value) {
    char bytes[sizeof(T)];
    put(bytes, value);
    out_->replace(position, sizeof(T), bytes, sizeof(T));
  }

 private:
  template <std::integral T>
  static void put(char* bytes, T value) {
    auto rest = static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(value));
    for (std::size_t i = sizeof(T); i-- > 0; rest >>= 8U) bytes[i] = static_cast<char>(rest);
  }

  std::string* out_;
};

}  // namespace sluice::protocol
