#include "daemon/net/frame_reader.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace sluice::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kFrameBytesMin = 4;        // the correlation id
constexpr std::size_t kGrowthBytes = 1UL << 20;  // how much of a frame is made room for at a time

tl::unexpected<FrameError> fail(FrameError::Kind kind, std::string message) {
  return tl::unexpected<FrameError>(FrameError{kind, std::move(message)});
}

tl::unexpected<FrameError> broken(const error_code& ec, std::size_t got, std::size_t wanted) {
  const std::string what = ec == asio::error::eof ? "the broker closed the connection" : ec.message();
  return fail(FrameError::Kind::kBroken, what + " after " + std::to_string(got) + " of " +
                                             std::to_string(wanted) + " bytes of an answer");
}

std::string describe_foreign(std::string_view first_bytes, std::int32_t length, std::size_t bytes_max) {
  if (first_bytes == "HTTP") return "the port answered HTTP; it is not a Kafka listener";
  const bool is_tls_record = (first_bytes[0] == 0x15 || first_bytes[0] == 0x16) && first_bytes[1] == 0x03;
  if (is_tls_record) return "the port answered TLS; it is not a plaintext listener";
  return "an answer of " + std::to_string(length) + " bytes is outside 4 to " + std::to_string(bytes_max) +
         "; the peer may not be a Kafka broker";
}

}  // namespace

asio::awaitable<error_code> FrameReader::fill() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ > 0) {
    std::memmove(ahead_.data(), ahead_.data() + begin_, buffered());
    end_ -= begin_;
    begin_ = 0;
  }
  const Stream::ReadResult got = co_await stream_.read_some(std::span(ahead_).subspan(end_));
  end_ += got.bytes;
  got_bytes_ = got_bytes_ || got.bytes > 0;
  co_return got.error;
}

tl::expected<std::size_t, FrameError> FrameReader::take_length() {
  const std::string_view bytes(ahead_.data() + begin_, kLengthBytes);
  std::uint32_t raw = 0;
  for (const char c : bytes) raw = (raw << 8) | static_cast<unsigned char>(c);
  const auto length = static_cast<std::int32_t>(raw);
  if (length < static_cast<std::int32_t>(kFrameBytesMin) ||
      static_cast<std::size_t>(length) > frame_bytes_max_) {
    return fail(FrameError::Kind::kNotKafka, describe_foreign(bytes, length, frame_bytes_max_));
  }
  begin_ += kLengthBytes;
  return static_cast<std::size_t>(length);
}

asio::awaitable<tl::expected<Frame, FrameError>> FrameReader::read() {
  while (buffered() < kLengthBytes) {
    const error_code ec = co_await fill();
    if (ec == asio::error::eof && buffered() == 0) {
      co_return fail(FrameError::Kind::kEnd, "the broker closed the connection");
    }
    if (ec) co_return broken(ec, buffered(), kLengthBytes);
  }
  const auto length = take_length();
  if (!length) co_return tl::unexpected<FrameError>(length.error());

  auto frame = std::make_shared<std::string>();
  frame->reserve(*length);  // pages are not touched yet, and the frame never moves
  std::size_t filled = std::min(buffered(), *length);
  frame->assign(ahead_.data() + begin_, filled);
  begin_ += filled;
  while (filled < *length) {
    if (filled == frame->size()) frame->resize(std::min(*length, filled + kGrowthBytes));
    const Stream::ReadResult got = co_await stream_.read_some(std::span(*frame).subspan(filled));
    filled += got.bytes;
    if (got.error) co_return broken(got.error, filled, *length);
  }
  co_return Frame(std::move(frame));
}

}  // namespace sluice::net
