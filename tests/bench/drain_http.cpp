// Drains a topic through sluiced over HTTP, as a small application would: fetch, look at every byte, ack with
// the next fetch. Prints one JSON line. usage: drain_http HOST PORT CONSUMER RECORDS [MAX_RECORDS]
// [MAX_BYTES] [ACCEPT]

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// One keep-alive connection with a reused buffer.
class Connection {
 public:
  Connection(const std::string& host, std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The body of the answer, valid until the next call.
  std::string_view post(const std::string& path, const std::string& accept, const std::string& body) {
    std::string request =
        "POST " + path +
        " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: " + accept +
        "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    if (write(fd_, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
      throw std::runtime_error("write");
    }
    used_ = 0;
    std::size_t head_end = std::string_view::npos;
    while (head_end == std::string_view::npos) {
      read_some();
      head_end = std::string_view(buffer_.data(), used_).find("\r\n\r\n");
    }
    const std::string head(buffer_.data(), head_end + 2);
    head_end += 4;
    if (head.substr(9, 3) != "200") throw std::runtime_error(head);
    const std::size_t length = head.find("Content-Length: ");
    if (length == std::string::npos) return chunks(head_end);
    const std::size_t total = head_end + std::strtoull(head.c_str() + length + 16, nullptr, 10);
    while (used_ < total) read_some();
    return {buffer_.data() + head_end, total - head_end};
  }

 private:
  void read_some() {
    if (buffer_.size() < used_ + (256UL << 10))
      buffer_.resize(std::max(buffer_.size() * 2, used_ + (1UL << 20)));
    const ssize_t n = read(fd_, buffer_.data() + used_, buffer_.size() - used_);
    if (n <= 0) throw std::runtime_error("the daemon closed the connection");
    used_ += static_cast<std::size_t>(n);
  }

  /// Reads a chunked body and moves its chunks together.
  std::string_view chunks(std::size_t begin) {
    std::size_t at = begin;
    std::size_t end = begin;
    for (;;) {
      while (std::string_view(buffer_.data() + at, used_ - at).find("\r\n") == std::string_view::npos)
        read_some();
      char* data = nullptr;
      const std::size_t size = std::strtoull(buffer_.data() + at, &data, 16);
      at = static_cast<std::size_t>(data - buffer_.data()) + 2;
      while (used_ < at + size + 2) read_some();
      if (size == 0) return {buffer_.data() + begin, end - begin};
      std::memmove(buffer_.data() + end, buffer_.data() + at, size);
      end += size;
      at += size + 2;
    }
  }

  int fd_;
  std::string buffer_;
  std::size_t used_ = 0;
};

/// Counts the records and touches every byte of the body.
std::uint64_t count_records(std::string_view body) {
  constexpr std::string_view kMark = "\"offset\":";
  std::uint64_t count = 0;
  const char* at = body.data();
  const char* end = at + body.size();
  while ((at = static_cast<const char*>(
              memmem(at, static_cast<std::size_t>(end - at), kMark.data(), kMark.size())))) {
    ++count;
    at += kMark.size();
  }
  return count;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int drain(char** argv, int argc) {
  const std::string consumer = argv[3];
  const std::uint64_t wanted = std::strtoull(argv[4], nullptr, 10);
  const std::string max_records = argc > 5 ? argv[5] : "10000";
  const std::string max_bytes = argc > 6 ? argv[6] : "1048576";
  const std::string accept = argc > 7 ? argv[7] : "application/json";
  Connection connection(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2])));
  const std::string limits =
      "\"max_records\":" + max_records + ",\"max_bytes\":" + max_bytes + ",\"wait_ms\":5000";
  std::string ack;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t batches = 0;
  std::chrono::steady_clock::time_point start;
  while (records < wanted) {
    const std::string_view body =
        connection.post("/v1/consumers/" + consumer + "/fetch", accept, "{" + limits + ack + "}");
    if (batches == 0) start = std::chrono::steady_clock::now();  // joining the group is not what is measured
    const std::size_t id = body.find("\"batch_id\":\"");
    ack.clear();
    if (id == std::string_view::npos) continue;
    ++batches;
    records += count_records(body);
    bytes += body.size();
    ack = ",\"ack\":{\"batch_id\":\"" + std::string(body.substr(id + 12, 32)) + "\",\"commit\":\"async\"}";
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!ack.empty())
    connection.post("/v1/consumers/" + consumer + "/fetch", accept,
                    "{\"wait_ms\":0,\"max_records\":1" + ack + "}");
  std::printf(
      "{\"records\":%llu,\"body_bytes\":%llu,\"batches\":%llu,\"seconds\":%.4f,\"client_cpu\":%.3f}\n",
      static_cast<unsigned long long>(records), static_cast<unsigned long long>(bytes),
      static_cast<unsigned long long>(batches), seconds, cpu_seconds());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: drain_http HOST PORT CONSUMER RECORDS [MAX_RECORDS] [MAX_BYTES] [ACCEPT]\n", stderr);
    return EXIT_FAILURE;
  }
  try {
    return drain(argv, argc);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "drain_http: %s\n", e.what());
    return EXIT_FAILURE;
  }
}
