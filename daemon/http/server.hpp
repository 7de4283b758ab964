#pragma once

#include "daemon/engine/service.hpp"
#include "daemon/http/listener.hpp"
#include "daemon/http/options.hpp"
#include "daemon/http/router.hpp"
#include "daemon/http/session.hpp"
#include "daemon/metrics/exporter.hpp"
#include "daemon/net/async_event.hpp"
#include "daemon/net/task_group.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

/// The HTTP server of both APIs: data (/v1) and admin (probes, metrics, status page), each with its own
/// listeners, routes and bound of connections, so that a flood of one does not silence the other.
///
/// Use: construct, listen(), run the loop, close(), destroy.
class Server {
 public:
  /// All arguments outlive the server; options are copied.
  Server(boost::asio::io_context& io, Options options, engine::Service& service, metrics::Exporter& exporter);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds every endpoint, then begins to accept. Throws std::runtime_error that names the address and the
  /// remedy; then nothing is bound.
  void listen();

  /// Stops accepting, lets requests under way end for at most Options::close_timeout, closes all connections
  /// and waits until every coroutine has ended. Once.
  [[nodiscard]] boost::asio::awaitable<void> close();

  /// As bound, for the log: "127.0.0.1:8090", "unix:/run/sluice/sluice.sock".
  [[nodiscard]] std::vector<std::string> addresses(Api api) const;
  /// Of the first TCP listener; 0 when there is none.
  [[nodiscard]] std::uint16_t port(Api api) const;

 private:
  // One API: its routes, its listeners, its connections.
  struct Side {
    Side(const boost::asio::any_io_executor& executor,
         Api which,
         ListenerOptions listener_options,
         std::vector<Route> table,
         metrics::ListenerStats& counters);

    Api api;
    ListenerOptions options;
    Router router;
    metrics::ListenerStats& stats;
    std::vector<std::unique_ptr<Listener>> listeners;
    net::AsyncEvent room;  // reset while accepting pauses
  };

  boost::asio::awaitable<void> accept(Side& side, Listener& listener);
  boost::asio::awaitable<void> serve(Side& side, std::unique_ptr<Session> session, bool refused);
  boost::asio::awaitable<void> tick();
  [[nodiscard]] const Side& side_of(Api api) const { return api == Api::kData ? data_ : admin_; }

  boost::asio::any_io_executor executor_;
  Options options_;
  engine::Service& service_;
  SessionContext context_;
  Side data_;
  Side admin_;
  std::set<Session*> sessions_;
  net::TaskGroup tasks_;
  net::TaskGroup ticker_;  // apart, because it keeps the deadlines of those that close() waits for
  boost::asio::steady_timer tick_timer_;
  bool closing_ = false;
  bool closed_ = false;
  core::TimePoint cut_at_ = core::kNever;  // when close() stops waiting
};

}  // namespace sluice::http
