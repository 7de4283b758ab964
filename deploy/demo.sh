#!/usr/bin/env bash
# Shows sluiced at work on this machine: installs what is missing, builds, starts a real Apache Kafka, fills a
# topic, pulls and acknowledges it with curl until the lag is 0, and leaves all running until Ctrl-C.
# usage: deploy/demo.sh [--once]      --once: stop everything at the end and exit 0
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/setup/common.sh"

once=false
case "${1:-}" in
  "") ;;
  --once) once=true ;;
  *) die "usage: deploy/demo.sh [--once]" ;;
esac

records=10000
partitions=4
bold="" plain=""
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; fi

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '  $ %s\n' "$*"; }

# ---- everything that is started is stopped again, whatever happens
kafka_pid="" daemon_pid="" work=""
stop_process() { # pid, seconds to wait before SIGKILL
  local pid="$1" left=$(($2 * 10))
  [ -n "$pid" ] || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null && [ "$left" -gt 0 ]; do
    sleep 0.1
    left=$((left - 1))
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
clean_up() {
  local code=$?
  trap - EXIT INT TERM
  if [ "$code" -ne 0 ] && [ -n "$work" ]; then
    printf '\nthe demo ended early; last lines of the logs:\n' >&2
    tail -n 15 "$work"/*.log >&2 2>/dev/null || true
  fi
  stop_process "$daemon_pid" 30
  stop_process "$kafka_pid" 20
  [ -z "$work" ] || rm -rf "$work"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return
    fi
  done
}

wait_for() { # what, pid that must stay alive, seconds, command...
  local what="$1" pid="$2" left=$(($3 * 5))
  shift 3
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || die "$what: the process has ended"
    [ "$left" -gt 0 ] || die "$what: not in time"
    left=$((left - 1))
    sleep 0.2
  done
}

title "1. Install what is missing and build"
mkdir -p "$SLUICE_ROOT/build"
build_log="$SLUICE_ROOT/build/demo-build.log"
if ! "$SLUICE_ROOT/deploy/setup/build.sh" release >"$build_log" 2>&1; then
  tail -n 40 "$build_log" >&2
  die "the build failed: $build_log"
fi
echo "  build/release/sluiced is there"
libs="$("$SLUICE_ROOT/deploy/setup/kafka.sh")"
kafka_tool() { java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$libs/*" "org.apache.kafka.tools.$1" "${@:2}"; }

work="$(mktemp -d "$SLUICE_ROOT/build/demo.XXXXXX")"
kafka="127.0.0.1:$(free_port)"
data="127.0.0.1:$(free_port)"
admin="127.0.0.1:$(free_port)"

title "2. Start Apache Kafka on $kafka and fill topic 'orders'"
"$SLUICE_ROOT/deploy/setup/kafka-node.sh" "$work/kafka" "${kafka##*:}" "$(free_port)" >"$work/kafka.log" 2>&1 &
kafka_pid=$!
wait_for "Kafka starts" "$kafka_pid" 60 grep -q "Kafka Server started" "$work/kafka.log"
kafka_tool TopicCommand --bootstrap-server "$kafka" --create --topic orders --partitions "$partitions" >"$work/tools.log" 2>&1
for ((i = 1; i <= records; i++)); do
  printf 'customer-%d:{"order":%d,"cents":%d}\n' $((i % 97)) "$i" $((i * 37 % 10000))
done | kafka_tool ConsoleProducer --bootstrap-server "$kafka" --topic orders \
  --reader-property parse.key=true --reader-property key.separator=: >"$work/tools.log" 2>&1
echo "  $records records in $partitions partitions"

title "3. Start sluiced with this configuration"
cat >"$work/sluice.yaml" <<EOF
kafka:
  bootstrap.servers: $kafka
consumers:
  demo:
    group.id: demo
    topics: [orders]
http:
  listen: [$data]
admin:
  listen: $admin
EOF
sed 's/^/  /' "$work/sluice.yaml"
show "build/release/sluiced --config sluice.yaml"
"$SLUICE_ROOT/build/release/sluiced" --config "$work/sluice.yaml" >"$work/sluiced.log" 2>&1 &
daemon_pid=$!
wait_for "sluiced is ready" "$daemon_pid" 30 curl --fail --silent "http://$admin/readyz"

fetch_url="http://$data/v1/consumers/demo/fetch"
metric() { # the sum of one metric over its partitions, "-" when there is none yet
  curl --fail --silent "http://$admin/metrics" |
    awk -v name="$1" 'index($1, name "{") == 1 { sum += $NF; seen = 1 } END { print seen ? sum : "-" }'
}

title "4. Pull a batch, do the work, acknowledge it"
show "curl -X POST http://$data/v1/consumers/demo/fetch -H 'Content-Type: application/json' -d '{\"max_records\": 500}'"
show "curl -X POST http://$data/v1/consumers/demo/batches/BATCH_ID/ack"
echo
total=0 batch=0 empty=0
while :; do
  answer="$(curl --fail --silent --show-error -X POST "$fetch_url" -H 'Content-Type: application/json' \
    -d '{"max_records": 500, "wait_ms": 1000}')"
  batch_id="$(sed -nE 's/.*"batch_id": ?"([^"]+)".*/\1/p' <<<"$answer")"
  if [ -z "$batch_id" ]; then
    empty=$((empty + 1))
    [ "$(metric sluice_partition_lag_records)" = 0 ] && break
    [ "$empty" -lt 60 ] || die "no more records, but the lag is $(metric sluice_partition_lag_records): $answer"
    continue
  fi
  count="$(grep -oE '"offset": ?[0-9]+' <<<"$answer" | wc -l)"
  batch=$((batch + 1))
  total=$((total + count))
  if [ "$batch" -eq 1 ]; then
    printf '  the first answer begins: %s ...\n\n' "${answer:0:420}"
  fi
  curl --fail --silent --show-error -X POST "http://$data/v1/consumers/demo/batches/$batch_id/ack" >"$work/ack.json"
  printf '  batch %3d  %4d records  acknowledged and committed  lag %s\n' \
    "$batch" "$count" "$(metric sluice_partition_lag_records)"
done
[ "$total" -eq "$records" ] || die "$total records came instead of $records"

title "5. Kafka's own tool agrees: everything is committed, nothing is left"
kafka_tool consumer.group.ConsumerGroupCommand --bootstrap-server "$kafka" --describe --group demo 2>>"$work/tools.log" |
  awk 'NF >= 6 { printf "  %-8s %-10s %-10s %-15s %-15s %s\n", $1, $2, $3, $4, $5, $6 }'
echo
echo "  $total records in $batch batches, lag 0"

if [ "$once" = true ]; then
  title "6. Stop: sluiced drains, commits, leaves its group"
  kill -TERM "$daemon_pid"
  code=0
  wait "$daemon_pid" || code=$?
  daemon_pid=""
  echo "  sluiced exited with $code"
  [ "$code" -eq 0 ] || exit 1
  exit 0
fi

title "6. All of it keeps running until Ctrl-C"
cat <<EOF
  status page   http://$admin/
  metrics       http://$admin/metrics
  consumer      http://$data/v1/consumers/demo
  Kafka         $kafka
EOF
wait "$daemon_pid"
