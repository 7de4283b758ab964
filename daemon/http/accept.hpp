#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>

namespace sluice::http {

/// The media type to answer with (RFC 9110 section 12.5.1): of those on offer the one with the highest
/// weight, the earlier of equals. Nothing when `accept` excludes them all. An empty `accept` takes anything.
[[nodiscard]] std::optional<std::string_view> choose_type(std::string_view accept,
                                                          std::initializer_list<std::string_view> offered);

/// True when a Content-Type is application/json, in UTF-8 if it says so.
[[nodiscard]] bool is_json_type(std::string_view content_type);

}  // namespace sluice::http
