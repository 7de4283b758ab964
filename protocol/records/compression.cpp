#include "protocol/records/compression.hpp"

namespace sluice::protocol {

std::string codec_name(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return "none";
    case Codec::kGzip:
      return "gzip";
    case Codec::kSnappy:
      return "snappy";
    case Codec::kLz4:
      return "lz4";
    case Codec::kZstd:
      return "zstd";
  }
  return "codec " + std::to_string(static_cast<int>(codec));
}

Result<void> decompress(Codec codec,
                        std::string_view in,
                        std::size_t max_bytes,
                        std::string& out,
                        Lz4HeaderChecksum header_checksum) {
  switch (codec) {
    case Codec::kNone:
      break;
    case Codec::kGzip:
      return gunzip(in, max_bytes, out);
    case Codec::kSnappy:
      return unsnappy(in, max_bytes, out);
    case Codec::kLz4:
      return unlz4(in, max_bytes, out, header_checksum);
    case Codec::kZstd:
      return unzstd(in, max_bytes, out);
  }
  return fail(ErrorKind::kUnsupported, "no known compression");
}

}  // namespace sluice::protocol
