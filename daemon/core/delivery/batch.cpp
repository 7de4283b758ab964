#include "daemon/core/delivery/batch.hpp"

namespace sluice::core {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kHalf = 16;

std::optional<std::uint64_t> parse_half(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = (value << 4U) | digit;
  }
  return value;
}

}  // namespace

std::string_view to_string(ChunkKind kind) {
  switch (kind) {
    case ChunkKind::kData:
      return "data";
    case ChunkKind::kControl:
      return "control";
    case ChunkKind::kAborted:
      return "aborted";
    case ChunkKind::kUndecodable:
      return "undecodable";
    case ChunkKind::kOversized:
      return "oversized";
  }
  return "?";
}

std::optional<BatchId> BatchId::parse(std::string_view text) {
  if (text.size() != 2 * kHalf) return std::nullopt;
  const auto high = parse_half(text.substr(0, kHalf));
  const auto low = parse_half(text.substr(kHalf));
  if (!high || !low) return std::nullopt;
  return BatchId({*high, *low});
}

std::string BatchId::to_string() const {
  std::string text(2 * kHalf, '0');
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t i = 0; i < kHalf; ++i) {
      text[half * kHalf + i] = kDigits[(bits_[half] >> (60U - 4U * i)) & 0xFU];
    }
  }
  return text;
}

}  // namespace sluice::core
