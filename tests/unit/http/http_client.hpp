#pragma once

#include "daemon/http/server.hpp"
#include "daemon/metrics/exporter.hpp"
#include "tests/support/fake_service.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace sluice::http {

/// A running server on ports of the kernel's choice, with a fake daemon behind it. Nothing runs but while a
/// client waits or pump() is called: no threads.
class TestServer {
 public:
  explicit TestServer(Options wanted = {}) {
    Options options = std::move(wanted);
    if (options.data.endpoints.empty()) options.data.endpoints = {{Endpoint::Kind::kTcp, "127.0.0.1", 0, {}}};
    if (options.admin.endpoints.empty())
      options.admin.endpoints = {{Endpoint::Kind::kTcp, "127.0.0.1", 0, {}}};
    options.tick = milliseconds(5);
    options.close_timeout = milliseconds(200);
    server = std::make_unique<Server>(io, std::move(options), service, exporter);
    server->listen();
  }
  ~TestServer() { close(); }

  void pump() {
    io.restart();
    io.run_for(milliseconds(1));
  }
  template <class Condition>
  [[nodiscard]] bool pump_until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && std::chrono::steady_clock::now() < give_up) pump();
    return condition();
  }
  void close() {
    if (server == nullptr) return;
    tasks.spawn("close", server->close());
    EXPECT_TRUE(pump_until([this] { return tasks.live() == 0; })) << "close() hangs";
    server.reset();
    io.restart();
    io.poll();
  }

  boost::asio::io_context io{1};
  testing::FakeService service;
  testing::FakeHost& orders = service.add(io, "orders");
  metrics::Exporter exporter{service};
  net::TaskGroup tasks{io.get_executor()};
  std::unique_ptr<Server> server;
};

struct Answer {
  int status = 0;                              ///< 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  bool complete = false;  ///< the body ended as its head said
  std::string raw_head;

  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body); }
  [[nodiscard]] std::string slug() const {
    if (!headers.contains("content-type") || headers.at("content-type") != "application/problem+json")
      return "";
    return json().at("type").get<std::string>().substr(std::string_view("/problems/").size());
  }
};

/// A client that sends exactly the bytes it is told, and lets the server run while it waits.
class HttpClient {
 public:
  HttpClient(TestServer& server, Api api) : server_(server), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.server->port(api));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  HttpClient(TestServer& server, const std::string& path)
      : server_(server), fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  ~HttpClient() { hang_up(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  void hang_up() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Small buffers, so that an answer that is not read soon stops the server.
  void read_slowly() {
    const int bytes = 4096;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  void send(std::string_view bytes) {
    (void)server_.pump_until([&] {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      return bytes.empty() || (sent < 0 && errno != EAGAIN);
    });
  }

  /// The next answer, or what came until the connection ended.
  Answer receive(bool to_head = false) {
    Answer answer;
    if (!fill_until([&] { return in_.find("\r\n\r\n") != std::string::npos; })) return answer;
    const std::size_t head_size = in_.find("\r\n\r\n") + 4;
    parse_head(in_.substr(0, head_size), answer);
    in_.erase(0, head_size);
    if (answer.status == 100 || to_head) return answer;
    read_body(answer);
    return answer;
  }

  Answer ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }

  /// POST with a JSON body.
  Answer post(const std::string& path, std::string_view body, const std::string& more_headers = "") {
    std::string head = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more_headers;
    if (!body.empty()) {
      head += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    }
    return ask(head + "\r\n" + std::string(body));
  }
  Answer get(const std::string& path, const std::string& more_headers = "") {
    return ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more_headers + "\r\n");
  }

  /// The server closes the connection; nothing more came.
  [[nodiscard]] bool ends() {
    return !fill_until([this] { return !in_.empty(); }) && in_.empty() && ended_;
  }

 private:
  void connect(const sockaddr* address, socklen_t size) {
    connected_ = ::connect(fd_, address, size) == 0;
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }

  // Reads until the condition holds (true), or the connection ends, or nothing comes for long (false).
  template <class Condition>
  bool fill_until(Condition condition) {
    (void)server_.pump_until([&] {
      char bytes[65536];
      for (;;) {
        const ssize_t got = ended_ ? 0 : ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0) in_.append(bytes, static_cast<std::size_t>(got));
        if (got == 0 || (got < 0 && errno != EAGAIN)) ended_ = true;
        if (got <= 0 || condition()) break;
      }
      return ended_ || condition();
    });
    return condition();
  }

  static void parse_head(const std::string& head, Answer& answer) {
    answer.raw_head = head;
    std::from_chars(head.data() + 9, head.data() + 12, answer.status);
    for (std::size_t at = head.find("\r\n") + 2; at + 2 < head.size(); at = head.find("\r\n", at) + 2) {
      const std::size_t colon = head.find(':', at);
      std::string name = head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      answer.headers[name] = head.substr(colon + 2, head.find("\r\n", at) - colon - 2);
    }
  }

  void read_body(Answer& answer) {
    if (answer.headers.contains("content-length")) {
      const std::size_t size = std::stoul(answer.headers["content-length"]);
      answer.complete = fill_until([&] { return in_.size() >= size; });
      answer.body = in_.substr(0, size);
      in_.erase(0, answer.body.size());
    } else if (answer.headers.contains("transfer-encoding")) {
      answer.complete = read_chunks(answer);
    } else {
      (void)fill_until([] { return false; });
      answer.body = std::exchange(in_, {});
    }
  }

  bool read_chunks(Answer& answer) {
    for (;;) {
      if (!fill_until([&] { return in_.find("\r\n") != std::string::npos; })) return false;
      const std::size_t size = std::stoul(in_, nullptr, 16);
      in_.erase(0, in_.find("\r\n") + 2);
      if (!fill_until([&] { return in_.size() >= size + 2; })) return false;
      answer.body += in_.substr(0, size);
      in_.erase(0, size + 2);
      if (size == 0) return true;
    }
  }

  TestServer& server_;
  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string in_;
};

}  // namespace sluice::http
