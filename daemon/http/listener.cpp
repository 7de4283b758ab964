#include "daemon/http/listener.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace sluice::http {

namespace {

namespace asio = boost::asio;
using asio::generic::stream_protocol;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr std::size_t kPathMax = 107;  // sun_path with its end
constexpr mode_t kSocketMode = 0660;

[[noreturn]] void fail(const std::string& address, const std::string& why) {
  throw std::runtime_error("cannot listen on " + address + ": " + why);
}

// Restores the mask that files get: it belongs to the whole process.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

// Makes room for a socket file, if what is there may go.
void remove_stale(const asio::any_io_executor& executor,
                  const std::string& address,
                  const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    fail(address, std::strerror(errno));
  }
  if (!S_ISSOCK(found.st_mode))
    fail(address, "the path exists and is not a socket; choose another or remove it");
  Local::socket probe(executor);
  boost::system::error_code ec;
  std::ignore = probe.connect(Local::endpoint(path), ec);
  if (!ec) fail(address, "another process is listening there; stop it or choose another path");
  if (ec != asio::error::connection_refused)
    fail(address, "cannot tell whether the socket is in use: " + ec.message());
  if (::unlink(path.c_str()) != 0)
    fail(address, std::string("cannot remove the old socket: ") + std::strerror(errno));
}

}  // namespace

Listener::Listener(const asio::any_io_executor& executor, const Endpoint& endpoint)
    : acceptor_(executor), pause_(executor) {
  if (endpoint.kind == Endpoint::Kind::kTcp) {
    bind_tcp(endpoint);
  } else {
    bind_unix(endpoint);
  }
}

Listener::~Listener() { close(); }

void Listener::bind_tcp(const Endpoint& endpoint) {
  const std::string named = endpoint.host + ":" + std::to_string(endpoint.port);
  boost::system::error_code ec;
  const auto ip = asio::ip::make_address(endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host, ec);
  if (ec) fail(named, "the host must be an IP address or localhost");
  const Tcp::endpoint wanted(ip, endpoint.port);
  try {
    acceptor_.open(stream_protocol(wanted.protocol()));
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(wanted);
    acceptor_.listen(asio::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& error) {
    const bool taken = error.code() == asio::error::address_in_use;
    fail(named, error.code().message() + (taken ? "; another process has this port, choose another" : ""));
  }
  Tcp::endpoint bound;
  const auto generic = acceptor_.local_endpoint();
  std::memcpy(bound.data(), generic.data(), generic.size());
  port_ = bound.port();
  loopback_ = ip.is_loopback();
  const std::string host = ip.is_v6() ? "[" + ip.to_string() + "]" : ip.to_string();
  address_ = host + ":" + std::to_string(port_);
}

void Listener::bind_unix(const Endpoint& endpoint) {
  address_ = "unix:" + endpoint.path;
  if (endpoint.path.empty() || endpoint.path.front() != '/') fail(address_, "the path must be absolute");
  if (endpoint.path.size() > kPathMax) fail(address_, "the path has more than 107 bytes");
  remove_stale(acceptor_.get_executor(), address_, endpoint.path);
  const Local::endpoint wanted(endpoint.path);
  try {
    const Umask umask(static_cast<mode_t>(~kSocketMode & 0777));
    acceptor_.open(stream_protocol(wanted.protocol()));
    acceptor_.bind(wanted);
    acceptor_.listen(asio::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& error) {
    const bool missing = error.code() == boost::system::errc::no_such_file_or_directory;
    fail(address_, error.code().message() + (missing ? "; create its directory first" : ""));
  }
  struct stat made{};
  if (::lstat(endpoint.path.c_str(), &made) != 0) fail(address_, std::strerror(errno));
  device_ = made.st_dev;
  inode_ = made.st_ino;
  path_ = endpoint.path;
}

void Listener::close() {
  if (!acceptor_.is_open()) return;
  boost::system::error_code ignored;
  std::ignore = acceptor_.close(ignored);
  pause_.cancel();
  struct stat found{};
  if (path_.empty() || ::lstat(path_.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace sluice::http
