#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>
#include <string_view>

namespace sluice::net {

/// Bytes to and from one peer. Hides what carries them, so that only this class changes when TLS comes in
/// between.
///
/// One read and one write may be under way at the same time. Must outlive both.
class Stream {
 public:
  struct ReadResult {
    boost::system::error_code error;  ///< asio::error::eof: the peer closed
    std::size_t bytes = 0;
  };

  explicit Stream(const boost::asio::any_io_executor& executor);
  /// Takes over a connected socket.
  explicit Stream(boost::asio::ip::tcp::socket socket);

  /// Connects with TCP_NODELAY and keepalive set beforehand. No timeout of its own: close() ends it.
  /// @param receive_buffer_bytes  SO_RCVBUF; 0 leaves it to the kernel
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> connect(boost::asio::ip::tcp::endpoint peer,
                                                                          int receive_buffer_bytes);

  /// At least one byte, or an error.
  [[nodiscard]] boost::asio::awaitable<ReadResult> read_some(std::span<char> into);

  /// All bytes, or an error. The bytes must live until it returns.
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> write(std::string_view bytes);

  /// Whoever waits on the stream gets asio::error::operation_aborted. Safe to call again.
  void close();

 private:
  boost::asio::ip::tcp::socket socket_;
};

}  // namespace sluice::net
