#pragma once

#include <string>

namespace sluice::metrics {

/// What this program was built from.
struct BuildInfo {
  std::string version;
  std::string revision;
  std::string compiler;
};

[[nodiscard]] BuildInfo build_info();

}  // namespace sluice::metrics
