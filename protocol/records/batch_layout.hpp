#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

/// Where the fields of a batch are. Source: RecordBatch v2 (KIP-98), message sets v0 and v1 (KIP-32).
namespace sluice::protocol::batch_layout {

// Common to all formats: offset i64, length i32 (bytes after it), 4 bytes, magic i8.
inline constexpr std::size_t kOffset = 0;
inline constexpr std::size_t kLength = 8;
inline constexpr std::size_t kLengthEnd = 12;
inline constexpr std::size_t kMagic = 16;
inline constexpr std::size_t kMagicEnd = 17;

// Magic 2.
inline constexpr std::size_t kLeaderEpoch = 12;
inline constexpr std::size_t kCrc = 17;
inline constexpr std::size_t kAttributes = 21;  // the CRC covers everything from here on
inline constexpr std::size_t kLastOffsetDelta = 23;
inline constexpr std::size_t kBaseTimestamp = 27;
inline constexpr std::size_t kMaxTimestamp = 35;
inline constexpr std::size_t kProducerId = 43;
inline constexpr std::size_t kRecordCount = 57;
inline constexpr std::size_t kRecords = 61;

/// The smallest record: its length and six numbers of one byte.
inline constexpr std::size_t kSmallestRecord = 7;

// Magic 0 and 1.
inline constexpr std::size_t kLegacyCrc = 12;  // covers everything from the magic on
inline constexpr std::size_t kLegacyAttributes = 17;
inline constexpr std::size_t kLegacyTimestamp = 18;  // magic 1 only
inline constexpr std::size_t kLegacyKey0 = 18;
inline constexpr std::size_t kLegacyKey1 = 26;

// Attribute bits, the same in all formats as far as a format has them.
inline constexpr unsigned kCodecMask = 0x07;
inline constexpr unsigned kLogAppendTime = 0x08;
inline constexpr unsigned kTransactional = 0x10;
inline constexpr unsigned kControl = 0x20;

/// The big-endian number at `position`; the caller has checked that the bytes are there.
template <class T>
[[nodiscard]] inline T load(std::string_view bytes, std::size_t position) {
  std::make_unsigned_t<T> value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<std::make_unsigned_t<T>>((std::uint64_t{value} << 8U) |
                                                 static_cast<std::uint8_t>(bytes[position + i]));
  }
  return static_cast<T>(value);
}

/// Bytes a batch needs before its records or its key begin.
[[nodiscard]] inline std::size_t smallest_batch(std::int8_t magic) {
  constexpr std::size_t kTwoLengths = 8;  // of key and value
  switch (magic) {
    case 0:
      return kLegacyKey0 + kTwoLengths;
    case 1:
      return kLegacyKey1 + kTwoLengths;
    default:
      return kRecords;
  }
}

}  // namespace sluice::protocol::batch_layout
