#pragma once

/// A YAML document as a small tree that keeps lines, columns and repeated keys. yaml-cpp's own Node keeps the
/// first of two equal keys without a word, guesses types, and ignores `<<`; none of that may decide a
/// configuration.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::config {

struct YamlEntry;

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  std::string text;                ///< kScalar, as written; no types
  int line = 0;                    ///< from 1
  int column = 0;                  ///< from 1
  std::vector<YamlNode> items;     ///< kSequence
  std::vector<YamlEntry> entries;  ///< kMap, in order, repeated keys kept; keys are scalars
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

struct YamlError {
  std::string what;
  std::string remedy;
  int line = 0;
  int column = 0;
};

inline constexpr std::size_t kYamlBytesMax = 1024 * 1024;
inline constexpr std::size_t kYamlDepthMax = 16;
inline constexpr std::size_t kYamlNodesMax = 20'000;  ///< after aliases are filled in

/// The one document of a text; kNull for an empty one. Errors: syntax, a second document, depth, size, tags,
/// merge keys, keys that are not scalars.
[[nodiscard]] std::variant<YamlNode, YamlError> parse_yaml(const std::string& text);

}  // namespace sluice::config
