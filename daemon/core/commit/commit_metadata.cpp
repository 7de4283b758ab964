#include "daemon/core/commit/commit_metadata.hpp"

#include "daemon/core/assert.hpp"
#include "daemon/core/commit/metadata_blocks.hpp"
#include "protocol/wire/crc32c.hpp"
#include "protocol/wire/varint.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace sluice::core {
namespace {

constexpr std::string_view kFamily = "sluice/";
constexpr std::string_view kMark = "sluice/1 ";
constexpr std::size_t kTextMax = 32767;  // a STRING of the Kafka protocol
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kCommittedBytesMax = 9;  // 63 bits
constexpr char kEndOfTokens = 0;
constexpr std::int64_t kLiteralsLong = 7;

// One block below the last possible one, so that `last + 1` never overflows.
constexpr std::int64_t kBlocksEnd = std::numeric_limits<Offset>::max() / 8;
constexpr Offset kOffsetMax = kBlocksEnd * 8 - 1;

// ------------------------------------------------------------------------------------------------ base64url

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> kDigits = [] {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return digits;
}();

constexpr std::size_t digits_of(std::size_t bytes) { return (bytes * 4 + 2) / 3; }
constexpr std::size_t bytes_of(std::size_t digits) { return digits * 3 / 4; }

void append_base64url(std::string& out, std::string_view bytes) {
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : bytes) {
    bits = (bits << 8U) | static_cast<std::uint8_t>(c);
    for (held += 8; held >= 6; held -= 6) out.push_back(kAlphabet[(bits >> (held - 6)) & 63U]);
  }
  if (held > 0) out.push_back(kAlphabet[(bits << (6 - held)) & 63U]);
}

/// Nothing unless `text` is exactly what append_base64url() writes.
std::optional<std::string> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(bytes_of(text.size()));
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const auto digit = kDigits[static_cast<std::uint8_t>(c)];
    if (digit < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(bits >> held)));
  }
  if ((bits & ((1U << held) - 1U)) != 0) return std::nullopt;
  return out;
}

// ------------------------------------------------------------------------------------------------- writing

std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7U) ++size;
  return size;
}

std::uint64_t token_head(std::int64_t fill, bool value, std::int64_t literal_count) {
  return (static_cast<std::uint64_t>(fill) << 4U) |
         (static_cast<std::uint64_t>(std::min(literal_count, kLiteralsLong)) << 1U) | (value ? 1U : 0U);
}

/// The bytes of a token without its literals.
void append_token_head(std::string& out, std::int64_t fill, bool value, std::int64_t literal_count) {
  protocol::append_unsigned_varint(out, token_head(fill, value, literal_count));
  if (literal_count >= kLiteralsLong) {
    protocol::append_unsigned_varint(out, static_cast<std::uint64_t>(literal_count - kLiteralsLong));
  }
}

std::size_t token_head_size(std::int64_t fill, bool value, std::int64_t literal_count) {
  return varint_size(token_head(fill, value, literal_count)) +
         (literal_count < kLiteralsLong
              ? 0
              : varint_size(static_cast<std::uint64_t>(literal_count - kLiteralsLong)));
}

/// Writes tokens until the room is used up; then as much of the next one as fits, and no more.
class TokenWriter {
 public:
  TokenWriter(std::string& out, std::size_t room) : out_(out), end_(out.size() + room) {}

  /// False: tokens, or the end of one, were left out.
  [[nodiscard]] bool complete() const { return complete_; }

  void literals(std::uint8_t byte, std::int64_t count) {
    if (complete_) literals_.append(static_cast<std::size_t>(count), static_cast<char>(byte));
  }

  void token(std::int64_t fill, bool value, std::int64_t literal_count) {
    if (!complete_) return;
    auto fits = literal_count;
    while (fits >= 0 &&
           out_.size() + token_head_size(fill, value, fits) + static_cast<std::size_t>(fits) > end_) {
      --fits;
    }
    complete_ = fits == literal_count;
    while (!complete_ && fits > 0 && literals_[static_cast<std::size_t>(fits) - 1] == 0) --fits;
    if (complete_ || fits > 0 || (fits == 0 && value)) {
      append_token_head(out_, fill, value, fits);
      out_.append(literals_, 0, static_cast<std::size_t>(fits));
    }
    literals_.clear();
  }

 private:
  std::string& out_;
  std::size_t end_;
  std::string literals_;
  bool complete_ = true;
};

