#pragma once

/// The command line of sluiced as values. Reads no file and exits nowhere: main decides.

#include "config/interpolate.hpp"
#include "config/load.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// EX_CONFIG of sysexits.h: the configuration or the command line is wrong.
inline constexpr int kExitConfiguration = 78;
inline constexpr std::string_view kDefaultPath = "/etc/sluice/sluice.yaml";

struct CommandLine {
  enum class Action {
    kRun,
    kCheckConfig,  ///< load, report, and exit 0 or kExitConfiguration
    kPrintConfig,  ///< the same, and print what is in force
    kSay,          ///< print `text` and exit with `exit_code`: help, version, or a usage error
  };

  Action action = Action::kRun;
  std::string path{kDefaultPath};  ///< --config, else SLUICE_CONFIG, else kDefaultPath
  bool path_given = false;         ///< false: the default path, which may not exist
  std::vector<std::string> overrides = {};
  std::string text = {};  ///< for kSay; ends with a line break; to stderr unless exit_code is 0
  int exit_code = 0;
};

/// `arguments` without the program's name. A usage error is kSay with kExitConfiguration.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& arguments,
                                             const Environment& environment,
                                             std::string_view version);

/// What to load for that command line.
[[nodiscard]] LoadRequest to_request(const CommandLine& command_line, Environment environment);

/// Warnings and errors, one per line, each with its severity, then what follows from them.
[[nodiscard]] std::string report(const LoadResult& result);

}  // namespace sluice::config
