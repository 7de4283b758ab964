#include "daemon/http/server.hpp"

#include "daemon/http/handlers.hpp"
#include "daemon/net/use_ec.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>
#include <utility>

namespace sluice::http {

namespace {

namespace asio = boost::asio;
using net::use_ec;

constexpr std::size_t kTurnedAwayMax = 16;  // connections above the bound that are told so, at a time
constexpr std::chrono::milliseconds kAcceptPause{100};

HostPolicy policy_of(Api api, const ListenerOptions& options, const Listener& listener) {
  HostPolicy policy;
  policy.any = listener.is_unix();
  policy.any_ip = api == Api::kAdmin && !listener.is_loopback();
  policy.port = listener.port();
  policy.names = options.host_names;
  if (api == Api::kData && !listener.is_unix() && !listener.is_loopback()) {
    policy.names.push_back(listener.address().substr(0, listener.address().rfind(':')));
  }
  return policy;
}

}  // namespace

Server::Side::Side(const asio::any_io_executor& executor,
                   Api which,
                   ListenerOptions listener_options,
                   std::vector<Route> table,
                   metrics::ListenerStats& counters)
    : api(which),
      options(std::move(listener_options)),
      router(std::move(table)),
      stats(counters),
      room(executor) {
  stats.routes.clear();
  for (const Route& route : router.routes()) {
    metrics::RouteStats counted;
    counted.route = route.path;
    counted.method = route.method;
    stats.routes.push_back(std::move(counted));
  }
  metrics::RouteStats others;
  others.route = "none";
  others.method = "any";
  others.responses.clear();
  stats.routes.push_back(std::move(others));
}

Server::Server(asio::io_context& io, Options options, engine::Service& service, metrics::Exporter& exporter)
    : executor_(io.get_executor()),
      options_(std::move(options)),
      service_(service),
      context_{service, options_, exporter, OutputPool(service.budget())},
      data_(executor_, Api::kData, options_.data, data_routes(), exporter.http().data),
      admin_(executor_, Api::kAdmin, options_.admin, admin_routes(), exporter.http().admin),
      tasks_(executor_),
      ticker_(executor_),
      tick_timer_(executor_) {}

Server::~Server() = default;

void Server::listen() {
  for (Side* side : {&data_, &admin_}) {
    for (const Endpoint& endpoint : side->options.endpoints) {
      try {
        side->listeners.push_back(std::make_unique<Listener>(executor_, endpoint));
      } catch (...) {
        data_.listeners.clear();
        admin_.listeners.clear();
        throw;
      }
    }
  }
  for (Side* side : {&data_, &admin_}) {
    for (const auto& listener : side->listeners)
      tasks_.spawn("accept " + listener->address(), accept(*side, *listener));
  }
  ticker_.spawn("http deadlines", tick());
}

asio::awaitable<void> Server::accept(Side& side, Listener& listener) {
  const HostPolicy policy = policy_of(side.api, side.options, listener);
  while (!closing_) {
    if (side.stats.connections >= side.options.connections_max + kTurnedAwayMax) {
      side.room.reset();
      co_await side.room.wait();
      continue;
    }
    auto [ec, socket] = co_await listener.acceptor().async_accept(use_ec);
    if (closing_) break;
    if (ec == asio::error::connection_aborted) continue;
    if (ec) {
      // Out of descriptors or memory: the connection stays in the kernel's queue, and asking again at once
      // would spin.
      ++side.stats.accept_errors;
      listener.pause().expires_after(kAcceptPause);
      co_await listener.pause().async_wait(use_ec);
      continue;
    }
    boost::system::error_code ignored;
    if (!listener.is_unix()) std::ignore = socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    const bool refused = side.stats.connections >= side.options.connections_max;
    if (refused) ++side.stats.refused_connections;
    ++side.stats.connections;
    auto session = std::make_unique<Session>(context_, side.router, side.stats, policy, std::move(socket));
    sessions_.insert(session.get());
    tasks_.spawn("session", serve(side, std::move(session), refused));
  }
}

asio::awaitable<void> Server::serve(Side& side, std::unique_ptr<Session> session, bool refused) {
  if (refused) {
    co_await session->turn_away();
  } else {
    co_await session->run();
  }
  sessions_.erase(session.get());
  --side.stats.connections;
  side.room.set();
}

asio::awaitable<void> Server::tick() {
  core::TimePoint due = service_.now() + options_.tick;
  while (!closed_) {
    tick_timer_.expires_after(options_.tick);
    co_await tick_timer_.async_wait(use_ec);
    if (closed_) break;
    const core::TimePoint now = service_.now();
    const core::Duration late = std::max(now - due, core::Duration{});
    context_.exporter.http().loop_lag_seconds.observe(std::chrono::duration<double>(late).count());
    for (Session* session : sessions_) session->on_tick(now);
    if (now >= cut_at_) {
      for (Session* session : sessions_) session->close();
    }
    due = now + options_.tick;
  }
}

asio::awaitable<void> Server::close() {
  closing_ = true;
  cut_at_ = service_.now() + options_.close_timeout;
  for (Side* side : {&data_, &admin_}) {
    for (const auto& listener : side->listeners) listener->close();
    side->room.set();
  }
  for (Session* session : sessions_) session->stop();
  co_await tasks_.join();
  closed_ = true;
  tick_timer_.cancel();
  co_await ticker_.join();
}

std::vector<std::string> Server::addresses(Api api) const {
  std::vector<std::string> out;
  for (const auto& listener : side_of(api).listeners) out.push_back(listener->address());
  return out;
}

std::uint16_t Server::port(Api api) const {
  for (const auto& listener : side_of(api).listeners) {
    if (listener->port() != 0) return listener->port();
  }
  return 0;
}

}  // namespace sluice::http
