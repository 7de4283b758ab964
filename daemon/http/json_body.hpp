#pragma once

#include "daemon/http/problem.hpp"

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

/// Parses the body of a request: one JSON object. Refused as malformed: what is no JSON (invalid UTF-8, NaN,
/// numbers beyond a double included), nesting deeper than 16, a name twice in one object, more than 65,536
/// values. An empty body is an empty object.
[[nodiscard]] tl::expected<nlohmann::json, Problem> parse_body(std::string_view body);

/// The query as the object that a body would be: `a=1&b=x` is {"a": 1, "b": "x"}. Percent-decoded, `+` is a
/// space. Names with a dot make nested objects. A name twice makes an array. A value that is a plain integer
/// is a number, unless its name is in `texts`; names in `lists` are arrays of texts also when they come once.
[[nodiscard]] tl::expected<nlohmann::json, Problem> parse_query(
    std::string_view query,
    std::initializer_list<std::string_view> texts,
    std::initializer_list<std::string_view> lists);

/// Reads the members of one object and remembers the first thing wrong with it, as an `invalid-value` problem
/// that names the member. After that every read gives the default.
class MemberReader {
 public:
  /// @param path  of the object in the request, empty for the request itself: "ack"
  /// @param names  all members it may have
  MemberReader(const nlohmann::json& object, std::string path, std::initializer_list<std::string_view> names);

  /// Null when it is not there (or null, which means the same).
  [[nodiscard]] const nlohmann::json* find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }

  /// Values above `max` become `max`: caps are not errors. Below `min` they are.
  [[nodiscard]] std::int64_t integer(std::string_view name,
                                     std::int64_t fallback,
                                     std::int64_t min,
                                     std::int64_t max = std::numeric_limits<std::int64_t>::max());
  [[nodiscard]] std::int64_t required_integer(std::string_view name, std::int64_t min, std::int64_t max);
  [[nodiscard]] std::string text(std::string_view name, std::size_t size_max);
  [[nodiscard]] std::string required_text(std::string_view name, std::size_t size_max);
  /// One of the words, as its position; `fallback` when absent.
  [[nodiscard]] std::size_t one_of(std::string_view name,
                                   std::initializer_list<std::string_view> words,
                                   std::size_t fallback);
  /// Null when absent.
  [[nodiscard]] const nlohmann::json* object(std::string_view name);
  [[nodiscard]] const nlohmann::json* array(std::string_view name);

  void refuse(std::string_view name, std::string detail);
  /// Takes over what a reader of a part found.
  void refuse(std::optional<Problem> problem);
  [[nodiscard]] const std::optional<Problem>& problem() const { return problem_; }
  [[nodiscard]] std::string path_of(std::string_view name) const;

 private:
  [[nodiscard]] std::optional<std::int64_t> read_integer(std::string_view name,
                                                         std::int64_t min,
                                                         std::int64_t max);

  const nlohmann::json* object_;
  std::string path_;
  std::optional<Problem> problem_;
};

/// The name that a misspelt one probably meant; empty when none is near.
[[nodiscard]] std::string_view nearest_name(std::string_view name,
                                            std::initializer_list<std::string_view> names);

}  // namespace sluice::http
