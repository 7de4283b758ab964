#pragma once

#include "daemon/core/stats.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::metrics {

/// Counters of one route. `route` is its template, never a raw path: the number of series stays bounded.
struct RouteStats {
  std::string route;
  std::string method;
  std::map<int, std::uint64_t> responses{{200, 0}};  ///< by status code
  core::Histogram seconds{
      core::kSecondsBounds};  ///< from the end of the head to the end of the answer, less the wait
};

/// Counters of one API ("data" or "admin").
struct ListenerStats {
  std::vector<RouteStats>
      routes;  ///< in the order of the router's table; the last is for requests without a route
  std::size_t connections = 0;            ///< open now
  std::uint64_t refused_connections = 0;  ///< told 503 because there were too many
  std::uint64_t accept_errors = 0;        ///< out of file descriptors, mostly
  std::uint64_t deadlines_missed = 0;     ///< connections closed because a client was too slow
};

/// What HTTP counts, as plain numbers that it increments and the exporter reads. One thread.
struct HttpStats {
  ListenerStats data;
  ListenerStats admin;
  core::Histogram poll_wait_seconds{core::kSecondsBounds};  ///< how long fetches waited for records
  std::uint64_t response_bytes = 0;                         ///< bodies written
  std::uint64_t given_back_batches = 0;                     ///< their answer could not be written
  std::uint64_t clients_gone = 0;                           ///< clients that left while their fetch waited
  core::Histogram loop_lag_seconds{core::kSecondsBounds};   ///< how late a timer of the loop was
};

}  // namespace sluice::metrics
