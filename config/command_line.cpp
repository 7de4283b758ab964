#include "config/command_line.hpp"

#include <CLI/CLI.hpp>

#include <sstream>
#include <utility>

namespace sluice::config {
namespace {

CommandLine say(std::string text, int exit_code) {
  CommandLine result;
  result.action = CommandLine::Action::kSay;
  result.text = std::move(text);
  result.exit_code = exit_code;
  if (!result.text.ends_with('\n')) {
    result.text += '\n';
  }
  return result;
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& arguments,
                               const Environment& environment,
                               std::string_view version) {
  CommandLine result;
  bool check = false;
  bool print = false;
  bool show_version = false;
  CLI::App app("Kafka consumer sidecar: a member of the group on its own timer, batches over HTTP.",
               "sluiced");
  app.add_option("--config", result.path,
                 "Configuration file; else SLUICE_CONFIG, else " + std::string(kDefaultPath))
      ->type_name("FILE");
  CLI::Option* check_option =
      app.add_flag("--check-config", check, "Check the configuration and exit: 0 good, 78 not");
  app.add_flag("--print-config", print, "Print the configuration in force, secrets masked, and exit")
      ->excludes(check_option);
  // One value each: a vector would also swallow the words that follow.
  app.add_option("--set", result.overrides,
                 "Override one setting, as --set http.max.connections=64; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--version", show_version, "Print the version and exit");
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return say(app.help(), 0);
  } catch (const CLI::ParseError& error) {
    return say("sluiced: " + std::string(error.what()) + "\nRun sluiced --help for the options.",
               kExitConfiguration);
  }
  if (show_version) {
    return say("sluiced " + std::string(version), 0);
  }
  const auto variable = environment.find("SLUICE_CONFIG");
  result.path_given = app.count("--config") > 0;
  if (!result.path_given && variable != environment.end() && !variable->second.empty()) {
    result.path = variable->second;
    result.path_given = true;
  }
  if (check) {
    result.action = CommandLine::Action::kCheckConfig;
  } else if (print) {
    result.action = CommandLine::Action::kPrintConfig;
  }
  return result;
}

LoadRequest to_request(const CommandLine& command_line, Environment environment) {
  LoadRequest request;
  request.path = command_line.path;
  request.file_may_miss = !command_line.path_given;
  request.environment = std::move(environment);
  request.overrides = command_line.overrides;
  return request;
}

std::string report(const LoadResult& result) {
  std::ostringstream lines;
  for (const Problem& warning : result.warnings) {
    lines << "warning: " << to_text(warning) << '\n';
  }
  for (const Problem& error : result.errors) {
    lines << "error: " << to_text(error) << '\n';
  }
  if (!result.errors.empty()) {
    lines << result.errors.size() << (result.errors.size() == 1 ? " error" : " errors")
          << " in the configuration\n";
  }
  return lines.str();
}

}  // namespace sluice::config
