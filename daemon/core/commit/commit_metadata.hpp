#pragma once

#include "daemon/core/types.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The text that goes with a committed offset (OffsetCommit, `committed_metadata`), so that acks above a gap
/// outlive this process: the next owner of the partition does not hand those records out again.
///
///     text    = "sluice/1 " base64url(payload)             RFC 4648 section 5, without padding
///     payload = committed, token*, [0x00, failed*], CRC-32C of all before it (4 bytes, big endian)
///     token   = fill << 4 | literals << 1 | value, [literals - 7], literal byte*
///     failed  = offsets since the last one ended, count - 1, deliveries
///
/// Numbers are unsigned varints. A token says of blocks of 8 offsets (block = offset / 8, from the block of
/// the committed offset on) that the next `fill` of them are settled (value 1) or not (0), and that each of
/// the next blocks has one literal byte, lowest bit first, 1 = settled. `literals` is 7 for 7 and more; the
/// rest of the number follows. So a long run costs a few bytes, and nothing costs more than a bit an offset
/// and a few bytes. Everything behind the last token is not settled.
namespace sluice::core {

/// What a commit says beyond its offset.
struct CommitMetadata {
  /// Unsettled records that were given back or timed out so many times.
  struct Failed {
    OffsetRange range;
    std::uint32_t deliveries = 0;

    bool operator==(const Failed&) const = default;
  };

  /// Above the committed offset, ascending, not touching. The committed offset itself is never in it.
  std::vector<OffsetRange> settled;
  /// At or above the committed offset, ascending, without overlap, disjoint from `settled`.
  std::vector<Failed> failed;

  bool operator==(const CommitMetadata&) const = default;
  [[nodiscard]] bool empty() const { return settled.empty() && failed.empty(); }
};

struct EncodedMetadata {
  std::string text;      ///< empty when there is nothing to say, or no room to say any of it
  bool complete = true;  ///< false: something did not fit and was left out
};

/// The text for `metadata`, never longer than `limit` bytes (the broker's offset.metadata.max.bytes) nor
/// 32767. What does not fit is left out from the top: failed counts first, then the highest settled offsets.
/// Takes time in the number of ranges and bytes, not of offsets.
/// @param committed  the offset of the same commit, >= 0
[[nodiscard]] EncodedMetadata encode_metadata(const CommitMetadata& metadata,
                                              Offset committed,
                                              std::size_t limit);

enum class MetadataKind : std::uint8_t {
  kNone = 0,    ///< no text
  kOurs,        ///< ours, intact, and written for this offset
  kForeign,     ///< somebody else's text
  kUnreadable,  ///< ours by its mark, but of a newer version, damaged, or written for another offset
};

struct ParsedMetadata {
  MetadataKind kind = MetadataKind::kNone;
  CommitMetadata data;  ///< empty unless kOurs
  std::string problem;  ///< why it is kUnreadable, for the log; holds nothing of the text
};

/// Reads what a broker has stored, which may be anything. Allocates at most in proportion to the text, and
/// nothing for a text of more than 32767 bytes.
/// @param committed  the offset that came with the text
[[nodiscard]] ParsedMetadata parse_metadata(std::string_view text, Offset committed);

/// One stretch of a partition between watermark and position. Stretches are ascending and contiguous.
struct Stretch {
  enum class Kind : std::uint8_t {
    kSettled = 0,
    kUnsettled,
    kUndecided,  ///< leased: any part of it may be settled later
  };

  std::int64_t count = 0;
  Kind kind = Kind::kUnsettled;
};

/// Upper bound of the text's length, without failed counts, for whatever becomes of the undecided stretches;
/// also when the watermark moves up because of it.
/// @param first  where the stretches begin: the watermark
[[nodiscard]] std::size_t metadata_bound(std::span<const Stretch> stretches, Offset first);

/// The same for stretches that may begin at any offset; eight times the work.
[[nodiscard]] std::size_t metadata_bound(std::span<const Stretch> stretches);

}  // namespace sluice::core
