#!/usr/bin/env bash
# Checks lease.pml with Spin: every order of events keeps the claims, and every planted bug breaks the one named here.
# usage: tests/model/run.sh       LEASES=6 tests/model/run.sh goes deeper, and needs minutes and GBs
# Work and logs: build/model. The last line: N passed, N failed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../../deploy/setup/common.sh"

"$SLUICE_ROOT/deploy/setup/test-dependencies.sh"

model="$SLUICE_ROOT/tests/model/lease.pml"
work="$SLUICE_ROOT/build/model"
leases="${LEASES:-5}"
seconds_max=$((leases > 5 ? 3600 : 300))
megabytes_max=$((leases > 5 ? 16000 : 2000))
states_min=1000000 # fewer: something no longer happens in the model, and the claims say little
passed=0 failed=0
rm -rf "$work"

# All orders are tried, not a sample; -DNOREDUCE because every step is global and the reduction would find nothing.
check() { # name, bug: the log is in $work/name/log
  mkdir -p "$work/$1"
  (
    cd "$work/$1" &&
      spin -a "-DBUG=$2" "-DLEASES=$leases" "$model" &&
      gcc -w -O2 -DSAFETY -DNOREDUCE -DMEMLIM="$megabytes_max" -o pan pan.c &&
      timeout "$seconds_max" ./pan -m100000 -w24 -n
  ) >"$work/$1/log" 2>&1
}

count() { # passed or failed, name, what happened
  printf '%-6s  %-22s %s\n' "$1" "$2" "$3"
  if [ "$1" = passed ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    tail -n 20 "$work/$2/log"
  fi
}

value() { sed -n "$1" "$work/healthy/log"; }

start=$SECONDS
check healthy 0 || true
states="$(value 's/^ *\([0-9]*\) states, stored$/\1/p')"
memory="$(value 's/^ *\([0-9]*\)\.[0-9]*\ttotal actual memory usage$/\1/p')"
if grep -q 'errors: 0$' "$work/healthy/log" && ! grep -qiE 'not completed|out of memory|too small' "$work/healthy/log" &&
  [ "${states:-0}" -ge "$states_min" ]; then
  count passed healthy "all claims hold in $states states; $((SECONDS - start)) s, $memory MB"
else
  count failed healthy "a claim is broken, or not all of the ${states:-0} states were seen"
fi

bug=0
while read -r name claim; do
  bug=$((bug + 1))
  check "$name" "$bug" || true
  broken="$(sed -n 's/^pan:1: assertion violated  *!(\([a-z_]*\)).*/\1/p' "$work/$name/log")"
  if [ "$broken" = "$claim" ]; then
    count passed "$name" "found: $claim"
  else
    count failed "$name" "found: ${broken:-nothing}, and not: $claim"
  fi
done <<'BUGS'
commits-the-highest over_unsettled
no-generation-fence of_old_generation
two-in-flight went_back
late-ack-counts fenced_ack_counted
forgets-the-metadata handed_out_again
keeps-what-others-had went_back
BUGS

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
