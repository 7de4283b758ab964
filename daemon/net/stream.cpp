#include "daemon/net/stream.hpp"

#include "daemon/net/use_ec.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <tuple>
#include <utility>

namespace sluice::net {

using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

/// A peer that vanished without a word is noticed within half a minute, also where nothing is due to be sent:
/// a parked JoinGroup may wait for minutes. The kernel's default is two hours.
void notice_silence(int socket) {
  constexpr int kIdleSeconds = 15;
  constexpr int kProbeSeconds = 5;
  constexpr int kProbes = 3;
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kIdleSeconds, sizeof kIdleSeconds);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kProbeSeconds, sizeof kProbeSeconds);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
}

}  // namespace

Stream::Stream(const asio::any_io_executor& executor) : socket_(executor) {}
Stream::Stream(tcp::socket socket) : socket_(std::move(socket)) {}

asio::awaitable<error_code> Stream::connect(tcp::endpoint peer, int receive_buffer_bytes) {
  error_code ec;
  std::ignore = socket_.open(peer.protocol(), ec);
  if (ec) co_return ec;
  // Without them the connection only works worse, so a refusal is no error. SO_RCVBUF counts only before
  // connect().
  error_code ignored;
  std::ignore = socket_.set_option(tcp::no_delay(true), ignored);
  std::ignore = socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  notice_silence(socket_.native_handle());
  if (receive_buffer_bytes > 0) {
    std::ignore = socket_.set_option(asio::socket_base::receive_buffer_size(receive_buffer_bytes), ignored);
  }
  const auto [connect_error] = co_await socket_.async_connect(peer, use_ec);
  if (connect_error) co_return connect_error;
  // A port that nobody listens on, in the range of local ports, can be connected to itself.
  const bool is_self = socket_.local_endpoint(ec) == socket_.remote_endpoint(ignored);
  if (!ec && !ignored && is_self) co_return error_code(asio::error::connection_refused);
  co_return error_code();
}

asio::awaitable<Stream::ReadResult> Stream::read_some(std::span<char> into) {
  const auto [ec, bytes] = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), use_ec);
  co_return ReadResult{ec, bytes};
}

asio::awaitable<error_code> Stream::write(std::string_view bytes) {
  const auto [ec, written] = co_await asio::async_write(socket_, asio::buffer(bytes), use_ec);
  co_return ec;
}

void Stream::close() {
  error_code ignored;
  std::ignore = socket_.close(ignored);
}

}  // namespace sluice::net
