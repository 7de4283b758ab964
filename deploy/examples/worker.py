#!/usr/bin/env python3
# usage: worker.py http://127.0.0.1:8090/v1/consumers/orders/fetch
import json, pathlib, sys, time, urllib.request as web, uuid


# The work. ValueError: it can never succeed. Any other exception: try it again.
def handle(record):
    pathlib.Path("{topic}-{partition}@{offset}".format(**record)).write_text(json.loads(record["value"])["order"])


ack, headers = None, {"Content-Type": "application/json"}
while True:  # Each round settles the last batch and leases the next.
    body = json.dumps(dict(request_id=uuid.uuid4().hex, max_records=100, lease_ms=30000, ack=ack)).encode()
    while body:
        try:
            batch, body = json.load(web.urlopen(web.Request(sys.argv[1], body, headers), timeout=60)), None
        except Exception as error:  # Refused, cut off or lost: the same request again is safe.
            print(error, file=sys.stderr)
            time.sleep(1)
    ack = batch["batch_id"] and dict(batch_id=batch["batch_id"], default="accept", release=[], reject=[])
    for index, record in enumerate(batch["records"]):
        try:
            handle(record)
        except Exception as error:
            print(error, file=sys.stderr)
            hopeless = isinstance(error, ValueError) and {"reason": str(error)}
            ack["reject" if hopeless else "release"].append({"index": index, **(hopeless or {"delay_ms": 1000})})
