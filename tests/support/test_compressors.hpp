#pragma once

#include "protocol/records/record.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lz4frame.h>
#include <memory>
#include <snappy.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <zlib.h>
#include <zstd.h>

namespace sluice::testing {

/// Java producers frame snappy, C and Go producers do not.
enum class SnappyFraming { kXerial, kRaw };

inline std::uint32_t zlib_crc32(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// One gzip member.
inline std::string gzip(std::string_view bytes, int level = 6) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) {
    throw std::runtime_error("deflate");
  }
  return out;
}

inline std::string snappy_raw(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

/// The stream format of snappy-java (xerial): a header, then blocks with their length in front.
inline std::string snappy_xerial(std::string_view bytes, std::size_t block_bytes = 32 * 1024) {
  static constexpr char kHeader[] = "\x82SNAPPY\0\0\0\0\1\0\0\0\1";
  std::string out(kHeader, sizeof(kHeader) - 1);
  while (!bytes.empty()) {
    const auto block = snappy_raw(bytes.substr(0, block_bytes));
    for (int shift = 24; shift >= 0; shift -= 8) {
      out.push_back(static_cast<char>(block.size() >> static_cast<unsigned>(shift)));
    }
    out += block;
    bytes.remove_prefix(std::min(block_bytes, bytes.size()));
  }
  return out;
}

/// What an lz4 frame may carry. The default is what the Java producer writes.
struct Lz4Options {
  bool linked_blocks = false;
  bool block_checksums = false;
  bool content_checksum = false;
  bool content_size = false;
  LZ4F_blockSizeID_t block_size = LZ4F_max64KB;
};

/// One lz4 frame.
inline std::string lz4_frame(std::string_view bytes, const Lz4Options& options = {}) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = options.block_size;
  preferences.frameInfo.blockMode = options.linked_blocks ? LZ4F_blockLinked : LZ4F_blockIndependent;
  preferences.frameInfo.blockChecksumFlag =
      options.block_checksums ? LZ4F_blockChecksumEnabled : LZ4F_noBlockChecksum;
  preferences.frameInfo.contentChecksumFlag =
      options.content_checksum ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum;
  preferences.frameInfo.contentSize = options.content_size ? bytes.size() : 0;
  std::string out(LZ4F_compressFrameBound(bytes.size(), &preferences) + LZ4F_HEADER_SIZE_MAX, '\0');
  LZ4F_cctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createCompressionContext(&raw, LZ4F_VERSION)) != 0) {
    throw std::runtime_error("LZ4F_createCompressionContext");
  }
  const std::unique_ptr<LZ4F_cctx, LZ4F_errorCode_t (*)(LZ4F_cctx*)> context(raw,
                                                                             LZ4F_freeCompressionContext);
  std::size_t written = 0;
  const auto step = [&](std::size_t result) {
    if (LZ4F_isError(result) != 0) {
      throw std::runtime_error(LZ4F_getErrorName(result));
    }
    written += result;
  };
  // LZ4F_compressFrame would choose smaller and independent blocks by itself.
  step(LZ4F_compressBegin(context.get(), out.data(), out.size(), &preferences));
  step(LZ4F_compressUpdate(context.get(), out.data() + written, out.size() - written, bytes.data(),
                           bytes.size(), nullptr));
  step(LZ4F_compressEnd(context.get(), out.data() + written, out.size() - written, nullptr));
  out.resize(written);
  return out;
}

/// One zstd frame; without a content size, as the Java producer writes it.
inline std::string zstd_frame(std::string_view bytes,
                              bool content_size = false,
                              int level = 3,
                              int window_log = 0) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, content_size ? 1 : 0);
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const auto written = ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(written) != 0) {
    throw std::runtime_error(ZSTD_getErrorName(written));
  }
  out.resize(written);
  return out;
}

/// Compresses as a producer would; an unknown codec leaves the bytes as they are.
inline std::string compress(protocol::Codec codec,
                            std::string_view bytes,
                            SnappyFraming framing = SnappyFraming::kXerial) {
  switch (codec) {
    case protocol::Codec::kNone:
      break;
    case protocol::Codec::kGzip:
      return gzip(bytes);
    case protocol::Codec::kSnappy:
      return framing == SnappyFraming::kXerial ? snappy_xerial(bytes) : snappy_raw(bytes);
    case protocol::Codec::kLz4:
      return lz4_frame(bytes);
    case protocol::Codec::kZstd:
      return zstd_frame(bytes);
  }
  return std::string(bytes);
}

}  // namespace sluice::testing
