#include "config/nearest.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace sluice::config {
namespace {

constexpr std::size_t kNameMax = 128;  // nothing longer is near to any of our names

std::string simplified(std::string_view name) {
  std::string simple;
  for (const char c : name) {
    if (c != '.' && c != '-' && c != '_') {
      simple += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return simple;
}

}  // namespace

std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> before_last(other.size() + 1);
  std::vector<std::size_t> last(other.size() + 1);
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t j = 0; j <= other.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= one.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t replace = last[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[other.size()];
}

std::string nearest(std::string_view name, std::span<const std::string> candidates) {
  if (name.size() > kNameMax) {
    return {};
  }
  const std::string wanted = simplified(name);
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, std::min<std::size_t>(4, wanted.size() / 3)) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(wanted, simplified(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace sluice::config
