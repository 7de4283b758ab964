#pragma once

#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

enum class LogLevel : std::uint8_t { kDebug = 1, kInfo, kWarn, kError };

/// One line for the log of the daemon: what happened, as a sentence. Never holds record contents or secrets.
struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

/// What the state machines want done, collected during one turn. Owned by the Consumer; emptied by the
/// engine.
class Outbox {
 public:
  /// Queues a request; the id comes back in its Reply or Failure.
  protocol::RequestId send(protocol::NodeId node,
                           protocol::Lane lane,
                           protocol::AnyRequest request,
                           std::chrono::milliseconds timeout,
                           std::int16_t version_cap = 32767) {
    const protocol::RequestId id = ++last_request_id_;
    requests_.push_back({id, node, lane, std::move(request), timeout, version_cap});
    return id;
  }

  /// Asks for another turn at `when` at the latest. The earliest wish wins.
  void wake_at(TimePoint when) { wake_at_ = std::min(wake_at_, when); }

  void log(LogLevel level, std::string text) { lines_.push_back({level, std::move(text)}); }

  [[nodiscard]] std::vector<protocol::Outgoing> take_requests() { return std::exchange(requests_, {}); }
  [[nodiscard]] std::vector<LogLine> take_lines() { return std::exchange(lines_, {}); }
  [[nodiscard]] TimePoint wake_time() const { return wake_at_; }
  void begin_turn() { wake_at_ = kNever; }

 private:
  protocol::RequestId last_request_id_ = 0;
  std::vector<protocol::Outgoing> requests_;
  std::vector<LogLine> lines_;
  TimePoint wake_at_ = kNever;
};

}  // namespace sluice::core
