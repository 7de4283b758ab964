#pragma once

/// Is a text UTF-8? Names go into Kafka's requests and into JSON as they are, and both must be.

#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice::config {

/// Where the first byte stands that is not part of well-formed UTF-8 (RFC 3629), or null.
[[nodiscard]] std::optional<std::size_t> first_invalid_utf8(std::string_view text);

}  // namespace sluice::config
