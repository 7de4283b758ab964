#include "config/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace sluice::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<Unit, 5> kDurationUnits{{
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};

constexpr std::array<Unit, 8> kSizeUnits{{
    {"GiB", 1'073'741'824},
    {"MiB", 1'048'576},
    {"KiB", 1'024},
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"kB", 1'000},
    {"KB", 1'000},
    {"B", 1},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t number_length(std::string_view text) {
  std::size_t length = text.starts_with('-') ? 1 : 0;
  while (length < text.size() && is_digit(text[length])) {
    ++length;
  }
  return length;
}

template <std::size_t N>
Parsed<std::int64_t> parse_with_units(std::string_view text,
                                      const std::array<Unit, N>& units,
                                      const char* expected) {
  const std::size_t length = number_length(text);
  std::string_view suffix = text.substr(length);
  while (suffix.starts_with(' ')) {
    suffix.remove_prefix(1);
  }
  const auto fail = [&] { return tl::unexpected<std::string>("is not " + std::string(expected)); };
  if (length == 0 || text.substr(0, length) == "-" || (suffix.empty() && length != text.size())) {
    return fail();
  }
  const Parsed<std::int64_t> number = parse_integer(text.substr(0, length));
  if (!number || suffix.empty()) {
    return number;
  }
  for (const Unit& unit : units) {
    if (suffix != unit.name) {
      continue;
    }
    if (*number < 0) {
      return tl::unexpected<std::string>("is negative");
    }
    if (*number > std::numeric_limits<std::int64_t>::max() / unit.factor) {
      return tl::unexpected<std::string>("is too large for a 64-bit number");
    }
    return *number * unit.factor;
  }
  return fail();
}

}  // namespace

Parsed<std::int64_t> parse_integer(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || number_length(text) != text.size()) {
    return tl::unexpected<std::string>("is not a whole decimal number");
  }
  if (digits.size() > 1 && digits.front() == '0') {
    return tl::unexpected<std::string>("has a leading zero, which some readers take for octal");
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return tl::unexpected<std::string>("is too large for a 64-bit number");
  }
  return value;
}

Parsed<std::int64_t> parse_duration(std::string_view text) {
  return parse_with_units(text, kDurationUnits,
                          "a duration such as 500ms, 30s, 5m, 1h or plain milliseconds");
}

Parsed<std::int64_t> parse_size(std::string_view text) {
  return parse_with_units(text, kSizeUnits, "a size such as 64KiB, 1MiB, 1GB or plain bytes");
}

Parsed<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") {
    return true;
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return false;
  }
  return tl::unexpected<std::string>("is not true or false");
}

std::string format_duration(std::int64_t value_ms) {
  if (value_ms > 0) {
    for (const Unit& unit : kDurationUnits) {
      if (value_ms % unit.factor == 0) {
        return std::to_string(value_ms / unit.factor) + std::string(unit.name);
      }
    }
  }
  return std::to_string(value_ms);
}

std::string format_size(std::int64_t value_bytes) {
  if (value_bytes > 0) {
    for (const Unit& unit : kSizeUnits) {
      if (unit.name.ends_with("iB") && value_bytes % unit.factor == 0) {
        return std::to_string(value_bytes / unit.factor) + std::string(unit.name);
      }
    }
  }
  return std::to_string(value_bytes);
}

}  // namespace sluice::config
