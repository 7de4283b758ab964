#!/usr/bin/env bash
# Brings the jars of Apache Kafka (broker, clients, tools) into build/kafka/libs and prints that path.
# Quick and silent when they are there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

pom="$SLUICE_ROOT/deploy/setup/kafka-pom.xml"
libs="$SLUICE_ROOT/build/kafka/libs"

command -v java >/dev/null || need_packages openjdk-17-jre-headless

if ! cmp -s "$pom" "$libs/installed.xml"; then
  command -v mvn >/dev/null || need_packages maven
  say "fetching the jars of Apache Kafka"
  rm -rf "$libs"
  mvn --batch-mode --quiet -Dstyle.color=never --file "$pom" dependency:copy-dependencies \
    -DoutputDirectory="$libs" -DincludeScope=runtime >&2
  cp "$pom" "$libs/installed.xml"
fi
printf '%s\n' "$libs"
