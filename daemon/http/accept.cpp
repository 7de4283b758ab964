#include "daemon/http/accept.hpp"

#include <algorithm>

namespace sluice::http {

namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view take_part(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool equal_ignoring_case(std::string_view one, std::string_view other) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(one, other, {}, lower, lower);
}

// In thousandths. A weight that is none counts as 1: better an answer than a refusal for a typing mistake.
int weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = take_part(parameters, ';');
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    const std::string_view digits = parameter.substr(2);
    if (!digits.starts_with('0')) return 1000;
    int weight = 0;
    int scale = 100;
    for (const char c : digits.substr(std::min<std::size_t>(2, digits.size()))) {
      if (c < '0' || c > '9') return 1000;
      weight += (c - '0') * scale;
      scale /= 10;
    }
    return weight;
  }
  return 1000;
}

// How exactly a range names a type: 3 itself, 2 its family, 1 anything, 0 not at all.
int match(std::string_view range, std::string_view type) {
  if (equal_ignoring_case(range, type)) return 3;
  if (range == "*/*" || range == "*") return 1;
  const std::string_view family = type.substr(0, type.find('/') + 1);
  return range.ends_with("/*") && equal_ignoring_case(range.substr(0, range.size() - 1), family) ? 2 : 0;
}

int weight_for(std::string_view accept, std::string_view type) {
  int best_match = 0;
  int weight = 0;
  while (!accept.empty()) {
    std::string_view item = take_part(accept, ',');
    const std::string_view range = take_part(item, ';');
    const int matched = match(range, type);
    if (matched <= best_match) continue;
    best_match = matched;
    weight = weight_of(item);
  }
  return weight;
}

}  // namespace

std::optional<std::string_view> choose_type(std::string_view accept,
                                            std::initializer_list<std::string_view> offered) {
  if (trim(accept).empty()) return *offered.begin();
  std::optional<std::string_view> best;
  int best_weight = 0;
  for (const std::string_view type : offered) {
    const int weight = weight_for(accept, type);
    if (weight > best_weight) {
      best = type;
      best_weight = weight;
    }
  }
  return best;
}

bool is_json_type(std::string_view content_type) {
  if (!equal_ignoring_case(take_part(content_type, ';'), "application/json")) return false;
  while (!content_type.empty()) {
    std::string_view parameter = take_part(content_type, ';');
    const std::string_view name = take_part(parameter, '=');
    if (!equal_ignoring_case(name, "charset")) continue;
    return equal_ignoring_case(parameter, "utf-8") || equal_ignoring_case(parameter, "\"utf-8\"");
  }
  return true;
}

}  // namespace sluice::http
