#!/usr/bin/env bash
# Runs the benchmarks. usage: tests/bench/run.sh [--short]   --short only shows that they run
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../../deploy/setup/common.sh"
cd "$SLUICE_ROOT"

deploy/setup/test-dependencies.sh
deploy/setup/kafka.sh
deploy/setup/build.sh release
deploy/setup/build.sh bench

min_time=1
[ "${1:-}" != --short ] || min_time=0.01
for program in records_bench batch_writer_bench; do
  "build/bench/tests/bench/$program" --benchmark_min_time="$min_time"
done
build/venv/bin/python tests/bench/drain.py "$@"
