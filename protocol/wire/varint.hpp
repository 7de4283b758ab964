#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

/// Variable-length integers: 7 bits per byte, lowest first, bit 7 says "more". Messages use unsigned ones
/// (KIP-482), records zig-zag ones. Limits: 5 bytes for 32 bits, 10 bytes for 64.
namespace sluice::protocol {

enum class VarintStatus : std::uint8_t {
  kOk = 0,
  kTruncated,  ///< the bytes end before the number does
  kTooLong,    ///< more bits than the type has
};

/// Reads at `position` and moves it behind the number; leaves it alone on failure.
template <std::unsigned_integral T>
[[nodiscard]] constexpr VarintStatus read_unsigned_varint(std::string_view bytes,
                                                          std::size_t& position,
                                                          T& value) {
  T result = 0;
  std::size_t at = position;
  for (unsigned shift = 0; shift < std::numeric_limits<T>::digits; shift += 7, ++at) {
    if (at >= bytes.size()) return VarintStatus::kTruncated;
    const auto byte = static_cast<std::uint8_t>(bytes[at]);
    const T bits = byte & 0x7FU;
    if ((bits << shift) >> shift != bits) return VarintStatus::kTooLong;
    result |= bits << shift;
    if ((byte & 0x80U) == 0) {
      position = at + 1;
      value = result;
      return VarintStatus::kOk;
    }
  }
  return VarintStatus::kTooLong;
}

template <std::unsigned_integral T>
void append_unsigned_varint(std::string& out, T value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80U));
    value >>= 7U;
  }
  out.push_back(static_cast<char>(value));
}

/// 0, -1, 1, -2 ... become 0, 1, 2, 3 ..., so that small negative numbers stay short.
[[nodiscard]] constexpr std::uint32_t zigzag(std::int32_t value) {
  return (static_cast<std::uint32_t>(value) << 1U) ^ static_cast<std::uint32_t>(value >> 31);
}
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int32_t unzigzag(std::uint32_t value) {
  return static_cast<std::int32_t>((value >> 1U) ^ (0U - (value & 1U)));
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1U) ^ (std::uint64_t{0} - (value & 1U)));
}

}  // namespace sluice::protocol
