"""A member of a consumer group made of librdkafka; the twin of GroupMember.java: same options, same JSON lines."""

import argparse
import json
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException

_print_lock = threading.Lock()


def event(name, **fields):
    with _print_lock:
        print(json.dumps({"event": name, "at_ms": int(time.time() * 1000), **fields}), flush=True)


def as_list(partitions):
    return [[tp.topic, tp.partition] for tp in partitions]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--client", default="librdkafka")
    parser.add_argument("--assignor", default="range")
    parser.add_argument("--session-ms", type=int, default=6000)
    parser.add_argument("--heartbeat-ms", type=int, default=500)
    parser.add_argument("--poll-interval-ms", type=int, default=300000)
    parser.add_argument("--max-records", type=int, default=500)
    parser.add_argument("--consume", default="true")
    parser.add_argument("--hold-ms", type=int, default=0)
    parser.add_argument("--hold-at", type=int, default=1)
    return parser.parse_args()


class Member:
    def __init__(self, options):
        self._options = options
        self._leaving = threading.Event()
        self._batches = 0
        self._consumer = Consumer(
            {
                "bootstrap.servers": options.bootstrap,
                "group.id": options.group,
                "client.id": options.client,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": options.session_ms,
                "heartbeat.interval.ms": options.heartbeat_ms,
                "max.poll.interval.ms": max(options.poll_interval_ms, options.session_ms),
                "partition.assignment.strategy": options.assignor,
            }
        )

    def _assigned(self, consumer, partitions):
        if self._options.assignor == "cooperative-sticky":
            consumer.incremental_assign(partitions)
        else:
            consumer.assign(partitions)
        if self._options.consume != "true":
            consumer.pause(partitions)
        event("assigned", partitions=as_list(partitions), member=consumer.memberid())

    def _revoked(self, consumer, partitions):
        event("revoked", partitions=as_list(partitions))

    def _lost(self, consumer, partitions):
        event("lost", partitions=as_list(partitions))

    def _await_leave(self):
        for line in sys.stdin:
            if line.strip() == "leave":
                break
        self._leaving.set()

    def run(self):
        threading.Thread(target=self._await_leave, daemon=True).start()
        self._consumer.subscribe(
            self._options.topic.split(","), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        event("started")
        while not self._leaving.is_set():
            messages = self._consumer.consume(self._options.max_records, timeout=0.2)
            errors = [message.error() for message in messages if message.error()]
            for error in errors:
                event("error", error=error.name())
            records = [message for message in messages if not message.error()]
            if records:
                self._work(records)
        self._consumer.close()
        event("left")

    def _work(self, records):
        ranges = {}
        for record in records:
            found = ranges.setdefault((record.topic(), record.partition()), [record.offset(), record.offset(), 0])
            found[1] = record.offset()
            found[2] += 1
        self._batches += 1
        described = [
            {"topic": topic, "partition": number, "from": first, "to": last, "count": count}
            for (topic, number), (first, last, count) in ranges.items()
        ]
        event("records", batch=self._batches, count=len(records), ranges=described)
        if self._batches == self._options.hold_at and self._options.hold_ms:
            time.sleep(self._options.hold_ms / 1000)
        try:
            self._consumer.commit(asynchronous=False)
            event("committed", batch=self._batches)
        except KafkaException as failure:
            event("commit_failed", batch=self._batches, error=failure.args[0].name())


if __name__ == "__main__":
    Member(parse()).run()
