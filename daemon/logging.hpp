#pragma once

#include "config/options.hpp"
#include "daemon/engine/consumer_engine.hpp"

#include <memory>

namespace spdlog {
class logger;  // NOLINT(readability-identifier-naming): spdlog's own name
}

namespace sluice {

/// The log of the process: one event a line on stderr, logfmt or JSON. Writing happens on a thread of its own
/// with a bounded queue: when whoever reads our stderr is stuck, lines are dropped and counted, and
/// heartbeats go on.
class Logging {
 public:
  explicit Logging(const config::LogOptions& options);
  ~Logging();
  Logging(const Logging&) = delete;
  Logging& operator=(const Logging&) = delete;

  /// `consumer` empty: about the daemon as a whole.
  void write(core::LogLevel level, std::string_view consumer, std::string_view text);
  [[nodiscard]] engine::LogFunction function();

 private:
  config::LogFormat format_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace sluice
