#pragma once

#include <cstdio>
#include <cstdlib>

/// Checks our own invariants, in every build. Never for what a broker, an application or a configuration can
/// cause. A broken invariant ends the process: under at-least-once, stopping is the safe side.
#define SLUICE_ASSERT(condition)                                                              \
  do {                                                                                        \
    if (!(condition)) [[unlikely]] {                                                          \
      std::fprintf(stderr, "invariant broken: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
      std::abort();                                                                           \
    }                                                                                         \
  } while (false)
