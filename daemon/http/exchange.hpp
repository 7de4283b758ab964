#pragma once

#include "daemon/core/time.hpp"
#include "daemon/engine/service.hpp"
#include "daemon/http/options.hpp"
#include "daemon/http/request.hpp"
#include "daemon/http/response.hpp"
#include "daemon/metrics/exporter.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <variant>

namespace sluice::http {

/// Tells a handler that waits when its client goes away.
class ClientWatch {
 public:
  /// Calls `on_gone` once, on the loop, when the client closes its side; until unwatch().
  virtual void watch(std::function<void()> on_gone) = 0;
  virtual void unwatch() = 0;

 protected:
  ~ClientWatch() = default;
};

/// One request under way, and what a handler needs to answer it.
struct Exchange {
  const Request& request;
  engine::Service& service;
  const Options& options;
  const metrics::Exporter& exporter;
  ClientWatch& client;
  core::Duration poll_wait{};  ///< how long the answer waited for records or events; set by the handler
};

/// The exchange outlives the call.
using Handler = std::variant<Response (*)(const Exchange& exchange),
                             boost::asio::awaitable<Response> (*)(Exchange& exchange)>;

}  // namespace sluice::http
