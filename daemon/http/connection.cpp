#include "daemon/http/connection.hpp"

#include "daemon/net/use_ec.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <poll.h>
#include <tuple>
#include <utility>

namespace sluice::http {

namespace {

namespace asio = boost::asio;
using net::use_ec;

constexpr std::size_t kReadAheadMax = 8 * 1024;    // of a next request, while an answer is awaited
constexpr std::size_t kIdleCapacity = 16 * 1024;   // more is given back when nothing is unread
constexpr std::size_t kWriteAtOnce = 16UL << 20U;  // Asio's own step of 64 KiB costs a system call each

std::size_t write_at_once(const boost::system::error_code& ec, std::size_t) { return ec ? 0 : kWriteAtOnce; }

}  // namespace

void Connection::consume(std::size_t bytes) {
  consumed_ += bytes;
  if (consumed_ < in_.size()) return;
  consumed_ = 0;
  if (in_.capacity() > kIdleCapacity) {
    in_ = std::string();
  } else {
    in_.clear();
  }
}

asio::awaitable<bool> Connection::read_more(std::size_t bytes_max) {
  if (!socket_.is_open()) co_return false;
  in_.erase(0, std::exchange(consumed_, 0));
  const std::size_t before = in_.size();
  in_.resize(before + bytes_max);
  const auto [ec, bytes] =
      co_await socket_.async_read_some(asio::buffer(in_.data() + before, bytes_max), use_ec);
  in_.resize(before + bytes);
  co_return !ec;
}

asio::awaitable<bool> Connection::write(std::array<asio::const_buffer, 3> buffers) {
  if (!socket_.is_open()) co_return false;
  const auto [ec, bytes] = co_await asio::async_write(socket_, buffers, &write_at_once, use_ec);
  co_return !ec;
}

asio::awaitable<void> Connection::linger() {
  boost::system::error_code ignored;
  std::ignore = socket_.shutdown(Socket::shutdown_send, ignored);
  bool more = socket_.is_open();
  while (more) {
    consume(unread().size());
    more = co_await read_more(kReadAheadMax);
  }
}

bool Connection::on_tick(core::TimePoint now) {
  if (!socket_.is_open()) return false;
  if (now >= deadline_) {
    close();
    return true;
  }
  if (on_gone_ && unread().size() >= kReadAheadMax && peer_gone()) report_gone();
  return false;
}

void Connection::watch(std::function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  ++watch_turn_;
  if (socket_.is_open()) {
    arm();
  } else {
    report_gone();
  }
}

void Connection::unwatch() {
  on_gone_ = nullptr;
  ++watch_turn_;
  boost::system::error_code ignored;
  if (socket_.is_open()) std::ignore = socket_.cancel(ignored);
}

void Connection::arm() {
  if (unread().size() >= kReadAheadMax)
    return;  // the end of the stream is out of sight; on_tick() asks for it
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this(), turn = watch_turn_](const boost::system::error_code& ec) {
                       self->on_readable(turn, !!ec);
                     });
}

void Connection::on_readable(std::uint64_t turn, bool failed) {
  if (turn != watch_turn_ || !on_gone_) return;
  if (failed || !socket_.is_open()) {
    report_gone();
    return;
  }
  const std::size_t before = in_.size();
  in_.resize(before + (kReadAheadMax - unread().size()));
  boost::system::error_code ec;
  std::ignore = socket_.non_blocking(true, ec);
  const std::size_t bytes =
      ec ? 0 : socket_.read_some(asio::buffer(in_.data() + before, in_.size() - before), ec);
  in_.resize(before + bytes);
  if (ec && ec != asio::error::would_block) {
    report_gone();
  } else {
    arm();
  }
}

void Connection::report_gone() {
  const auto on_gone = std::exchange(on_gone_, nullptr);
  if (on_gone) on_gone();
}

bool Connection::peer_gone() {
  if (!socket_.is_open()) return true;
  pollfd asked{socket_.native_handle(), POLLRDHUP, 0};
  return poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Connection::close() {
  boost::system::error_code ignored;
  std::ignore = socket_.close(ignored);
  report_gone();  // a watch that reads no further has no wait that the close would end
}

}  // namespace sluice::http
