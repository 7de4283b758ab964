#include "protocol/records/compression.hpp"
#include "protocol/records/limited_output.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <zlib.h>

namespace sluice::protocol {

namespace {

/// Keeps zlib's window and tables between batches.
class InflateStream {
 public:
  InflateStream() {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~InflateStream() { inflateEnd(&stream_); }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;

  z_stream& restart() {
    inflateReset(&stream_);
    return stream_;
  }

 private:
  static constexpr int kGzipOnly = 15 + 16;  // largest window + "a gzip header must be there"
  z_stream stream_{};
};

/// The size that the last member claims (modulo 2^32), believed up to 16:1.
[[nodiscard]] std::size_t guess_from_trailer(std::string_view in) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4 && in.size() > 4; ++i) {
    size |= std::size_t{static_cast<std::uint8_t>(in[in.size() - 4 + i])} << (8 * i);
  }
  return std::min(size, in.size() * 16);
}

[[nodiscard]] bool starts_member(const z_stream& stream) {
  return stream.avail_in >= 2 && stream.next_in[0] == 0x1f && stream.next_in[1] == 0x8b;
}

}  // namespace

Result<void> gunzip(std::string_view in, std::size_t max_bytes, std::string& out) {
  constexpr std::size_t kLongest = std::numeric_limits<uInt>::max();
  if (in.size() > kLongest) {
    return fail(ErrorKind::kTooLarge, "gzip stream above 4 GiB");
  }
  thread_local InflateStream context;
  auto& stream = context.restart();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib only reads
  stream.avail_in = static_cast<uInt>(in.size());
  LimitedOutput output(out, max_bytes, guess_from_trailer(in));
  for (;;) {
    const auto room = static_cast<uInt>(std::min(output.make_room(), kLongest));
    stream.next_out = reinterpret_cast<Bytef*>(output.end());
    stream.avail_out = room;
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (!output.add(room - stream.avail_out)) {
      return too_large(max_bytes);
    }
    if (status == Z_STREAM_END) {
      if (!starts_member(stream)) {
        output.finish();
        return {};
      }
      inflateReset(&stream);
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      return fail(ErrorKind::kMalformed, stream.msg != nullptr ? stream.msg : "broken stream");
    } else if (stream.avail_in == 0 && stream.avail_out != 0) {
      return fail(ErrorKind::kMalformed, "stream ends early");
    }
  }
}

}  // namespace sluice::protocol
