#!/usr/bin/env bash
# Many worlds for a long time, one process on each core, optimised: the way to 10^9 steps (about two hours here).
# usage: tests/simulation/long.sh [minutes] [first seed]     default: 10 minutes, from a seed made of the time
# Prints worlds, steps, steps/s and violations; the logs of what failed stay in build/simulation-long.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
minutes="${1:-10}"
first="${2:-$(($(date +%s) * 1000))}"
build="$root/build/simulation-long"
jobs="$(nproc)"

export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
mkdir -p "$build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=Release >"$build/configure.log"
cmake --build "$build" --target simulation >"$build/build.log"
program="$build/tests/simulation/simulation"

# Each core takes rounds of worlds until the time is up; the rounds do not overlap.
round=200
end=$((SECONDS + minutes * 60))
worker() { # number
  local seed=$((first + $1 * round))
  : >"$build/worker-$1.log"
  while [ "$SECONDS" -lt "$end" ]; do
    "$program" --seeds "$round" --first "$seed" --no-list >>"$build/worker-$1.log" 2>&1 || true
    seed=$((seed + jobs * round))
  done
}
for number in $(seq 0 $((jobs - 1))); do worker "$number" & done
wait

printf 'from seed %s, %s minutes on %s cores\n' "$first" "$minutes" "$jobs"
grep -ha '^FAILED' "$build"/worker-*.log || true
cat "$build"/worker-*.log | awk -v seconds=$((minutes * 60)) '
  /^simulation: / {
    for (i = 2; i <= NF; ++i) {
      if ($i == "worlds,") worlds += $(i - 1)
      if ($i == "failed,") failed += $(i - 1)
      if ($i == "steps,") steps += $(i - 1)
    }
  }
  END {
    printf "%d worlds, %d steps, %.0f steps/s, %d violations\n", worlds, steps, steps / seconds, failed
    exit failed > 0 || worlds == 0
  }'
