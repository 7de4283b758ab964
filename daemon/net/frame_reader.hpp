#pragma once

#include "daemon/net/stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <tl/expected.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace sluice::net {

/// Why there is no further frame.
struct FrameError {
  enum class Kind : std::uint8_t {
    kEnd = 1,   ///< the peer closed between two frames
    kBroken,    ///< it closed inside a frame, or the connection failed
    kNotKafka,  ///< the length cannot be that of an answer: another protocol, or garbage
  };
  Kind kind;
  std::string message;
};

/// A frame without its length, as decode_response() wants it.
using Frame = std::shared_ptr<const std::string>;

/// Cuts what a broker sends into frames.
///
/// Small frames come out of a read-ahead buffer: one system call for one or several answers. The rest of a
/// large frame is read straight to its place. Memory is taken as the bytes arrive: a lying length costs
/// address space only.
class FrameReader {
 public:
  /// @param frame_bytes_max  a longer frame is an error
  FrameReader(Stream& stream, std::size_t frame_bytes_max)
      : stream_(stream), frame_bytes_max_(frame_bytes_max) {}

  /// The next frame. After an error the stream is of no more use.
  [[nodiscard]] boost::asio::awaitable<tl::expected<Frame, FrameError>> read();

  /// Whether the peer sent anything at all.
  [[nodiscard]] bool got_bytes() const { return got_bytes_; }

 private:
  [[nodiscard]] std::size_t buffered() const { return end_ - begin_; }
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> fill();
  [[nodiscard]] tl::expected<std::size_t, FrameError> take_length();

  Stream& stream_;
  std::size_t frame_bytes_max_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool got_bytes_ = false;
  std::array<char, 16384> ahead_;
};

}  // namespace sluice::net
