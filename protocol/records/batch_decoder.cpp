#include "protocol/records/batch_layout.hpp"
#include "protocol/records/compression.hpp"
#include "protocol/records/legacy_messages.hpp"
#include "protocol/records/record_set.hpp"
#include "protocol/records/record_varint.hpp"
#include "protocol/wire/crc32c.hpp"

#include <string>
#include <utility>

namespace sluice::protocol {

namespace {

namespace layout = batch_layout;

/// Whether `payload` is `count` records and nothing else, going by their lengths. Ends early when it is not:
/// a huge count costs no more than the bytes.
[[nodiscard]] bool holds_records(std::string_view payload, std::int32_t count) {
  const char* p = payload.data();
  const char* const end = p + payload.size();
  for (std::int32_t i = 0; i < count; ++i) {
    std::int32_t length = 0;
    if (!record_varint::read(p, end, length) || length < 0 || length > end - p) {
      return false;
    }
    p += length;
  }
  return p == end;
}

[[nodiscard]] Result<DecodedBatch> decode_v2_batch(const RawBatch& batch,
                                                   std::size_t max_bytes,
                                                   std::string scratch) {
  const auto stored = layout::load<std::uint32_t>(batch.bytes, layout::kCrc);
  if (crc32c(batch.bytes.substr(layout::kAttributes)) != stored) {
    return fail(ErrorKind::kCorrupt, "CRC-32C mismatch");
  }
  DecodedBatch decoded{
      .header = batch.header, .owned = std::move(scratch), .payload = batch.bytes.substr(layout::kRecords)};
  if (batch.header.codec == Codec::kNone || (batch.header.record_count == 0 && decoded.payload.empty())) {
    decoded.owned.clear();
  } else {
    auto done = decompress(batch.header.codec, decoded.payload, max_bytes, decoded.owned);
    if (!done) {
      return tl::unexpected(std::move(done.error()));
    }
    decoded.payload = decoded.owned;
  }
  if (!holds_records(decoded.payload, batch.header.record_count)) {
    return fail(ErrorKind::kMalformed, "its bytes are not the " + std::to_string(batch.header.record_count) +
                                           " records that its header claims");
  }
  return decoded;
}

}  // namespace

Result<DecodedBatch> decode_batch(const RawBatch& batch, std::size_t max_bytes, std::string scratch) {
  auto decoded = batch.header.magic == 2 ? decode_v2_batch(batch, max_bytes, std::move(scratch))
                                         : decode_legacy_batch(batch, max_bytes, std::move(scratch));
  if (!decoded) {
    decoded.error().message = "batch at offset " + std::to_string(batch.header.base_offset) + " (" +
                              codec_name(batch.header.codec) + "): " + decoded.error().message;
  }
  return decoded;
}

Result<ControlType> control_type(const DecodedBatch& batch) {
  constexpr std::size_t kVersionAndType = 4;
  const auto malformed = [&](const char* what) {
    return fail(ErrorKind::kMalformed,
                "control batch at offset " + std::to_string(batch.header.base_offset) + ": " + what);
  };
  if (!batch.header.control) {
    return malformed("not a control batch");
  }
  Record record;
  RecordCursor cursor(batch.header, batch.payload);
  if (!cursor.next(record)) {
    if (cursor.failed()) {
      return malformed("broken record");
    }
    return ControlType::kOther;  // compaction took the marker
  }
  if (!record.key || record.key->size() < kVersionAndType || layout::load<std::int16_t>(*record.key, 0) < 0) {
    return malformed("broken key");
  }
  switch (layout::load<std::int16_t>(*record.key, sizeof(std::int16_t))) {
    case 0:
      return ControlType::kAbort;
    case 1:
      return ControlType::kCommit;
    default:
      return ControlType::kOther;
  }
}

}  // namespace sluice::protocol
