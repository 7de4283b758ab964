#pragma once

#include "daemon/core/stats.hpp"

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::metrics {

using Labels = std::vector<prometheus::ClientMetric::Label>;

/// One metric family under construction. A family without a sample is left out of the text.
class Family {
 public:
  Family(prometheus::MetricType type, std::string name, std::string help);

  /// A number; nothing is added when there is none: an unknown value is no zero.
  void add(Labels labels, double value);
  void add(Labels labels, std::uint64_t value) { add(std::move(labels), static_cast<double>(value)); }
  void add(Labels labels, std::int64_t value) { add(std::move(labels), static_cast<double>(value)); }
  void add(Labels labels, std::optional<std::int64_t> value) {
    if (value) add(std::move(labels), *value);
  }
  void add(Labels labels, const core::Histogram& histogram);
  /// One sample per label value; `names` are there from the start, so that rate() sees the first increment.
  void add(const Labels& labels,
           const std::string& label,
           const core::CounterByLabel& counters,
           std::initializer_list<std::string_view> names = {});

  /// Moves the family to the list, if it has samples.
  void finish(std::vector<prometheus::MetricFamily>& out);

 private:
  prometheus::MetricFamily family_;
};

[[nodiscard]] Family gauge(std::string name, std::string help);
[[nodiscard]] Family counter(std::string name, std::string help);
[[nodiscard]] Family histogram(std::string name, std::string help);

/// `labels` and one more.
[[nodiscard]] Labels with(Labels labels, std::string name, std::string value);

}  // namespace sluice::metrics
