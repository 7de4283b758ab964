#pragma once

/// The valid name that a misspelt one probably meant.

#include <span>
#include <string>
#include <string_view>

namespace sluice::config {

/// Letters to insert, drop, replace or swap with a neighbour to get from one text to the other.
[[nodiscard]] std::size_t edit_distance(std::string_view one, std::string_view other);

/// The candidate nearest to `name`, or empty when none is near. Case and the separators . - _ do not count,
/// so that `group_id`, `groupId` and `GROUP.ID` all find `group.id`.
[[nodiscard]] std::string nearest(std::string_view name, std::span<const std::string> candidates);

}  // namespace sluice::config
