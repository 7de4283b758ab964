#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::http {

/// Reads a duration of ISO 8601 (section 5.5.2) whose length is fixed: "PT1H", "P1DT12H", "PT0.5S", "P2W".
/// The last number may have a fraction. Years and months are refused: they are not always of one length. The
/// error says what is wrong, for people.
[[nodiscard]] tl::expected<std::chrono::milliseconds, std::string> parse_iso_duration(std::string_view text);

}  // namespace sluice::http
