#pragma once

/// From the texts of one assignment to its value: interpolation, type, range, allowed values.

#include "config/collector.hpp"

#include <optional>

namespace sluice::config {

/// Null when something is wrong; the collector has it then, with the line of the offending item. A value that
/// is ignored with a warning comes back as the default.
[[nodiscard]] std::optional<Value> read_value(Collector& collector,
                                              const Assignment& assignment,
                                              const Environment& environment);

/// The default of the table. Lists and texts without one are empty.
[[nodiscard]] Value default_value(const Setting& setting);

}  // namespace sluice::config
