#pragma once

#include "daemon/core/time.hpp"
#include "daemon/engine/service.hpp"
#include "daemon/http/exchange.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::http {

/// The socket of one client, TCP or Unix, with what HTTP needs of it: bytes read ahead, one total deadline,
/// answers written in one call, and a watch for a client that leaves. On the loop thread; held by shared_ptr.
class Connection final : public ClientWatch, public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Connection(Socket socket, const engine::Service& service) : socket_(std::move(socket)), service_(service) {}

  /// Bytes read and not yet consumed.
  [[nodiscard]] std::string_view unread() const { return std::string_view(in_).substr(consumed_); }
  void consume(std::size_t bytes);
  /// Waits for more bytes; false at the end of the stream or after close().
  [[nodiscard]] boost::asio::awaitable<bool> read_more(std::size_t bytes_max);

  /// Writes all of it, in one call where the kernel takes it; false when it failed. The bytes must live until
  /// then.
  [[nodiscard]] boost::asio::awaitable<bool> write(std::array<boost::asio::const_buffer, 3> buffers);

  /// Tells the client that no more will come, and throws away what it still sends, so that it can read the
  /// answer before the kernel resets the connection. Ends at the deadline.
  [[nodiscard]] boost::asio::awaitable<void> linger();

  /// close() is called by on_tick() when it has passed; core::kNever: none.
  void set_deadline(core::TimePoint deadline) { deadline_ = deadline; }
  void set_deadline_in(core::Duration duration) { deadline_ = service_.now() + duration; }
  /// To be called often: keeps the deadline, and looks after a client behind pipelined requests. True: just
  /// expired.
  bool on_tick(core::TimePoint now);

  // ClientWatch. While watching, bytes of a next request are read ahead, a few kilobytes at most.
  void watch(std::function<void()> on_gone) override;
  void unwatch() override;

  /// The client has closed its side, as far as the kernel knows by now.
  [[nodiscard]] bool peer_gone();
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  /// Ends everything that waits on the socket.
  void close();

 private:
  void arm();
  void on_readable(std::uint64_t turn, bool failed);
  void report_gone();

  Socket socket_;
  const engine::Service& service_;
  std::string in_;
  std::size_t consumed_ = 0;
  core::TimePoint deadline_ = core::kNever;
  std::function<void()> on_gone_;  // set while watching
  std::uint64_t watch_turn_ = 0;   // a wait of an earlier watch may still end after the next one began
};

}  // namespace sluice::http
