#include "protocol/wire/crc32c.hpp"

#include <cstddef>
#include <isa-l/crc.h>

namespace sluice::protocol {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous) {
  constexpr std::size_t kLongestPiece = std::size_t{1} << 30;  // ISA-L counts in int
  std::uint32_t state = ~previous;                             // ISA-L leaves both inversions to its caller
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, kLongestPiece);
    // ISA-L only reads: its parameter lacks the const.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));
    state = crc32_iscsi(data, static_cast<int>(piece.size()), state);
    bytes.remove_prefix(piece.size());
  }
  return ~state;
}

}  // namespace sluice::protocol
