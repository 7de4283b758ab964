#include "daemon/app.hpp"

#include "daemon/engine/daemon.hpp"
#include "daemon/http/server.hpp"
#include "daemon/logging.hpp"
#include "daemon/metrics/exporter.hpp"
#include "daemon/net/task_group.hpp"
#include "daemon/net/use_ec.hpp"
#include "daemon/version.hpp"
#include "daemon/wiring.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <random>
#include <string>

namespace sluice {

namespace {

constexpr int kExitUnexpected = 1;
constexpr int kExitUnsettled = 3;

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

/// The parts of a running process, in the order they are built; torn down in the opposite one.
class Process {
 public:
  Process(const config::Options& options, Logging& logging)
      : options_(options),
        logging_(logging),
        loop_(1),
        tasks_(loop_.get_executor()),
        signals_(loop_, SIGINT, SIGTERM),
        daemon_(loop_.get_executor(), to_engine(options, random_seed()), logging.function()),
        exporter_(daemon_),
        server_(loop_, to_http(options), daemon_, exporter_) {}

  int run() {
    std::signal(SIGPIPE, SIG_IGN);
    server_.listen();
    announce("data", http::Api::kData);
    announce("admin", http::Api::kAdmin);
    daemon_.start();
    tasks_.spawn("shutdown", shut_down());
    loop_.run();
    return exit_code_;
  }

 private:
  void announce(std::string_view name, http::Api api) {
    for (const std::string& address : server_.addresses(api)) {
      logging_.write(core::LogLevel::kInfo, {}, std::string(name) + " listener on " + address);
    }
  }

  boost::asio::awaitable<void> shut_down() {
    const auto [error, signal] = co_await signals_.async_wait(net::use_ec);
    if (error) co_return;
    logging_.write(core::LogLevel::kInfo, {},
                   std::string("stopping on ") + (signal == SIGINT ? "SIGINT" : "SIGTERM") +
                       ", draining for up to " + std::to_string(options_.shutdown.drain_timeout.count()) +
                       " ms");
    tasks_.spawn("second signal", exit_on_second_signal());
    const bool clean = co_await daemon_.stop(options_.shutdown.drain_timeout);
    co_await server_.close();
    exit_code_ = clean ? EXIT_SUCCESS : kExitUnsettled;
    logging_.write(clean ? core::LogLevel::kInfo : core::LogLevel::kWarn, {},
                   clean ? "stopped; everything handed out is settled and committed"
                         : "stopped with records left un-acked; they will be delivered again");
    signals_.cancel();
    loop_.stop();  // a name lookup that hangs must not keep us
  }

  /// Somebody insists: leave at once. Safe, since only settled records are ever committed.
  boost::asio::awaitable<void> exit_on_second_signal() {
    const auto [error, signal] = co_await signals_.async_wait(net::use_ec);
    if (!error) std::_Exit(kExitUnsettled);
  }

  const config::Options& options_;
  Logging& logging_;
  boost::asio::io_context loop_;
  net::TaskGroup tasks_;
  boost::asio::signal_set signals_;
  engine::Daemon daemon_;
  metrics::Exporter exporter_;
  http::Server server_;
  int exit_code_ = kExitUnexpected;
};

}  // namespace

int run(const config::LoadResult& configuration) {
  Logging logging(configuration.options->log);
  for (const config::Problem& warning : configuration.warnings) {
    logging.write(core::LogLevel::kWarn, {}, config::to_text(warning));
  }
  logging.write(core::LogLevel::kInfo, {}, "sluiced " + std::string(kVersion) + " starting");
  try {
    Process process(*configuration.options, logging);
    return process.run();
  } catch (const std::exception& e) {
    logging.write(core::LogLevel::kError, {}, e.what());
    return kExitUnexpected;
  }
}

}  // namespace sluice
