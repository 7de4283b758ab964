#pragma once

#include "protocol/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sluice::net {

/// Why a connection is no more.
enum class ConnectionEnd : std::uint8_t {
  kConnectFailed = 1,  ///< name lookup, connect or ApiVersions
  kIdle,      ///< nothing to do for idle_max, or closed by the broker while nothing was asked: no error
  kLost,      ///< the broker or the network ended it, or an answer made no sense
  kTimedOut,  ///< a request was not answered in time, and with it the order of answers is lost
  kClosed,    ///< by us: shutdown, or the broker has moved
};

/// For one log line.
struct ConnectionEvent {
  protocol::BrokerAddress broker;
  protocol::Lane lane;
  std::optional<ConnectionEnd> end;  ///< nullopt: it is ready for use
  std::string reason;                ///< why it ended; empty when ready
};

/// For metrics, once per request that reached a connection.
struct RequestDone {
  protocol::NodeId node;
  protocol::Lane lane;
  protocol::ApiKey api;
  std::chrono::steady_clock::duration
      duration;  ///< since it was written; since it was added when it never was
  std::optional<protocol::FailureKind> failure;  ///< nullopt: answered
  std::int16_t error_code = 0;                   ///< of the answer as a whole
};

/// Only grow, except connections_open. For metrics.
struct PoolCounters {
  std::uint64_t connections_open = 0;  ///< ready for use now
  std::uint64_t dials_succeeded = 0;
  std::uint64_t dials_failed = 0;
  std::uint64_t connections_lost = 0;  ///< kLost and kTimedOut
  std::uint64_t bytes_in = 0;          ///< complete answers
  std::uint64_t bytes_out = 0;
  std::chrono::milliseconds throttled{0};  ///< silence that brokers asked for (KIP-219)
};

/// Called on the loop, never from inside a function of the pool; each may call any function of the pool.
struct PoolEvents {
  std::function<void(protocol::Reply)> on_reply;
  std::function<void(protocol::Failure)> on_failure;
  std::function<void(const RequestDone&)> on_request_done = [](const RequestDone&) {};
  std::function<void(const ConnectionEvent&)> on_connection = [](const ConnectionEvent&) {};
};

/// As in logs and metrics: "fetch", "catch-up", "group", "join" or "control".
[[nodiscard]] const char* name(protocol::Lane lane);

}  // namespace sluice::net
