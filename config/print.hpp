#pragma once

/// The effective configuration as YAML that loads back to the same Options.

#include "config/load.hpp"
#include "config/setting.hpp"

#include <string>
#include <vector>

namespace sluice::config {

/// Every value in force, behind each where it came from; secrets masked. Under a consumer stand its own
/// settings, and those of Kafka's that were set for it alone. Needs `result.options`.
[[nodiscard]] std::string print_config(const LoadResult& result);

/// One value in YAML: texts quoted where needed, `$` doubled, lists in brackets.
[[nodiscard]] std::string to_yaml(const Setting& setting, const std::vector<std::string>& texts);

}  // namespace sluice::config
