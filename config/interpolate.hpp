#pragma once

/// ${ENV}, ${ENV:-default} and ${file:/path} inside one scalar. Works on values after parsing, never on the
/// text of the file, and never on its own results: what a variable contains cannot add settings.

#include <tl/expected.hpp>

#include <map>
#include <string>
#include <string_view>

namespace sluice::config {

using Environment = std::map<std::string, std::string>;

struct InterpolationError {
  std::string what;
  std::string remedy;
};

inline constexpr std::size_t kSecretFileBytesMax = 64 * 1024;

/// The text with everything filled in; `$$` becomes `$`. `:-` also replaces an empty variable, as in a shell.
/// Of a file one newline at the end is cut.
[[nodiscard]] tl::expected<std::string, InterpolationError> interpolate(std::string_view text,
                                                                        const Environment& environment);

/// The whole file, or why it could not be read. Refuses directories and files above `bytes_max`.
[[nodiscard]] tl::expected<std::string, std::string> read_file(const std::string& path,
                                                               std::size_t bytes_max);

}  // namespace sluice::config
