#pragma once

/// Where a value came from, and what is wrong with it: one line that names the place, the setting and the
/// remedy.

#include <string>

namespace sluice::config {

/// Where a value came from. Lines and columns count from 1.
struct Origin {
  enum class Kind { kDefault, kFile, kEnvironment, kCommandLine };

  Kind kind = Kind::kDefault;
  std::string name =
      {};          ///< kFile: its path; kEnvironment: the variable; kDefault: why this default, or empty
  int line = 0;    ///< kFile only; 0: the file as a whole
  int column = 0;  ///< kFile only

  bool operator==(const Origin&) const = default;
};

/// `sluice.yaml:4:5`, `environment variable SLUICE_LOG__LEVEL`, `--set`, or `default`.
[[nodiscard]] std::string to_text(const Origin& origin);

/// One error or warning. Never carries the value of a secret.
struct Problem {
  Origin origin;
  std::string key;      ///< the full path, `consumers.orders.group.id`; empty where no key is concerned
  std::string what;     ///< what is wrong, without the key
  std::string nearest;  ///< the valid name probably meant, as one would write it there; empty: none is near
  std::string remedy;   ///< what to do, a sentence without its full stop; may be empty

  bool operator==(const Problem&) const = default;
};

/// `file:line:column: key: what; did you mean "nearest"? remedy`, one line.
[[nodiscard]] std::string to_text(const Problem& problem);

}  // namespace sluice::config
