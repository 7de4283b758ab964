#!/usr/bin/env bash
# usage: worker.sh http://127.0.0.1:8090/v1/consumers/orders/fetch

# The work: topic-partition@offset and the value in base64. 0: done. 65: it can never succeed. Else: try it again.
handle() {
  [ -n "$2" ] || return 65
  base64 --decode <<<"$2" >"$1"
}

ack=null
while request_id=$(cat /proc/sys/kernel/random/uuid); do # Each round settles the last batch and leases the next.
  fetch='{"request_id":"'$request_id'","max_records":100,"lease_ms":30000,"encoding":{"value":"base64"},"ack":'$ack'}'
  until batch=$(curl -fsS --max-time 60 --json @- "$1" <<<"$fetch"); do
    sleep 1 # Refused, cut off or lost: the same request again is safe.
  done
  codes=$(jq -r '.records[] | "\(.topic)-\(.partition)@\(.offset) \(.value // "")"' <<<"$batch" |
    while read -r place value; do
      (handle "$place" "$value") </dev/null >&2
      echo $?
    done)
  # Accepted is what has code 0, and nothing by default: should jq be killed, what it leaves out comes again.
  ack=$(jq -c --argjson codes "[${codes//$'\n'/,}]" '.batch_id as $batch_id | $codes | to_entries |
    def those(f): map(select(.value | f) | {index: .key}); if $batch_id == null then null else
    {$batch_id, accept: those(. == 0), release: those(. != 0 and . != 65), delay_ms: 1000, reject: those(. == 65),
    default: "keep"} end' <<<"$batch")
done
