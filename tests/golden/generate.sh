#!/bin/sh
# Writes the golden vectors: bytes from Apache Kafka's own classes, and its definitions, for our codecs to agree with.
# usage: generate.sh <folder with the jars of a Kafka distribution> [<output folder>]
# Needs a JDK (17 or later); neither a broker nor the network. Equal jars give equal files.
set -eu
jars=${1:?usage: generate.sh <folder with the jars of Kafka> [<output folder>]}
here=$(cd "$(dirname "$0")" && pwd)
out=${2:-$here/data}
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT

javac -nowarn -cp "$jars/*" -d "$classes" "$here"/generate/*.java 2>"$classes/javac.log" || { cat "$classes/javac.log" >&2; exit 1; }
run() { java -cp "$classes:$jars/*" "$@" 2>"$classes/java.log" || { cat "$classes/java.log" >&2; exit 1; }; }

mkdir -p "$out"
run SchemaText >"$out/schema.txt"
run Errors >"$out/errors.txt"
run Messages >"$classes/messages.jsonl" && gzip -9nc "$classes/messages.jsonl" >"$out/messages.jsonl.gz"
run Records >"$classes/records.jsonl" && gzip -9nc "$classes/records.jsonl" >"$out/records.jsonl.gz"
run Assignors "$out/assignments.jsonl"
