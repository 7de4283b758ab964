#include "config/problem.hpp"

namespace sluice::config {

std::string to_text(const Origin& origin) {
  switch (origin.kind) {
    case Origin::Kind::kFile:
      if (origin.line == 0) {
        return origin.name;
      }
      return origin.name + ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
    case Origin::Kind::kEnvironment:
      return "environment variable " + origin.name;
    case Origin::Kind::kCommandLine:
      return "--set";
    case Origin::Kind::kDefault:
      return origin.name.empty() ? "default" : "default: " + origin.name;
  }
  return {};
}

std::string to_text(const Problem& problem) {
  std::string text = to_text(problem.origin) + ": ";
  if (!problem.key.empty()) {
    text += problem.key + ": ";
  }
  text += problem.what;
  if (!problem.nearest.empty()) {
    text += "; did you mean \"" + problem.nearest + "\"?";
    if (!problem.remedy.empty()) {
      text += " " + problem.remedy;
    }
  } else if (!problem.remedy.empty()) {
    text += "; " + problem.remedy;
  }
  return text;
}

}  // namespace sluice::config
