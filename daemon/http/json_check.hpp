#pragma once

#include <string_view>

namespace sluice::http {

/// Values nested deeper than this are not embedded: parsers of applications have limits of their own.
inline constexpr int kEmbeddedJsonDepthMax = 256;

/// True when `text` is exactly one JSON value (RFC 8259): valid UTF-8, white space around it allowed, nested
/// at most kEmbeddedJsonDepthMax deep. Numbers may have any size. Reads each byte about twice; allocates
/// nothing.
[[nodiscard]] bool is_json(std::string_view text);

}  // namespace sluice::http
