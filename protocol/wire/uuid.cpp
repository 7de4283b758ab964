#include "protocol/wire/uuid.hpp"

namespace sluice::protocol {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kTextLength = 22;  // ceil(16 * 8 / 6)

}  // namespace

std::string Uuid::to_string() const {
  std::string text;
  text.reserve(kTextLength);
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  for (const std::uint8_t byte : bytes) {
    pending = (pending << 8U) | byte;
    pending_bits += 8;
    while (pending_bits >= 6) {
      pending_bits -= 6;
      text.push_back(kAlphabet[(pending >> pending_bits) & 0x3FU]);
    }
  }
  text.push_back(kAlphabet[(pending << (6 - pending_bits)) & 0x3FU]);
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  Uuid id;
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  std::size_t filled = 0;
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    pending = (pending << 6U) | static_cast<std::uint32_t>(digit);
    pending_bits += 6;
    if (pending_bits < 8) continue;
    pending_bits -= 8;
    id.bytes[filled++] = static_cast<std::uint8_t>(pending >> pending_bits);
  }
  // The last character carries 2 bits of the id and 4 that must be zero: one id has one text.
  if ((pending & 0x0FU) != 0) return std::nullopt;
  return id;
}

}  // namespace sluice::protocol
