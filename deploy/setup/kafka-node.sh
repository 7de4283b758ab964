#!/usr/bin/env bash
# Runs one Apache Kafka node (KRaft, broker and controller in one) on loopback, in the foreground.
# usage: kafka-node.sh DIRECTORY PORT CONTROLLER_PORT [property=value ...]
# The directory keeps configuration, data and logs: the same directory again is the same broker again.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ "$#" -ge 3 ] || die "usage: kafka-node.sh DIRECTORY PORT CONTROLLER_PORT [property=value ...]"
directory="$1" port="$2" controller_port="$3"
shift 3
libs="$("$SLUICE_ROOT/deploy/setup/kafka.sh")"
mkdir -p "$directory"

cat >"$directory/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$directory/data
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
EOF
for property in "$@"; do
  printf '%s\n' "$property" >>"$directory/server.properties"
done

cat >"$directory/log4j2.properties" <<'EOF'
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
EOF

# A short-lived, small process: quick start matters more than peak speed.
java=(java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$libs/*"
  "-Dlog4j2.configurationFile=$directory/log4j2.properties")
if [ ! -e "$directory/data/meta.properties" ]; then
  "${java[@]}" kafka.tools.StorageTool format --cluster-id c2x1aWNlLWtyYWZ0LTAwMQ \
    --config "$directory/server.properties"
fi
exec "${java[@]}" kafka.Kafka "$directory/server.properties"
