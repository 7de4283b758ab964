#include "daemon/http/router.hpp"

#include <algorithm>

namespace sluice::http {

namespace {

constexpr std::size_t kCaptureSizeMax = 128;

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool is_name(std::string_view segment) {
  return !segment.empty() && segment.size() <= kCaptureSizeMax && std::ranges::all_of(segment, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

bool matches(std::string_view pattern, std::string_view path, Router::Match& match) {
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view segment = take_segment(path);
    if (wanted == "{c}" || wanted == "{b}") {
      if (!is_name(segment)) return false;
      (wanted == "{c}" ? match.consumer : match.batch) = segment;
    } else if (wanted != segment) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  const std::string_view served_by = method == "HEAD" ? "GET" : method;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!matches(routes_[i].path, path, match)) continue;
    if (routes_[i].method == served_by) {
      match.route = &routes_[i];
      match.index = i;
      match.allow.clear();
      return match;
    }
    match.allow += match.allow.empty() ? "" : ", ";
    match.allow += routes_[i].method;
    if (routes_[i].method == "GET") match.allow += ", HEAD";
  }
  return match;
}

}  // namespace sluice::http
