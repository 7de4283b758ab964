#!/bin/sh
# Fails when the committed golden vectors are not what Kafka's classes write today.
# usage: check.sh <folder with the jars of a Kafka distribution>
set -eu
jars=${1:?usage: check.sh <folder with the jars of Kafka>}
here=$(cd "$(dirname "$0")" && pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

"$here/generate.sh" "$jars" "$fresh"
status=0
for file in "$fresh"/*; do
  name=$(basename "$file")
  # The text counts; another gzip may pack it differently.
  gzip -dcf "$file" >"$fresh/.new"
  gzip -dcf "$here/data/$name" >"$fresh/.old"
  cmp -s "$fresh/.new" "$fresh/.old" && continue
  echo "tests/golden/data/$name differs from what Kafka writes; run tests/golden/generate.sh and look at the difference" >&2
  status=1
done
exit $status
