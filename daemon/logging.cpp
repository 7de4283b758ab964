#include "daemon/logging.hpp"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <string>
#include <utility>

namespace sluice {

namespace {

constexpr std::size_t kQueueLines = 8192;

spdlog::level::level_enum to_spdlog(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kTrace:
      return spdlog::level::trace;
    case config::LogLevel::kDebug:
      return spdlog::level::debug;
    case config::LogLevel::kInfo:
      return spdlog::level::info;
    case config::LogLevel::kWarn:
      return spdlog::level::warn;
    case config::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::level::level_enum to_spdlog(core::LogLevel level) {
  switch (level) {
    case core::LogLevel::kDebug:
      return spdlog::level::debug;
    case core::LogLevel::kInfo:
      return spdlog::level::info;
    case core::LogLevel::kWarn:
      return spdlog::level::warn;
    case core::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// Between quotes, in logfmt as in JSON: a peer's text can neither end the line nor forge another field.
std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out += '"';
}

}  // namespace

Logging::Logging(const config::LogOptions& options) : format_(options.format) {
  spdlog::init_thread_pool(kQueueLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  logger_ = std::make_shared<spdlog::async_logger>("sluiced", std::move(sink), spdlog::thread_pool(),
                                                   spdlog::async_overflow_policy::overrun_oldest);
  const bool json = options.format == config::LogFormat::kJson;
  logger_->set_pattern(
      json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "ts=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v",
      spdlog::pattern_time_type::utc);
  logger_->set_level(to_spdlog(options.level));
  logger_->flush_on(spdlog::level::info);
}

Logging::~Logging() {
  logger_->flush();
  spdlog::shutdown();  // ends the writing thread, so that it never holds the last reference to the logger
  logger_.reset();
}

void Logging::write(core::LogLevel level, std::string_view consumer, std::string_view text) {
  if (!logger_->should_log(to_spdlog(level))) return;
  std::string line;
  const bool json = format_ == config::LogFormat::kJson;
  if (!consumer.empty())
    line += json ? "\"consumer\":" + quoted(consumer) + "," : "consumer=" + quoted(consumer) + " ";
  line += (json ? "\"msg\":" : "msg=") + quoted(text);
  logger_->log(to_spdlog(level), "{}", line);
}

engine::LogFunction Logging::function() {
  return [this](core::LogLevel level, std::string_view consumer, std::string_view text) {
    write(level, consumer, text);
  };
}

}  // namespace sluice
