#include "protocol/records/compression.hpp"
#include "protocol/records/limited_output.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <zstd.h>
#include <zstd_errors.h>

namespace sluice::protocol {

namespace {

/// Keeps a context between batches, unless a frame with a huge window made it huge.
class ZstdContext {
 public:
  ZSTD_DCtx* restart() {
    if (context_ && ZSTD_sizeof_DCtx(context_.get()) > kLargestKept) {
      context_.reset();
    }
    if (!context_) {
      context_.reset(ZSTD_createDCtx());
      if (!context_) {
        throw std::bad_alloc();
      }
      ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLogMax);
    }
    ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
    return context_.get();
  }

 private:
  static constexpr int kWindowLogMax = 27;  // what level 22 of a producer needs
  static constexpr std::size_t kLargestKept = std::size_t{16} << 20;
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

/// The size that the first frame claims, believed up to 16:1. Frames of Java producers do not tell.
[[nodiscard]] std::size_t guess_size(std::string_view in) {
  const auto claimed = ZSTD_getFrameContentSize(in.data(), in.size());
  if (claimed == ZSTD_CONTENTSIZE_UNKNOWN || claimed == ZSTD_CONTENTSIZE_ERROR) {
    return in.size() * 4;
  }
  return std::min<std::size_t>(claimed, in.size() * 16);
}

}  // namespace

Result<void> unzstd(std::string_view in, std::size_t max_bytes, std::string& out) {
  thread_local ZstdContext context;
  auto* const stream = context.restart();
  LimitedOutput output(out, max_bytes, guess_size(in));
  ZSTD_inBuffer input{in.data(), in.size(), 0};
  for (;;) {
    const auto free_bytes = output.make_room();  // before end(), which it may move
    ZSTD_outBuffer room{output.end(), free_bytes, 0};
    const auto expected = ZSTD_decompressStream(stream, &room, &input);
    if (ZSTD_isError(expected) != 0) {
      const bool window = ZSTD_getErrorCode(expected) == ZSTD_error_frameParameter_windowTooLarge;
      return fail(window ? ErrorKind::kTooLarge : ErrorKind::kMalformed, ZSTD_getErrorName(expected));
    }
    if (!output.add(room.pos)) {
      return too_large(max_bytes);
    }
    if (input.pos == input.size && expected == 0) {
      output.finish();
      return {};
    }
    if (input.pos == input.size && room.pos != room.size) {
      return fail(ErrorKind::kMalformed, "frame ends early");
    }
  }
}

}  // namespace sluice::protocol
