#pragma once

#include "daemon/net/use_ec.hpp"
#include "protocol/exchange.hpp"
#include "protocol/messages/frame.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

/// A broker that does what a test tells it, on a port of its own and on the loop of the test.
namespace sluice::test {

namespace asio = boost::asio;

/// Answers ApiVersions for a broker that speaks all that we speak.
inline protocol::ApiVersionsResponse speaks_everything() {
  protocol::ApiVersionsResponse response;
  for (const protocol::ApiInfo& api : protocol::kApis) {
    response.api_keys.push_back({static_cast<std::int16_t>(api.key), api.spoken.min, api.spoken.max});
  }
  return response;
}

/// The same with other versions of one API.
inline protocol::ApiVersionsResponse speaks(protocol::ApiKey key, std::int16_t min, std::int16_t max) {
  protocol::ApiVersionsResponse response = speaks_everything();
  for (auto& entry : response.api_keys) {
    if (entry.api_key == static_cast<std::int16_t>(key)) entry = {entry.api_key, min, max};
  }
  return response;
}

/// The broker's end of one connection. What does not go as the script says is an exception, which fails the
/// test.
class PeerConnection {
 public:
  explicit PeerConnection(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  /// The next request.
  asio::awaitable<protocol::ReceivedRequest> receive() {
    std::string length(4, '\0');
    co_await read_all(length);
    std::uint32_t bytes = 0;
    for (const char c : length) bytes = (bytes << 8) | static_cast<unsigned char>(c);
    std::string frame(bytes, '\0');
    co_await read_all(frame);
    auto request = protocol::decode_request(frame);
    if (!request) throw std::runtime_error("bad request: " + request.error().message);
    co_return std::move(*request);
  }

  /// The next request, which must be of this API.
  asio::awaitable<protocol::ReceivedRequest> expect(protocol::ApiKey key) {
    auto request = co_await receive();
    if (request.header.request_api_key != static_cast<std::int16_t>(key)) {
      throw std::runtime_error("got API " + std::to_string(request.header.request_api_key));
    }
    co_return request;
  }

  /// Answers in the version of the request.
  asio::awaitable<void> answer(const protocol::ReceivedRequest& request, protocol::AnyResponse response) {
    co_await send(encode(request, response));
  }

  static std::string encode(const protocol::ReceivedRequest& request, const protocol::AnyResponse& response) {
    return encode(response, request.header.request_api_version, request.header.correlation_id);
  }

  static std::string encode(const protocol::AnyResponse& response,
                            std::int16_t version,
                            std::int32_t correlation_id) {
    auto frame = protocol::encode_response_frame(response, version, correlation_id);
    if (!frame) throw std::runtime_error("bad answer: " + frame.error().message);
    return std::move(*frame);
  }

  /// Expects ApiVersions and answers it.
  asio::awaitable<void> greet(protocol::ApiVersionsResponse response = speaks_everything()) {
    const auto hello = co_await expect(protocol::ApiKey::kApiVersions);
    co_await answer(hello, std::move(response));
  }

  asio::awaitable<void> send(std::string bytes) {
    const auto [ec, written] = co_await asio::async_write(socket_, asio::buffer(bytes), net::use_ec);
    if (ec) throw std::runtime_error("cannot send: " + ec.message());
  }

  /// Reads and drops until the other end has closed.
  asio::awaitable<void> until_closed() {
    std::string bytes(4096, '\0');
    while (true) {
      const auto [ec, got] = co_await socket_.async_read_some(asio::buffer(bytes), net::use_ec);
      if (ec) co_return;
    }
  }

  /// Nothing has arrived that was not received yet.
  [[nodiscard]] bool is_silent() { return socket_.available() == 0; }

  void close() { socket_.close(); }

  /// Closes with RST.
  void reset() {
    socket_.set_option(asio::socket_base::linger(true, 0));
    socket_.close();
  }

 private:
  asio::awaitable<void> read_all(std::string& into) {
    const auto [ec, got] = co_await asio::async_read(socket_, asio::buffer(into), net::use_ec);
    if (ec) throw std::runtime_error("cannot receive: " + ec.message());
  }

  asio::ip::tcp::socket socket_;
};

/// A listening port on the loopback interface.
class ScriptedPeer {
 public:
  explicit ScriptedPeer(asio::io_context& io)
      : acceptor_(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] protocol::BrokerAddress address(protocol::NodeId node) const {
    return {node, "127.0.0.1", port()};
  }

  asio::awaitable<PeerConnection> accept() {
    auto [ec, socket] = co_await acceptor_.async_accept(net::use_ec);
    if (ec) throw std::runtime_error("cannot accept: " + ec.message());
    ++accepted_;
    co_return PeerConnection(std::move(socket));
  }

  /// accept() and greet().
  asio::awaitable<PeerConnection> accept_and_greet(
      protocol::ApiVersionsResponse response = speaks_everything()) {
    PeerConnection connection = co_await accept();
    co_await connection.greet(std::move(response));
    co_return connection;
  }

  /// From now on connections are refused.
  void stop_listening() { acceptor_.close(); }

  [[nodiscard]] int accepted() const { return accepted_; }

 private:
  asio::ip::tcp::acceptor acceptor_;
  int accepted_ = 0;
};

}  // namespace sluice::test
