#!/usr/bin/env bash
# Installs what is missing, builds, runs every suite, and ends with one line: N passed, N failed.
# usage: tests/run.sh [part ...]      no part: all of them, in the order below
#   architecture  the tree keeps its own rules          packaging  image, manifest, unit, shell scripts
#   format        clang-format                          tidy       clang-tidy, warnings are errors
#   golden        Kafka's classes still write the committed bytes
#   model         Spin on leases, fences and commits: the claims hold, planted bugs break them
#   e2e           the release build against a real Kafka
#   unit          unit tests under ASan and UBSan       asan       e2e subset under ASan and UBSan
#   simulation    seeded worlds of members, brokers and applications: many optimised, some under ASan and UBSan
#   tsan          unit tests and e2e subset under TSan
#   bench         the benchmarks run, in short form
# Logs of every step: build/test-logs.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../deploy/setup/common.sh"
cd "$SLUICE_ROOT" || exit 1

parts=(architecture format golden model packaging e2e tidy unit simulation asan tsan bench)
if [ "$#" -gt 0 ]; then
  for part in "$@"; do
    case " ${parts[*]} " in
      *" $part "*) ;;
      *) die "no part is called $part; there are: ${parts[*]}" ;;
    esac
  done
  parts=("$@")
fi

logs="$SLUICE_ROOT/build/test-logs"
python="$SLUICE_ROOT/build/venv/bin/python"
jobs="$(nproc)"
passed=0 failed=0
rm -rf "$logs"
mkdir -p "$logs"

# ccache may give one build folder what another has compiled.
export CCACHE_BASEDIR="$SLUICE_ROOT" CCACHE_NOHASHDIR=1
export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1"
ASAN_SYMBOLIZER_PATH="$(command -v llvm-symbolizer-19 || true)"
export ASAN_SYMBOLIZER_PATH TSAN_SYMBOLIZER_PATH="$ASAN_SYMBOLIZER_PATH" UBSAN_SYMBOLIZER_PATH="$ASAN_SYMBOLIZER_PATH"

report() { # step, passed, failed, seconds
  passed=$((passed + $2))
  failed=$((failed + $3))
  printf '== %-24s %5d passed %4d failed  %4d s\n' "$1" "$2" "$3" "$4"
}

show_tail() { # log
  printf -- '---- the end of %s\n' "$1"
  tail -n "${2:-60}" "$1"
  printf -- '----\n'
}

# A step that is one case: it passes when the command does.
step() { # name, command...
  local name="$1" log="$logs/$1.log" start=$SECONDS
  shift
  if "$@" >"$log" 2>&1 </dev/null; then
    report "$name" 1 0 $((SECONDS - start))
  else
    show_tail "$log"
    report "$name" 0 1 $((SECONDS - start))
    return 1
  fi
}

# A step that must pass for others to make sense, but is no test: counted only when it fails.
prepare() { # name, command...
  local name="$1" log="$logs/$1.log" start=$SECONDS
  shift
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '== %-24s done %25d s\n' "$name" $((SECONDS - start))
  else
    show_tail "$log" 100
    report "$name" 0 1 $((SECONDS - start))
    return 1
  fi
}

# A step whose command writes an XML report with one entry a case.
cases() { # name, report, command...
  local name="$1" xml="$2" log="$logs/$1.log" start=$SECONDS code=0 counted
  shift 2
  "$@" >"$log" 2>&1 </dev/null || code=$?
  counted="$("$python" tests/count_results.py "$xml" "$code" 2>>"$log")"
  # shellcheck disable=SC2086  # two numbers
  set -- $counted
  [ "${2:-1}" -eq 0 ] || show_tail "$log" 120
  report "$name" "${1:-0}" "${2:-1}" $((SECONDS - start))
}

# A step whose command ends with its own line "N passed, N failed".
counted() { # name, command...
  local name="$1" log="$logs/$1.log" start=$SECONDS code=0 numbers
  shift
  "$@" >"$log" 2>&1 </dev/null || code=$?
  numbers="$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log")"
  # shellcheck disable=SC2086  # two numbers
  set -- $numbers
  local failures="${2:-1}"
  [ "$code" -eq 0 ] || [ "$failures" -gt 0 ] || failures=1
  [ "$failures" -eq 0 ] || show_tail "$log"
  report "$name" "${1:-0}" "$failures" $((SECONDS - start))
}

run_pytest() { # name, folder, options...
  local name="$1" folder="$2"
  shift 2
  cases "$name" "$logs/$name.xml" "$python" -m pytest "$folder" -c "$folder/pytest.ini" --rootdir "$folder" \
    --junitxml "$logs/$name.xml" -o junit_family=xunit2 "$@"
}

declare -A built=()
build() { # preset
  local preset="$1"
  if [ -z "${built[$preset]:-}" ]; then
    built[$preset]=no
    prepare "build-$preset" deploy/setup/build.sh "$preset" && built[$preset]=yes
  fi
  [ "${built[$preset]}" = yes ]
}

unit_tests() { # preset
  local preset="$1" program name
  build "$preset" || return
  while read -r program; do
    name="$preset-$(basename "$program")"
    cases "$name" "$logs/$name.xml" "$program" "--gtest_output=xml:$logs/$name.xml"
  done < <(find "build/$preset/tests" -maxdepth 1 -type f -name '*_test' -perm -u+x | sort)
}

sanitized_e2e() { # preset
  build "$1" || return
  SLUICED="build/$1/sluiced" run_pytest "e2e-$1" tests/e2e -m sanitizers --timeout 600
}

cpp_files() { git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp'; }
format_is_kept() { cpp_files | xargs clang-format-19 --dry-run -Werror; }
tidy_is_clean() { run-clang-tidy-19 -quiet -j "$jobs" -p build/release "^$SLUICE_ROOT/(protocol|config|daemon)/.*"; }

part_architecture() { run_pytest architecture tests/architecture; }
part_format() { step format format_is_kept; }
part_golden() { step golden tests/golden/check.sh "$SLUICE_ROOT/build/kafka/libs"; }
part_model() { counted model tests/model/run.sh; }
part_packaging() { build release && run_pytest packaging tests/packaging; }
part_e2e() { build release && run_pytest e2e tests/e2e; }
part_tidy() { build release && step tidy tidy_is_clean; }
part_unit() { unit_tests asan; }
part_simulation() {
  build asan && step simulation-asan build/asan/tests/simulation/simulation --seeds 50
  build simulation && step simulation-many tests/simulation/many.sh
}
part_asan() { sanitized_e2e asan; }
part_tsan() {
  unit_tests tsan
  sanitized_e2e tsan
}
part_bench() { build bench && step bench tests/bench/run.sh --short; }

if prepare test-dependencies deploy/setup/test-dependencies.sh && prepare kafka deploy/setup/kafka.sh; then
  for part in "${parts[@]}"; do
    "part_$part" || true
  done
fi

printf '\nlogs: build/test-logs; %d minutes\n\n' $((SECONDS / 60))
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
