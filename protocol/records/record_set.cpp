#include "protocol/records/record_set.hpp"

#include "protocol/records/batch_layout.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <utility>

namespace sluice::protocol {

namespace {

namespace layout = batch_layout;

constexpr std::int64_t kOffsetMax = std::numeric_limits<std::int64_t>::max();

[[nodiscard]] tl::unexpected<Error> malformed(std::int64_t base_offset, const std::string& what) {
  return fail(ErrorKind::kMalformed, "batch at offset " + std::to_string(base_offset) + ": " + what);
}

/// `batch` holds a complete v2 batch.
[[nodiscard]] Result<BatchHeader> parse_v2_header(std::string_view batch) {
  const auto attributes = static_cast<unsigned>(layout::load<std::uint16_t>(batch, layout::kAttributes));
  const auto last_offset_delta = layout::load<std::int32_t>(batch, layout::kLastOffsetDelta);
  BatchHeader header;
  header.base_offset = layout::load<std::int64_t>(batch, layout::kOffset);
  header.leader_epoch = layout::load<std::int32_t>(batch, layout::kLeaderEpoch);
  header.magic = 2;
  header.codec = static_cast<Codec>(attributes & layout::kCodecMask);
  header.timestamp_type =
      (attributes & layout::kLogAppendTime) != 0 ? TimestampType::kLogAppendTime : TimestampType::kCreateTime;
  header.base_timestamp = layout::load<std::int64_t>(batch, layout::kBaseTimestamp);
  header.max_timestamp = layout::load<std::int64_t>(batch, layout::kMaxTimestamp);
  header.producer_id = layout::load<std::int64_t>(batch, layout::kProducerId);
  header.transactional = (attributes & layout::kTransactional) != 0;
  header.control = (attributes & layout::kControl) != 0;
  header.record_count = layout::load<std::int32_t>(batch, layout::kRecordCount);

  if (last_offset_delta < 0) {
    return malformed(header.base_offset, "lastOffsetDelta " + std::to_string(last_offset_delta));
  }
  // The position after the batch, last_offset + 1, must be an offset as well.
  if (header.base_offset < 0 || header.base_offset >= kOffsetMax - last_offset_delta) {
    return malformed(header.base_offset, "offset out of range");
  }
  header.last_offset = header.base_offset + last_offset_delta;
  if (header.record_count < 0) {
    return malformed(header.base_offset, "recordCount " + std::to_string(header.record_count));
  }
  const auto room = (batch.size() - layout::kRecords) / layout::kSmallestRecord;
  if (header.codec == Codec::kNone && static_cast<std::size_t>(header.record_count) > room) {
    return malformed(header.base_offset, "recordCount " + std::to_string(header.record_count) + " in " +
                                             std::to_string(batch.size()) + " bytes");
  }
  return header;
}

/// `message` holds a complete message of magic 0 or 1.
[[nodiscard]] Result<BatchHeader> parse_legacy_header(std::string_view message, std::int8_t magic) {
  const auto attributes =
      static_cast<unsigned>(layout::load<std::uint8_t>(message, layout::kLegacyAttributes));
  BatchHeader header;
  header.base_offset = layout::load<std::int64_t>(message, layout::kOffset);
  header.last_offset = header.base_offset;
  header.magic = magic;
  header.codec = static_cast<Codec>(attributes & layout::kCodecMask);
  if (magic == 1) {
    header.base_timestamp = layout::load<std::int64_t>(message, layout::kLegacyTimestamp);
    header.max_timestamp = header.base_timestamp;
    if ((attributes & layout::kLogAppendTime) != 0) {
      header.timestamp_type = TimestampType::kLogAppendTime;
    }
  }
  header.record_count = 1;
  if (header.base_offset < 0 || header.base_offset == kOffsetMax) {
    return malformed(header.base_offset, "offset out of range");
  }
  return header;
}

}  // namespace

Result<std::optional<RawBatch>> RecordSetReader::next() {
  const auto rest = records_.substr(position_);
  if (rest.size() < layout::kMagicEnd) {
    return std::nullopt;
  }
  const auto offset = layout::load<std::int64_t>(rest, layout::kOffset);
  const auto magic = layout::load<std::int8_t>(rest, layout::kMagic);
  if (magic < 0 || magic > 2) {
    return fail(ErrorKind::kUnsupported,
                "batch at offset " + std::to_string(offset) + ": magic " + std::to_string(magic));
  }
  const auto length = layout::load<std::int32_t>(rest, layout::kLength);
  if (length < 0 || static_cast<std::size_t>(length) + layout::kLengthEnd < layout::smallest_batch(magic)) {
    return malformed(offset, "length " + std::to_string(length));
  }
  const auto size = static_cast<std::size_t>(length) + layout::kLengthEnd;
  if (size > rest.size()) {
    return std::nullopt;
  }
  const auto bytes = rest.substr(0, size);
  auto header = magic == 2 ? parse_v2_header(bytes) : parse_legacy_header(bytes, magic);
  if (!header) {
    return tl::unexpected(std::move(header.error()));
  }
  position_ += size;
  return RawBatch{.header = *header, .bytes = bytes};
}

std::optional<std::uint64_t> RecordSetReader::first_batch_size() const {
  if (records_.size() < layout::kMagicEnd) {
    return std::nullopt;
  }
  const auto length = layout::load<std::int32_t>(records_, layout::kLength);
  if (length < 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(length) + layout::kLengthEnd;
}

}  // namespace sluice::protocol
