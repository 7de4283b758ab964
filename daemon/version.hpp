#pragma once

#include <string_view>

namespace sluice {

/// Set by the build: the version of the project and the commit it was built from.
inline constexpr std::string_view kVersion = SLUICE_VERSION;
inline constexpr std::string_view kRevision = SLUICE_REVISION;

}  // namespace sluice
