#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::http {

using std::chrono::milliseconds;

/// Where a listener binds.
struct Endpoint {
  enum class Kind : std::uint8_t { kTcp = 1, kUnix };

  Kind kind = Kind::kTcp;
  std::string host;        ///< kTcp: a literal address without brackets, or `localhost` (127.0.0.1)
  std::uint16_t port = 0;  ///< kTcp; 0: the kernel chooses
  std::string path;        ///< kUnix: absolute, at most 107 bytes
};

/// Which API a listener offers.
enum class Api : std::uint8_t {
  kData = 1,  ///< /v1: records and leases
  kAdmin,     ///< probes, metrics, drain, status page; never record contents
};

struct ListenerOptions {
  std::vector<Endpoint> endpoints;
  std::vector<std::string>
      host_names;  ///< accepted in Host besides localhost, 127.0.0.1 and [::1]; lower case
  std::size_t connections_max = 1024;  ///< over all endpoints of this API; one more is told 503 and closed
};

/// Everything that bounds what a client can make the server hold or wait for. Deadlines are totals of their
/// phase.
struct Options {
  ListenerOptions data;
  ListenerOptions admin{{}, {}, 64};

  std::size_t head_bytes_max = 8 * 1024;             ///< request line and headers; above: 431
  std::size_t body_bytes_max = 1024 * 1024;          ///< of one request; above: 413
  std::size_t request_bytes_max = 16 * 1024 * 1024;  ///< bodies of all requests being read; above: 503

  milliseconds header_timeout{
      5'000};  ///< from the first byte of a request (or the connection) to the end of its head
  milliseconds body_timeout{10'000};  ///< from the end of the head to the end of the body
  milliseconds write_timeout{
      10'000};  ///< for an answer, or for each piece of an answer too large to be held at once
  milliseconds idle_timeout{120'000};  ///< between two requests; longer than clients keep pooled connections
  milliseconds close_timeout{5'000};   ///< how long close() lets requests end by themselves
  milliseconds linger{1'000};  ///< after an early error answer: how long the rest of a request is thrown away
  milliseconds tick{100};      ///< how exactly deadlines are kept

  milliseconds fetch_wait_max{300'000};  ///< cap of wait_ms
  milliseconds lease_max{3'600'000};     ///< cap of lease_ms
};

}  // namespace sluice::http
