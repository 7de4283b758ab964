#pragma once

#include "daemon/http/exchange.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

/// One line of the API: what a method does at a path.
struct Route {
  std::string_view method;  ///< GET also serves HEAD
  std::string_view path;    ///< a template: "/v1/consumers/{c}/batches/{b}"
  Handler handler;
};

/// Finds the route of a request by its raw path: segments are compared byte by byte, nothing is decoded or
/// folded.
class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

  struct Match {
    const Route* route = nullptr;  ///< null: not found, or the path takes other methods
    std::size_t index = 0;         ///< of the route in routes()
    std::string_view consumer;     ///< views into the path
    std::string_view batch;
    std::string allow;  ///< the methods of a path that does not take this one; empty: unknown path
  };
  [[nodiscard]] Match find(std::string_view method, std::string_view path) const;

  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace sluice::http
