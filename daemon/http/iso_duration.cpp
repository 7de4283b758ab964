#include "daemon/http/iso_duration.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::http {

namespace {

using std::chrono::milliseconds;

// So many digits of any unit are milliseconds that fit, and so do all units together.
constexpr std::size_t kDigitsMax = 9;

struct Unit {
  char letter;
  bool is_time;  ///< behind the T
  milliseconds length;
};
// In the order in which they may come.
constexpr std::array kUnits{
    Unit{'W', false, std::chrono::weeks(1)},  Unit{'D', false, std::chrono::days(1)},
    Unit{'H', true, std::chrono::hours(1)},   Unit{'M', true, std::chrono::minutes(1)},
    Unit{'S', true, std::chrono::seconds(1)},
};

struct Number {
  std::int64_t whole = 0;
  std::int64_t fraction = 0;  ///< in units of 1 / scale
  std::int64_t scale = 1;
  bool has_fraction = false;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes at most kDigitsMax digits; how many there were.
std::size_t take_digits(std::string_view& text, std::int64_t& value, std::int64_t& scale) {
  std::size_t count = 0;
  for (; count < text.size() && count < kDigitsMax && is_digit(text[count]); ++count) {
    value = value * 10 + (text[count] - '0');
    scale *= 10;
  }
  text.remove_prefix(count);
  return count;
}

// Takes "12" or "1.5" or "1,5" off the front; false when there is none, or a longer one.
bool take_number(std::string_view& text, Number& number) {
  std::int64_t ignored = 1;
  if (take_digits(text, number.whole, ignored) == 0) return false;
  if (text.empty() || (text.front() != '.' && text.front() != ',')) return true;
  text.remove_prefix(1);
  number.has_fraction = true;
  return take_digits(text, number.fraction, number.scale) > 0;
}

}  // namespace

tl::expected<milliseconds, std::string> parse_iso_duration(std::string_view text) {
  const auto no = [] {
    return tl::unexpected(std::string("must be an ISO 8601 duration, as `PT1H`, `P1DT12H` or `PT90.5S`"));
  };
  if (!text.starts_with('P')) return no();
  text.remove_prefix(1);
  milliseconds sum{};
  bool in_time = false;
  bool any = false;
  bool ended = false;  // a fraction can only come last
  std::size_t next_unit = 0;
  while (!text.empty()) {
    if (text.front() == 'T' && !in_time) {
      in_time = true;
      any = false;
      text.remove_prefix(1);
      continue;
    }
    Number number;
    if (ended || !take_number(text, number) || text.empty()) return no();
    const char letter = text.front();
    text.remove_prefix(1);
    if (!in_time && (letter == 'Y' || letter == 'M')) {
      return tl::unexpected(
          std::string("must not have years or months, whose length is not fixed: give days"));
    }
    while (next_unit < kUnits.size() &&
           (kUnits[next_unit].letter != letter || kUnits[next_unit].is_time != in_time))
      ++next_unit;
    if (next_unit == kUnits.size()) return no();
    const milliseconds length = kUnits[next_unit++].length;
    sum += number.whole * length + number.fraction * length / number.scale;
    ended = number.has_fraction;
    any = true;
  }
  if (!any) return no();
  return sum;
}

}  // namespace sluice::http
