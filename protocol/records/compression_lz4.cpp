#include "protocol/records/compression.hpp"
#include "protocol/records/limited_output.hpp"

#include <cstdint>
#include <lz4frame.h>
#include <memory>
#include <new>

namespace sluice::protocol {

namespace {

/// Keeps the context and its block buffers (at most twice 4 MiB) between batches.
class Lz4Context {
 public:
  Lz4Context() {
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0) {
      throw std::bad_alloc();
    }
    context_.reset(context);
  }
  LZ4F_dctx* restart() {
    LZ4F_resetDecompressionContext(context_.get());
    return context_.get();
  }

 private:
  struct Free {
    void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
  };
  std::unique_ptr<LZ4F_dctx, Free> context_;
};

[[nodiscard]] tl::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorKind::kMalformed, what);
}

/// A data frame or a skippable one.
[[nodiscard]] bool starts_frame(std::string_view in) {
  constexpr std::string_view kData{"\x04\x22\x4d\x18", 4};
  constexpr std::string_view kSkippable{"\x2a\x4d\x18", 3};  // behind 0x50 to 0x5f
  return in.starts_with(kData) || (in.size() >= 4 && (static_cast<std::uint8_t>(in[0]) & 0xf0U) == 0x50U &&
                                   in.substr(1, 3) == kSkippable);
}

/// The frame with the header checksum that LZ4 accepts. There are 256 of them; the library knows which one is
/// right.
[[nodiscard]] std::string with_right_header_checksum(LZ4F_dctx* context, std::string_view frame) {
  std::string patched(frame);
  const auto header = LZ4F_headerSize(frame.data(), frame.size());
  if (LZ4F_isError(header) != 0 || header > frame.size()) {
    return patched;
  }
  for (unsigned checksum = 0; checksum < 256; ++checksum) {
    patched[header - 1] = static_cast<char>(checksum);
    LZ4F_frameInfo_t info{};
    std::size_t read = patched.size();
    const auto status = LZ4F_getFrameInfo(context, &info, patched.data(), &read);
    LZ4F_resetDecompressionContext(context);
    if (LZ4F_isError(status) == 0) {
      break;
    }
  }
  return patched;
}

[[nodiscard]] Result<void> read_frames(LZ4F_dctx* context,
                                       std::string_view in,
                                       std::size_t max_bytes,
                                       std::string& out) {
  LimitedOutput output(out, max_bytes, in.size() * 4);
  for (;;) {
    std::size_t written = output.make_room();
    std::size_t read = in.size();
    const auto expected = LZ4F_decompress(context, output.end(), &written, in.data(), &read, nullptr);
    if (LZ4F_isError(expected) != 0) {
      return malformed(LZ4F_getErrorName(expected));
    }
    if (!output.add(written)) {
      return too_large(max_bytes);
    }
    in.remove_prefix(read);
    if (expected == 0 && !starts_frame(in)) {
      output.finish();
      return {};
    }
    if (expected != 0 && read == 0 && written == 0) {
      return malformed("frame ends early");
    }
  }
}

}  // namespace

Result<void> unlz4(std::string_view in,
                   std::size_t max_bytes,
                   std::string& out,
                   Lz4HeaderChecksum header_checksum) {
  if (!starts_frame(in)) {
    return malformed("no lz4 frame");
  }
  thread_local Lz4Context context;
  if (header_checksum == Lz4HeaderChecksum::kIgnored) {
    const auto patched = with_right_header_checksum(context.restart(), in);
    return read_frames(context.restart(), patched, max_bytes, out);
  }
  return read_frames(context.restart(), in, max_bytes, out);
}

}  // namespace sluice::protocol
