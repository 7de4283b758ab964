#pragma once

/// Rules between settings: what each may say alone, and not together.

#include "config/collector.hpp"
#include "config/options.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::config {

/// Adds contradictions to the collector's errors and things worth knowing to its warnings. Settings that
/// could not be read are not looked at, so that one mistake is told once. `memory_limit`: the container's,
/// bytes.
void validate(Collector& collector,
              const Options& options,
              const std::string& file,
              std::optional<std::int64_t> memory_limit);

}  // namespace sluice::config
