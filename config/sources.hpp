#pragma once

/// The three places that settings come from. Each adds to the collector what it says and what is wrong with
/// it.

#include "config/collector.hpp"

#include <string>
#include <vector>

namespace sluice::config {

/// The text of a configuration file; `name` is how messages call it. False if it is no YAML at all.
bool collect_file(Collector& collector, const std::string& text, const std::string& name);

/// SLUICE_SECTION__SETTING and SLUICE_CONSUMERS__NAME__SETTING: upper case, `.` and `-` as `_`. Left alone
/// are SLUICE_CONFIG, which names the file, and what Kubernetes sets for services called sluice…
/// (SLUICE_SERVICE_HOST, SLUICE_PORT_8090_TCP, …): these come by themselves into every pod beside such a
/// service.
void collect_environment(Collector& collector, const Environment& environment);

/// `--set section.setting=value`. A consumer's name may contain dots: of several readings, an existing
/// consumer wins.
void collect_overrides(Collector& collector, const std::vector<std::string>& overrides);

}  // namespace sluice::config
