#pragma once

#include <cstdint>

namespace sluice::protocol {

/// Versions `min` to `max`, both included. Empty when min > max.
struct VersionRange {
  std::int16_t min = 0;
  std::int16_t max = 0;

  constexpr bool operator==(const VersionRange&) const = default;

  [[nodiscard]] constexpr bool contains(std::int16_t version) const {
    return min <= version && version <= max;
  }
  [[nodiscard]] constexpr bool empty() const { return min > max; }
};

/// What both ranges contain; possibly empty.
[[nodiscard]] constexpr VersionRange intersect(VersionRange a, VersionRange b) {
  return {a.min > b.min ? a.min : b.min, a.max < b.max ? a.max : b.max};
}

inline constexpr std::int16_t kNoUpperVersion = 32767;
inline constexpr VersionRange kNever{1, 0};

[[nodiscard]] constexpr VersionRange since(std::int16_t version) { return {version, kNoUpperVersion}; }
[[nodiscard]] constexpr VersionRange between(std::int16_t first, std::int16_t last) { return {first, last}; }

}  // namespace sluice::protocol
