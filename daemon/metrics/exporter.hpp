#pragma once

#include "daemon/engine/service.hpp"
#include "daemon/metrics/http_stats.hpp"

#include <string>
#include <string_view>

namespace sluice::metrics {

/// Content-Type of text(): Prometheus 3 refuses a scrape without the version.
inline constexpr std::string_view kTextFormat = "text/plain; version=0.0.4; charset=utf-8";

/// Everything the daemon tells Prometheus. Holds the counters of HTTP, which nobody else could own: HTTP
/// writes them through http(), a scrape reads them here together with snapshots of the service.
class Exporter {
 public:
  /// The service must outlive the exporter.
  explicit Exporter(engine::Service& service) : service_(service) {}

  [[nodiscard]] HttpStats& http() { return http_; }

  /// The whole exposition in Prometheus' text format.
  [[nodiscard]] std::string text() const;

 private:
  engine::Service& service_;
  HttpStats http_;
};

}  // namespace sluice::metrics
