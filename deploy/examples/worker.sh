#!/usr/bin/env bash
# Pulls records from sluiced and saves the value of each in a directory.    usage: worker.sh DIRECTORY
consumer="${SLUICE_URL:-http://127.0.0.1:8090}/v1/consumers/${SLUICE_CONSUMER:-orders}"
directory="$1" stopping="" batch="" ack=""
trap 'stopping=yes' TERM INT

# The work. 0: done. 65: it can never succeed. Anything else: to be tried again later.
handle() { # topic-partition@offset, value in base64 or "-"
  echo "$1"
  [ "$2" != - ] || return 65
  base64 --decode <<<"$2" >"$directory/$1"
}

post() { curl --silent --show-error --fail-with-body --max-time 60 --json @- "$consumer/$1" <<<"$2"; }
new_id() { cat /proc/sys/kernel/random/uuid; }

id="$(new_id)"
while [ -z "$stopping" ]; do # each round settles the last batch and leases the next
  fetch="\"request_id\":\"$id\",\"max_records\":100,\"lease_ms\":60000,\"encoding\":{\"value\":\"base64\"}"
  if ! answer="$(post fetch "{$fetch${batch:+,\"ack\":{\"batch_id\":\"$batch\",$ack\}}}")" ||
    ! lines="$(jq -r '.records[] | "\(.topic) \(.partition) \(.offset) \(.value // "-")"' <<<"$answer")"; then
    echo "$answer" >&2
    sleep 1 # and ask the same again: request_id makes that safe, even if the answer got lost
    continue
  fi
  batch="$(jq -r '.batch_id // empty' <<<"$answer")" id="$(new_id)" release="" reject=""
  [ -n "$batch" ] || continue
  while read -r topic partition offset value; do
    place="\"topic\":\"$topic\",\"partition\":$partition,\"offset\":$offset"
    [ -z "$stopping" ] && handle "$topic-$partition@$offset" "$value"
    case $? in
      0) ;;
      65) reject+=",{$place,\"reason\":\"it has no value\"}" ;;
      *) release+=",{$place,\"delay_ms\":1000}" ;;
    esac
  done <<<"$lines"
  ack="\"default\":\"accept\",\"release\":[${release#,}]${reject:+,\"reject\":[${reject#,}]}"
done
[ -z "$batch" ] || post "batches/$batch/ack" "{$ack}" >/dev/null
