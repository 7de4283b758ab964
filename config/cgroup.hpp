#pragma once

/// The memory that the container may use, from the control group's files.

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::config {

/// Bytes from `<root>/memory.max` (version 2) or `<root>/memory/memory.limit_in_bytes` (version 1). Null
/// without a limit or without the files.
[[nodiscard]] std::optional<std::int64_t> memory_limit(const std::string& root);

}  // namespace sluice::config
