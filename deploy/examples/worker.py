#!/usr/bin/env python3
"""Pulls records from sluiced and saves the value of each in a directory.    usage: worker.py DIRECTORY"""

import http.client, json, os, signal, sys, time, urllib.request, uuid
from pathlib import Path

URL = os.environ.get("SLUICE_URL", "http://127.0.0.1:8090")
CONSUMER = f"{URL}/v1/consumers/{os.environ.get('SLUICE_CONSUMER', 'orders')}"


def handle(record):
    """The work. ValueError: it can never succeed. Any other exception: to be tried again later."""
    name = "{topic}-{partition}@{offset}".format(**record)
    print(name, flush=True)
    if record["value"] is None:
        raise ValueError("it has no value")
    Path(sys.argv[1], name).write_text(record["value"], encoding="utf-8")


def post(path, body):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{CONSUMER}/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


stopping = []
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stopping.append(True))

ack, request_id = None, str(uuid.uuid4())
while not stopping:  # each round settles the last batch and leases the next
    try:
        batch = post("fetch", {"request_id": request_id, "max_records": 100, "lease_ms": 60000, "ack": ack})
    except (OSError, http.client.HTTPException) as error:
        print(error, file=sys.stderr)
        time.sleep(int(getattr(error, "headers", {}).get("Retry-After", 1)))
        continue  # and ask the same again: request_id makes that safe, even if the answer got lost
    request_id = str(uuid.uuid4())
    ack = batch["batch_id"] and {"batch_id": batch["batch_id"], "default": "accept", "release": []}
    for record in batch["records"]:
        place = {name: record[name] for name in ("topic", "partition", "offset")}
        try:
            if stopping:
                raise InterruptedError("stopping")
            handle(record)
        except ValueError as error:
            ack.setdefault("reject", []).append({**place, "reason": str(error)})
        except Exception as error:
            print(error, file=sys.stderr)
            ack["release"].append({**place, "delay_ms": 1000})
if ack:
    post(f"batches/{ack.pop('batch_id')}/ack", ack)
