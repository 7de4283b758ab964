#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

/// Zig-zag varints of the v2 record format, for the hot path: the one-byte case is inline and costs one
/// comparison. They are apart from protocol/wire because there a reader owns the position and reports errors
/// with a place; here a batch of small records would pay for both on each of its seven numbers.
namespace sluice::protocol::record_varint {

namespace detail {

/// Reads the varint that starts at `p`; false when it runs past `end`, or does not fit into `Bits` bits.
/// `p` is behind the varint afterwards, or anywhere in it on failure.
template <unsigned Bits>
[[nodiscard]] inline bool read_long_form(const char*& p, const char* end, std::uint64_t& out) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; p != end && shift < Bits; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(*p++);
    const std::uint64_t low = byte & 0x7fU;
    if (shift + 7 > Bits && (low >> (Bits - shift)) != 0) {
      return false;
    }
    value |= low << shift;
    if (byte < 0x80U) {
      out = value;
      return true;
    }
  }
  return false;
}

}  // namespace detail

/// A 32-bit number: at most 5 bytes.
[[nodiscard]] inline bool read(const char*& p, const char* end, std::int32_t& out) {
  std::uint32_t raw = 0;
  if (p != end && static_cast<std::uint8_t>(*p) < 0x80U) [[likely]] {
    raw = static_cast<std::uint8_t>(*p++);
  } else {
    std::uint64_t wide = 0;
    if (!detail::read_long_form<32>(p, end, wide)) {
      return false;
    }
    raw = static_cast<std::uint32_t>(wide);
  }
  out = static_cast<std::int32_t>((raw >> 1U) ^ (0U - (raw & 1U)));
  return true;
}

/// A 64-bit number: at most 10 bytes.
[[nodiscard]] inline bool read(const char*& p, const char* end, std::int64_t& out) {
  std::uint64_t raw = 0;
  if (p != end && static_cast<std::uint8_t>(*p) < 0x80U) [[likely]] {
    raw = static_cast<std::uint8_t>(*p++);
  } else if (!detail::read_long_form<64>(p, end, raw)) {
    return false;
  }
  out = static_cast<std::int64_t>((raw >> 1U) ^ (0U - (raw & 1U)));
  return true;
}

/// Appends a number; the 32-bit and the 64-bit form of the same number are the same bytes.
inline void append(std::string& out, std::int64_t value) {
  auto raw = (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63U);
  while (raw >= 0x80U) {
    out.push_back(static_cast<char>(raw | 0x80U));
    raw >>= 7U;
  }
  out.push_back(static_cast<char>(raw));
}

/// Bytes that append() would write.
[[nodiscard]] inline std::size_t size(std::int64_t value) {
  auto raw = (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63U);
  std::size_t bytes = 1;
  while (raw >= 0x80U) {
    raw >>= 7U;
    ++bytes;
  }
  return bytes;
}

}  // namespace sluice::protocol::record_varint
