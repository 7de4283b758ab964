#pragma once

#include "daemon/http/options.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <string>

namespace sluice::http {

/// A bound and listening socket, TCP or Unix.
///
/// A Unix socket gets mode 0660. A socket file that a process left behind is replaced; one that somebody
/// listens on, or a file that is no socket, is an error. The file goes away with the listener.
class Listener {
 public:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

  /// Throws std::runtime_error that names the address and what to do.
  Listener(const boost::asio::any_io_executor& executor, const Endpoint& endpoint);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] Acceptor& acceptor() { return acceptor_; }
  /// For the pause after an error; ends early with close().
  [[nodiscard]] boost::asio::steady_timer& pause() { return pause_; }
  /// As bound: "127.0.0.1:8090", "[::1]:8090", "unix:/run/sluice/sluice.sock".
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }  ///< 0 for a Unix socket
  [[nodiscard]] bool is_unix() const { return !path_.empty(); }
  [[nodiscard]] bool is_loopback() const { return loopback_; }

  /// Nobody can connect any more.
  void close();

 private:
  void bind_tcp(const Endpoint& endpoint);
  void bind_unix(const Endpoint& endpoint);

  Acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::string address_;
  std::string path_;
  std::uint16_t port_ = 0;
  bool loopback_ = true;
  std::uint64_t device_ = 0;  // of the socket file, to remove no file of somebody else
  std::uint64_t inode_ = 0;
};

}  // namespace sluice::http
