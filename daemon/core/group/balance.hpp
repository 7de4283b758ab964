#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace sluice::core {

/// Who may hold what, in numbers: items are partitions, and those with the same set of subscribers form one
/// class.
struct BalanceProblem {
  std::size_t members = 0;
  /// class -> the members that may hold its items; never empty, no member twice.
  std::vector<std::vector<std::size_t>> classes;
  /// item -> class.
  std::vector<std::size_t> item_class;
  /// item -> the member that should keep it if the balance allows; one of the members of the item's class.
  std::vector<std::optional<std::size_t>> home;
};

/// item -> the member that holds it. First, the loads are as even as the classes allow: no exchange along any
/// chain of members would improve them, and they differ by at most one if all members may hold everything.
/// Second, of all such answers this is one with the most items at home. Deterministic. Ends: each step lowers
/// the sum of the squared loads, or leaves it and raises the number of items at home.
[[nodiscard]] std::vector<std::size_t> balance(const BalanceProblem& problem);

}  // namespace sluice::core
