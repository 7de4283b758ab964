#pragma once

#include "config/options.hpp"
#include "daemon/engine/daemon.hpp"
#include "daemon/http/options.hpp"

#include <cstdint>

namespace sluice {

/// Options of the engine from the configuration: each machine gets its own, none of them knows of YAML.
/// @param seed  from the system's random device; ids and jitter derive from it
[[nodiscard]] engine::Daemon::Options to_engine(const config::Options& options, std::uint64_t seed);

[[nodiscard]] http::Options to_http(const config::Options& options);

}  // namespace sluice