/// True when all were written.
bool append_settled(std::string& out,
                    const std::vector<OffsetRange>& settled,
                    Offset committed,
                    std::size_t room) {
  TokenWriter writer(out, room);
  MetadataBlocks<TokenWriter> blocks(writer, committed);
  Offset next = committed;
  bool in_range = true;
  for (const auto& range : settled) {
    SLUICE_ASSERT(range.first > next && range.last >= range.first);
    in_range = range.last <= kOffsetMax;
    if (!in_range || !writer.complete()) break;
    blocks.add(range.first - next, Stretch::Kind::kUnsettled);
    blocks.add(range.count(), Stretch::Kind::kSettled);
    next = range.last + 1;
  }
  blocks.finish();
  return in_range && writer.complete();
}

/// True when all were written.
bool append_failed(std::string& out,
                   const std::vector<CommitMetadata::Failed>& failed,
                   Offset committed,
                   std::size_t room) {
  const auto end = out.size() + room;
  std::string entry(1, kEndOfTokens);
  Offset next = committed;
  for (const auto& [range, deliveries] : failed) {
    SLUICE_ASSERT(range.first >= next && range.last >= range.first);
    if (range.last > kOffsetMax) return false;
    protocol::append_unsigned_varint(entry, static_cast<std::uint64_t>(range.first - next));
    protocol::append_unsigned_varint(entry, static_cast<std::uint64_t>(range.last - range.first));
    protocol::append_unsigned_varint(entry, deliveries);
    if (out.size() + entry.size() > end) return false;
    out += entry;
    entry.clear();
    next = range.last + 1;
  }
  return true;
}

// ------------------------------------------------------------------------------------------------- reading

/// Reads a payload whose checksum is right. Still trusts nothing: a checksum is no signature.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view bytes) : bytes_(bytes) {}

  /// Says what is wrong, or nothing.
  std::string_view read(Offset committed, CommitMetadata& data) {
    std::uint64_t written_for = 0;
    if (!number(written_for)) return "damaged: no offset";
    if (committed < 0 || written_for != static_cast<std::uint64_t>(committed)) {
      return "written for another offset";
    }
    if (committed > kOffsetMax || !tokens(committed, data.settled) || !failed(committed, data.failed)) {
      return "damaged: impossible ranges";
    }
    if (!data.settled.empty() && data.settled.front().first <= committed) {
      return "damaged: the committed offset is settled";
    }
    return disjoint(data) ? "" : "damaged: records both settled and failed";
  }

 private:
  bool number(std::uint64_t& value) {
    return protocol::read_unsigned_varint(bytes_, at_, value) == protocol::VarintStatus::kOk;
  }

  bool number_up_to(std::int64_t max, std::int64_t& value) {
    std::uint64_t raw = 0;
    if (max < 0 || !number(raw) || raw > static_cast<std::uint64_t>(max)) return false;
    value = static_cast<std::int64_t>(raw);
    return true;
  }

  bool tokens(Offset committed, std::vector<OffsetRange>& settled) {
    std::int64_t block = committed / 8;
    while (at_ < bytes_.size()) {
      std::uint64_t head = 0;
      if (!number(head)) return false;
      if (head == 0) {
        after_tokens_ = true;
        return true;
      }
      const auto fill = static_cast<std::int64_t>(head >> 4U);
      const bool value = (head & 1U) != 0;
      auto literal_count = static_cast<std::int64_t>((head >> 1U) & 7U);
      if (fill > kBlocksEnd - block || (fill == 0 && value)) return false;
      if (literal_count == kLiteralsLong) {
        std::int64_t more = 0;
        if (!number_up_to(static_cast<std::int64_t>(kTextMax), more)) return false;
        literal_count += more;
      }
      if (static_cast<std::size_t>(literal_count) > bytes_.size() - at_) return false;
      if (literal_count > kBlocksEnd - block - fill) return false;
      if (value) add(settled, block * 8, fill * 8);
      block += fill;
      for (; literal_count > 0; --literal_count, ++block) add_bits(settled, block * 8, bytes_[at_++]);
    }
    return true;
  }

  static void add(std::vector<OffsetRange>& settled, Offset first, std::int64_t count) {
    if (!settled.empty() && settled.back().last + 1 == first) {
      settled.back().last += count;
    } else {
      settled.push_back({first, first + count - 1});
    }
  }

  static void add_bits(std::vector<OffsetRange>& settled, Offset first, char byte) {
    for (unsigned bits = static_cast<std::uint8_t>(byte); bits != 0; bits >>= 1U, ++first) {
      if ((bits & 1U) != 0) add(settled, first, 1);
    }
  }

  bool failed(Offset committed, std::vector<CommitMetadata::Failed>& failed) {
    if (!after_tokens_) return true;
    Offset next = committed;
    do {
      std::int64_t gap = 0, more = 0, deliveries = 0;
      if (!number_up_to(kOffsetMax - next, gap) || !number_up_to(kOffsetMax - next - gap, more) ||
          !number_up_to(std::numeric_limits<std::uint32_t>::max(), deliveries)) {
        return false;
      }
      const OffsetRange range{next + gap, next + gap + more};
      failed.push_back({range, static_cast<std::uint32_t>(deliveries)});
      next = range.last + 1;
    } while (at_ < bytes_.size());
    return true;
  }

  static bool disjoint(const CommitMetadata& data) {
    auto settled = data.settled.begin();
    for (const auto& failed : data.failed) {
      while (settled != data.settled.end() && settled->last < failed.range.first) ++settled;
      if (settled == data.settled.end()) return true;
      if (settled->first <= failed.range.last) return false;
    }
    return true;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool after_tokens_ = false;
};

