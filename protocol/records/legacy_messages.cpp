#include "protocol/records/legacy_messages.hpp"

#include "protocol/records/batch_layout.hpp"
#include "protocol/records/compression.hpp"
#include "protocol/records/record_varint.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <zlib.h>

namespace sluice::protocol {

namespace {

namespace layout = batch_layout;

/// One message, borrowed from the set.
struct Message {
  std::int64_t offset = 0;
  std::int64_t timestamp = -1;
  Codec codec = Codec::kNone;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
};

[[nodiscard]] tl::unexpected<Error> malformed(const char* what) { return fail(ErrorKind::kMalformed, what); }

/// Cuts the next message off `set`: offset and size only.
[[nodiscard]] Result<std::string_view> cut_message(std::string_view& set, std::int8_t magic) {
  if (set.size() < layout::smallest_batch(magic)) {
    return malformed("message ends early");
  }
  const auto length = layout::load<std::int32_t>(set, layout::kLength);
  if (length < 0 || static_cast<std::size_t>(length) + layout::kLengthEnd < layout::smallest_batch(magic) ||
      static_cast<std::size_t>(length) > set.size() - layout::kLengthEnd) {
    return malformed("message with an impossible size");
  }
  const auto message = set.substr(0, static_cast<std::size_t>(length) + layout::kLengthEnd);
  set.remove_prefix(message.size());
  return message;
}

/// Cuts a length and that many bytes off `rest`; false when they are not there.
[[nodiscard]] bool cut_bytes(std::string_view& rest, std::optional<std::string_view>& out) {
  if (rest.size() < sizeof(std::int32_t)) {
    return false;
  }
  const auto length = layout::load<std::int32_t>(rest, 0);
  rest.remove_prefix(sizeof(length));
  if (length < 0) {
    out.reset();
    return length == -1;
  }
  if (static_cast<std::size_t>(length) > rest.size()) {
    return false;
  }
  out = rest.substr(0, static_cast<std::size_t>(length));
  rest.remove_prefix(static_cast<std::size_t>(length));
  return true;
}

/// `bytes` is one whole message as cut_message() gives it.
[[nodiscard]] Result<Message> parse_message(std::string_view bytes, std::int8_t magic) {
  if (layout::load<std::int8_t>(bytes, layout::kMagic) != magic) {
    return malformed("inner message of another magic");
  }
  const auto checked = bytes.substr(layout::kMagic);
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
  if (static_cast<std::uint32_t>(crc) != layout::load<std::uint32_t>(bytes, layout::kLegacyCrc)) {
    return fail(ErrorKind::kCorrupt, "CRC-32 mismatch");
  }
  const auto attributes = static_cast<unsigned>(layout::load<std::uint8_t>(bytes, layout::kLegacyAttributes));
  Message message;
  message.offset = layout::load<std::int64_t>(bytes, layout::kOffset);
  message.codec = static_cast<Codec>(attributes & layout::kCodecMask);
  if (magic == 1) {
    message.timestamp = layout::load<std::int64_t>(bytes, layout::kLegacyTimestamp);
  }
  auto rest = bytes.substr(magic == 0 ? layout::kLegacyKey0 : layout::kLegacyKey1);
  if (!cut_bytes(rest, message.key) || !cut_bytes(rest, message.value) || !rest.empty()) {
    return malformed("key and value do not fill the message");
  }
  return message;
}

[[nodiscard]] std::size_t bytes_size(const std::optional<std::string_view>& bytes) {
  return bytes ? record_varint::size(static_cast<std::int64_t>(bytes->size())) + bytes->size() : 1;
}

void append_bytes(std::string& out, const std::optional<std::string_view>& bytes) {
  record_varint::append(out, bytes ? static_cast<std::int64_t>(bytes->size()) : -1);
  out += bytes.value_or(std::string_view());
}

void append_record(std::string& out,
                   std::int64_t timestamp_delta,
                   std::int64_t offset_delta,
                   const Message& message) {
  const auto size = 1 + record_varint::size(timestamp_delta) + record_varint::size(offset_delta) +
                    bytes_size(message.key) + bytes_size(message.value) + 1;
  record_varint::append(out, static_cast<std::int64_t>(size));
  out.push_back('\0');  // attributes
  record_varint::append(out, timestamp_delta);
  record_varint::append(out, offset_delta);
  append_bytes(out, message.key);
  append_bytes(out, message.value);
  out.push_back('\0');  // no headers
}

/// What to add to the offsets of `set` to make them absolute.
[[nodiscard]] Result<std::int64_t> offset_shift(std::string_view set, const BatchHeader& wrapper) {
  std::int64_t last = -1;
  while (!set.empty()) {
    const auto message = cut_message(set, wrapper.magic);
    if (!message) {
      return tl::unexpected(message.error());
    }
    const auto offset = layout::load<std::int64_t>(*message, layout::kOffset);
    if (offset <= last) {
      return malformed("inner offsets do not ascend");
    }
    last = offset;
  }
  if (last < 0) {
    return malformed("wrapper without messages");
  }
  if (last > wrapper.last_offset) {
    return malformed("inner offset above the wrapper's");
  }
  return wrapper.magic == 0 ? 0 : wrapper.last_offset - last;
}

/// Appends the messages of `set`, whose offsets ascend, to `out` and puts what it learns into `header`.
[[nodiscard]] Result<void> rewrite(std::string_view set,
                                   std::int64_t shift,
                                   BatchHeader& header,
                                   std::string& out) {
  header.record_count = 0;
  while (!set.empty()) {
    const auto bytes = cut_message(set, header.magic);
    if (!bytes) {
      return tl::unexpected(bytes.error());
    }
    const auto message = parse_message(*bytes, header.magic);
    if (!message) {
      return tl::unexpected(message.error());
    }
    if (message->codec != Codec::kNone) {
      return malformed("compressed message inside a compressed one");
    }
    if (header.record_count == 0) {
      header.base_offset = message->offset + shift;
      header.base_timestamp = message->timestamp;
    }
    const auto offset_delta = message->offset + shift - header.base_offset;
    if (offset_delta > std::numeric_limits<std::int32_t>::max()) {
      return malformed("inner offsets too far apart");
    }
    // Wraps for hostile timestamps; the cursor wraps back.
    const auto timestamp_delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(message->timestamp) -
                                                           static_cast<std::uint64_t>(header.base_timestamp));
    append_record(out, timestamp_delta, offset_delta, *message);
    ++header.record_count;
  }
  return {};
}

/// Takes the message set out of a compressed wrapper.
[[nodiscard]] Result<std::string> unwrap(const Message& wrapper, std::int8_t magic, std::size_t max_bytes) {
  if (wrapper.codec > Codec::kLz4) {  // zstd came after these formats
    return fail(ErrorKind::kUnsupported, "no compression of this format");
  }
  if (!wrapper.value) {
    return malformed("wrapper without a value");
  }
  std::string set;
  const auto checksum = magic == 0 ? Lz4HeaderChecksum::kIgnored : Lz4HeaderChecksum::kChecked;
  auto done = decompress(wrapper.codec, *wrapper.value, max_bytes, set, checksum);
  if (!done) {
    return tl::unexpected(std::move(done.error()));
  }
  return set;
}

}  // namespace

Result<DecodedBatch> decode_legacy_batch(const RawBatch& batch, std::size_t max_bytes, std::string scratch) {
  const auto outer = parse_message(batch.bytes, batch.header.magic);
  if (!outer) {
    return tl::unexpected(outer.error());
  }
  std::string unwrapped;
  std::string_view set = batch.bytes;
  std::int64_t shift = 0;
  DecodedBatch decoded{.header = batch.header, .owned = std::move(scratch), .payload = {}};
  decoded.owned.clear();
  if (outer->codec != Codec::kNone) {
    auto inner = unwrap(*outer, batch.header.magic, max_bytes);
    if (!inner) {
      return tl::unexpected(std::move(inner.error()));
    }
    unwrapped = std::move(*inner);
    set = unwrapped;
    const auto found = offset_shift(set, batch.header);
    if (!found) {
      return tl::unexpected(found.error());
    }
    shift = *found;
  }
  decoded.owned.reserve(
      set.size());  // a v2 record takes less than a legacy message; also keeps it off the stack
  auto done = rewrite(set, shift, decoded.header, decoded.owned);
  if (!done) {
    return tl::unexpected(std::move(done.error()));
  }
  decoded.payload = decoded.owned;
  return decoded;
}

}  // namespace sluice::protocol
