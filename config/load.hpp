#pragma once

/// From a file, the environment and the command line to Options, or to everything that is wrong with them.

#include "config/interpolate.hpp"
#include "config/options.hpp"
#include "config/problem.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::config {

struct LoadRequest {
  std::string path;              ///< the file
  bool file_may_miss = false;    ///< it is a default path: without the file, other sources are enough
  Environment environment = {};  ///< for SLUICE_… and ${…}
  std::vector<std::string> overrides = {};  ///< `section.setting=value`, as given to --set
  std::string cgroup_root = "/sys/fs/cgroup";
};

struct LoadResult {
  std::optional<Options> options;  ///< set if and only if there are no errors
  std::vector<Problem> errors;     ///< all of them, in the order of the file
  std::vector<Problem> warnings;   ///< accepted, and worth a line in the log
  std::map<std::string, Origin>
      origins;  ///< by path (`kafka.client.id`): where values that are not built in came from
};

/// Reads and checks everything; opens no connection and no port. Throws only std::bad_alloc.
[[nodiscard]] LoadResult load(const LoadRequest& request);

/// The environment of this process.
[[nodiscard]] Environment current_environment();

}  // namespace sluice::config