void append_checksum(std::string& payload) {
  const auto sum = protocol::crc32c(payload);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    payload.push_back(static_cast<char>(static_cast<std::uint8_t>(sum >> shift)));
  }
}

ParsedMetadata unreadable(std::string_view problem) {
  return {.kind = MetadataKind::kUnreadable, .data = {}, .problem = std::string(problem)};
}

/// Only adds up what TokenWriter would write.
struct TokenCounter {
  std::size_t bytes = 0;

  static void literals(std::uint8_t /*byte*/, std::int64_t /*count*/) {}
  void token(std::int64_t fill, bool value, std::int64_t literal_count) {
    bytes += token_head_size(fill, value, literal_count) + static_cast<std::size_t>(literal_count);
  }
};

}  // namespace

EncodedMetadata encode_metadata(const CommitMetadata& metadata, Offset committed, std::size_t limit) {
  SLUICE_ASSERT(committed >= 0);
  if (metadata.empty()) return {};
  limit = std::min(limit, kTextMax);
  std::string payload;
  protocol::append_unsigned_varint(payload, static_cast<std::uint64_t>(committed));
  const auto fixed_bytes = payload.size() + kChecksumBytes;
  const auto payload_max = limit < kMark.size() ? 0 : bytes_of(limit - kMark.size());
  if (payload_max <= fixed_bytes) return {.text = {}, .complete = false};

  const auto room = payload_max - fixed_bytes;
  const auto empty_size = payload.size();
  bool complete = append_settled(payload, metadata.settled, committed, room);
  if (complete) {
    const auto left = room - (payload.size() - empty_size);
    complete = append_failed(payload, metadata.failed, committed, left);
  }
  if (payload.size() == empty_size) return {.text = {}, .complete = false};
  append_checksum(payload);
  EncodedMetadata result{.text = std::string(kMark), .complete = complete};
  append_base64url(result.text, payload);
  return result;
}

ParsedMetadata parse_metadata(std::string_view text, Offset committed) {
  if (text.empty()) return {};
  if (!text.starts_with(kFamily)) return {.kind = MetadataKind::kForeign, .data = {}, .problem = {}};
  if (text.size() > kTextMax) return unreadable("damaged: longer than Kafka allows");
  if (!text.starts_with(kMark)) return unreadable("of another version of the format");
  const auto bytes = from_base64url(text.substr(kMark.size()));
  if (!bytes || bytes->size() <= kChecksumBytes) return unreadable("damaged: not base64url");
  std::string signed_part = bytes->substr(0, bytes->size() - kChecksumBytes);
  const auto payload_size = signed_part.size();
  append_checksum(signed_part);
  if (signed_part != *bytes) return unreadable("damaged: wrong checksum");

  ParsedMetadata result{.kind = MetadataKind::kOurs, .data = {}, .problem = {}};
  const auto problem =
      PayloadReader(std::string_view(*bytes).substr(0, payload_size)).read(committed, result.data);
  return problem.empty() ? std::move(result) : unreadable(problem);
}

std::size_t metadata_bound(std::span<const Stretch> stretches, Offset first) {
  TokenCounter counter;
  MetadataBlocks<TokenCounter> blocks(counter, first);
  for (const auto& stretch : stretches) {
    if (stretch.count > 0) blocks.add(stretch.count, stretch.kind);
  }
  blocks.finish();
  if (counter.bytes == 0) return 0;
  return kMark.size() + digits_of(kCommittedBytesMax + counter.bytes + kChecksumBytes);
}

std::size_t metadata_bound(std::span<const Stretch> stretches) {
  std::size_t bound = 0;
  for (Offset first = 0; first < 8; ++first) bound = std::max(bound, metadata_bound(stretches, first));
  return bound;
}

}  // namespace sluice::core
