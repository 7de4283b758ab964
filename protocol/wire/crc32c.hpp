#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::protocol {

/// CRC-32C (Castagnoli), as RFC 3720 B.4 defines it: initial value and final xor are all ones. At hardware
/// speed.
/// @param previous  the CRC of the bytes before these, to compute one CRC over several pieces; 0 to begin
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous = 0);

}  // namespace sluice::protocol
