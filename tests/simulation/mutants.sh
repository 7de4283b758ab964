#!/usr/bin/env bash
# Plants one known bug after the other in a copy of the tree and demands that the simulation finds each of them.
# usage: tests/simulation/mutants.sh [name ...]     no name: all of tests/simulation/mutants
# A patch that does not apply any more is a failure, too: renew it.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
work="$root/build/mutants"
tree="$work/tree"
program="$work/build/tests/simulation/simulation"
seconds_max=60

# Only what differs is copied, so that only that is built again.
mkdir -p "$tree"
cd "$root"
list() { git ls-files --cached --others --exclude-standard -- CMakeLists.txt cmake protocol config daemon tests; }
(cd "$tree" && find . -type f -printf '%P\n') | sort | comm -23 - <(list | sort) | while read -r gone; do
  rm "$tree/$gone"
done
list | while read -r file; do
  [ -f "$file" ] || continue
  cmp -s "$file" "$tree/$file" && continue
  mkdir -p "$(dirname "$tree/$file")"
  cp "$file" "$tree/$file"
done

export CCACHE_BASEDIR="$tree" CCACHE_NOHASHDIR=1
cmake -S "$tree" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=Debug \
  -DSLUICE_WERROR=OFF >"$work/configure.log"
build() { cmake --build "$work/build" --target simulation >"$work/build.log" 2>&1; }

build
if ! "$program" --seeds 50 --no-list >"$work/healthy.log" 2>&1; then
  cat "$work/healthy.log"
  echo "the tree itself does not pass; mutants prove nothing"
  exit 1
fi

names=("$@")
if [ "${#names[@]}" -eq 0 ]; then
  for patch in "$here"/mutants/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
killed=0 survived=0
for name in "${names[@]}"; do
  patch="$here/mutants/$name.patch"
  if ! patch --quiet --forward -p1 -d "$tree" <"$patch" >"$work/patch.log" 2>&1 || ! build; then
    printf 'BROKEN    %s: does not apply or does not build\n' "$name"
    survived=$((survived + 1))
  else
    start=$SECONDS status=0
    timeout "$seconds_max" "$program" --seeds 1000000 --no-list --stop-early >"$work/$name.log" 2>&1 || status=$?
    if [ "$status" -eq 1 ]; then
      printf 'killed    %-36s %3d s  %s\n' "$name" $((SECONDS - start)) "$(grep -m1 -a FAILED "$work/$name.log")"
      killed=$((killed + 1))
    else
      printf 'SURVIVED  %s\n' "$name"
      survived=$((survived + 1))
    fi
  fi
  # Back to health, also after a patch that failed half-way.
  sed -n 's|^+++ b/||p' "$patch" | while read -r file; do cp "$root/$file" "$tree/$file"; done
done
printf '%d mutants killed, %d not\n' "$killed" "$survived"
[ "$survived" -eq 0 ]
