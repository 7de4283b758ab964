#include "config/command_line.hpp"
#include "config/load.hpp"
#include "config/print.hpp"
#include "daemon/app.hpp"
#include "daemon/version.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  namespace config = sluice::config;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const config::Environment environment = config::current_environment();
  const config::CommandLine line = config::parse_command_line(arguments, environment, sluice::kVersion);
  if (line.action == config::CommandLine::Action::kSay) {
    std::fputs(line.text.c_str(), line.exit_code == 0 ? stdout : stderr);
    return line.exit_code;
  }
  const config::LoadResult loaded = config::load(config::to_request(line, environment));
  if (!loaded.options) {
    std::fputs(config::report(loaded).c_str(), stderr);
    return config::kExitConfiguration;
  }
  if (line.action == config::CommandLine::Action::kCheckConfig) {
    std::fputs(config::report(loaded).c_str(), stdout);
    return EXIT_SUCCESS;
  }
  if (line.action == config::CommandLine::Action::kPrintConfig) {
    std::fputs(config::print_config(loaded).c_str(), stdout);
    return EXIT_SUCCESS;
  }
  return sluice::run(loaded);
}
