#pragma once

#include "protocol/error.hpp"
#include "protocol/records/record.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::protocol {

/// "gzip", as Kafka names the codec in `compression.type`; "codec 5" for a value without a name.
[[nodiscard]] std::string codec_name(Codec codec);

/// The functions below decompress `in` into `out`, whose old content is lost and whose capacity is reused.
/// `out` grows with what really comes out, never above `max_bytes` (+1, to see an excess): a bomb costs the
/// limit, not its size. Memory beside `out`: one context per thread and codec. Errors: kTooLarge above the
/// limit, kMalformed for bytes that are no such stream or end in its middle.

/// One gzip member or several; what follows the last one and is no member is ignored, as Java does.
[[nodiscard]] Result<void> gunzip(std::string_view in, std::size_t max_bytes, std::string& out);

/// The stream format of snappy-java (librdkafka and Go write the raw format, which is recognised as well).
[[nodiscard]] Result<void> unsnappy(std::string_view in, std::size_t max_bytes, std::string& out);

/// Kafka's first lz4 writers computed the checksum of the frame header over the wrong bytes; message sets of
/// magic 0 keep it that way for ever (KIP-57).
enum class Lz4HeaderChecksum { kChecked, kIgnored };

/// One lz4 frame or several, with whatever blocks and checksums; trailing bytes that are no frame are
/// ignored.
[[nodiscard]] Result<void> unlz4(std::string_view in,
                                 std::size_t max_bytes,
                                 std::string& out,
                                 Lz4HeaderChecksum header_checksum = Lz4HeaderChecksum::kChecked);

/// One zstd frame or several, with or without content size. Windows up to 128 MiB (level 22), as the Java
/// client.
[[nodiscard]] Result<void> unzstd(std::string_view in, std::size_t max_bytes, std::string& out);

/// Any of them. Errors: also kUnsupported, for a value that is none of gzip, snappy, lz4 and zstd.
[[nodiscard]] Result<void> decompress(Codec codec,
                                      std::string_view in,
                                      std::size_t max_bytes,
                                      std::string& out,
                                      Lz4HeaderChecksum header_checksum = Lz4HeaderChecksum::kChecked);

}  // namespace sluice::protocol
