#!/usr/bin/env bash
# Many worlds, always the same ones, optimised, one process on each core; what tests/run.sh does with every change.
# usage: tests/simulation/many.sh [worlds]     default: 2400
# Needs the preset `simulation` to be built. Fails on any violation, and when the worlds have become too small to prove much.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
program="$root/build/simulation/tests/simulation/simulation"
worlds="${1:-2400}"
steps_min=10000000
jobs="$(nproc)"
share=$(((worlds + jobs - 1) / jobs))
logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT

for number in $(seq 0 $((jobs - 1))); do
  "$program" --seeds "$share" --first $((1 + number * share)) --no-list >"$logs/$number" 2>&1 &
done
wait
cat "$logs"/*
awk -v steps_min="$steps_min" -v worlds_min="$worlds" '
  /^simulation: / {
    for (i = 2; i <= NF; ++i) {
      if ($i == "worlds,") worlds += $(i - 1)
      if ($i == "failed,") failed += $(i - 1)
      if ($i == "steps,") steps += $(i - 1)
    }
  }
  END {
    printf "%d worlds, %d steps, %d violations\n", worlds, steps, failed
    exit failed > 0 || worlds < worlds_min || steps < steps_min
  }' "$logs"/*
