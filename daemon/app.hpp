#pragma once

#include "config/load.hpp"

#include <string>
#include <vector>

namespace sluice {

/// Runs the daemon until it is told to stop: build, bind, join, serve, drain.
/// Returns the exit code: 0 stopped as asked with everything settled and committed, 1 unexpected (a port is
/// taken, ...), 3 stopped with work left un-acked.
[[nodiscard]] int run(const config::LoadResult& configuration);

}  // namespace sluice
