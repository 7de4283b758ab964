#pragma once

/// Configurations as texts, loaded through real files in a directory of the test's own.

#include "config/load.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice::config::test {

/// A directory that lasts as long as the object.
class Directory {
 public:
  Directory();
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// Writes a file, with the directories it needs, and gives its path.
  std::string write(const std::string& name, std::string_view content) const;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// A complete small configuration, for tests about something else.
inline constexpr std::string_view kSmall =
    "kafka:\n"
    "  bootstrap.servers: localhost:9092\n"
    "consumers:\n"
    "  orders:\n"
    "    group.id: orders-worker\n"
    "    topics: [orders]\n";

/// Loads `text` as the file `sluice.yaml`; names in problems are shortened to that. No control group unless
/// asked.
LoadResult load_text(std::string_view text, LoadRequest request = {});

/// All errors, then all warnings, one per line.
std::string errors_of(const LoadResult& result);
std::string warnings_of(const LoadResult& result);

}  // namespace sluice::config::test
