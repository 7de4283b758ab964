#include "config/cgroup.hpp"

#include "config/interpolate.hpp"
#include "config/units.hpp"

namespace sluice::config {
namespace {

constexpr std::int64_t kUnlimited = std::int64_t{1} << 60;  // version 1 writes about 2^63 for "no limit"

}  // namespace

std::optional<std::int64_t> memory_limit(const std::string& root) {
  for (const char* file : {"/memory.max", "/memory/memory.limit_in_bytes"}) {
    const auto content = read_file(root + file, 64);
    if (!content) {
      continue;
    }
    const Parsed<std::int64_t> bytes = parse_integer(content->substr(0, content->find('\n')));
    return bytes && *bytes > 0 && *bytes < kUnlimited ? std::optional(*bytes) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace sluice::config
