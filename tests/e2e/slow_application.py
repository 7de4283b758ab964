#!/usr/bin/env python3
"""The case this daemon was made for: one batch takes 60 s while a second member is in the group.

Tells the same story of sluiced, the Java consumer and librdkafka (the two clients with max.poll.interval.ms = 15 s) and
prints who was thrown out, what was processed twice, and whether the commit after the long work went through.

Alone: build/venv/bin/python tests/e2e/slow_application.py [--hold-s 60]
"""

import argparse
import threading
import time
from http.client import HTTPException
from pathlib import Path

from support.daemon import Daemon
from support.kafka_cluster import KafkaCluster
from support.members import fill, java_member, librdkafka_member
from support.paths import work_dir
from support.waiting import eventually

PARTITIONS = 4
RECORDS = 8000
BATCH = 100
SESSION_MS = 6000
POLL_INTERVAL_MS = 15000


class Story:
    """Two members share a topic. One of them, the slow one, works hold_s seconds on its first batch of 100 records;
    beside it a Java consumer works at full speed. A subclass says how the slow one is made."""

    def __init__(self, kafka, directory: Path, name: str, hold_s: float):
        self.kafka, self.hold_s = kafka, hold_s
        self.directory = directory / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.group = self.topic = kafka.create_topic(f"slow-{name}-{time.monotonic_ns()}", PARTITIONS)

    def run(self) -> dict:
        """{rebalances, members_kept, duplicates, commit}."""
        self.beside = java_member(
            self.directory, self.kafka.bootstrap, self.group, self.topic, client="beside", session_ms=SESSION_MS
        )
        self.beside.wait_owned(PARTITIONS)
        self.start_slow()
        eventually("both members own two partitions", self.shared, timeout_s=40, interval_s=0.2)
        members, rebalances = self.member_ids(), self.beside.rebalances()
        fill(self.kafka.bootstrap, self.topic, PARTITIONS, RECORDS)
        commit = self.work_and_commit()
        eventually("everything is committed", self.all_committed, timeout_s=90, interval_s=0.3)
        eventually("both members own two partitions again", self.shared, timeout_s=40, interval_s=0.2)
        result = {
            "rebalances": self.beside.rebalances() - rebalances,
            "members_kept": self.member_ids() == members,
            "duplicates": self.duplicates(),
            "commit": commit,
        }
        self.end_slow()
        self.beside.leave()
        return result

    def shared(self):
        owned = self.kafka.assignment(self.group)
        return sorted(map(len, owned.values())) == [2, 2] and len(self.beside.owned()) == 2

    def member_ids(self):
        return sorted(member.member_id for member in self.kafka.group(self.group).members)

    def all_committed(self):
        return sum(self.kafka.committed(self.group).values()) == RECORDS

    def duplicates(self):
        """Deliveries to both members together, less the records there are."""
        seen, deliveries = set(), 0
        for topic_range in self.slow_ranges() + ranges_of(self.beside):
            for offset in range(topic_range["from"], topic_range["to"] + 1):
                seen.add((topic_range["partition"], offset))
                deliveries += 1
        assert len(seen) == RECORDS, f"{len(seen)} of {RECORDS} records were delivered"
        return deliveries - len(seen)


def ranges_of(member) -> list:
    return [topic_range for event in member.events("records") for topic_range in event["ranges"]]


class SluiceStory(Story):
    def start_slow(self):
        settings = {
            "group.id": self.group,
            "topics": [self.topic],
            "session.timeout.ms": SESSION_MS,
            "partition.assignment.strategy": "range",
        }
        self._daemon = Daemon(self.directory / "sluiced", self.kafka.bootstrap, {"c": settings}).start()
        self._ranges = []

    def work_and_commit(self):
        consumer = self._daemon.consumer()
        batch = self._fetch(consumer)
        time.sleep(self.hold_s)
        answer = consumer.try_ack(batch)
        committed = self.kafka.committed(self.group)
        kept = all(committed.get((self.topic, r["partition"]), 0) > r["offset"] for r in batch["records"])
        threading.Thread(target=self._work_on, args=(consumer,), daemon=True).start()
        return "committed" if answer.status == 200 and kept else f"refused: HTTP {answer.status}"

    def _fetch(self, consumer):
        batch = consumer.fetch(max_records=BATCH, min_records=BATCH, wait_ms=5000, lease_ms=600_000)
        for record in batch["records"]:
            self._ranges.append({"partition": record["partition"], "from": record["offset"], "to": record["offset"]})
        return batch

    def _work_on(self, consumer):
        while self._daemon.alive():
            try:
                batch = consumer.fetch(max_records=BATCH, wait_ms=500)
            except (OSError, HTTPException):
                return  # the story is over
            for record in batch["records"]:
                self._ranges.append({"partition": record["partition"], "from": record["offset"], "to": record["offset"]})
            if batch["batch_id"]:
                consumer.ack(batch)

    def slow_ranges(self):
        return list(self._ranges)

    def end_slow(self):
        self._daemon.kill()


class ClientStory(Story):
    def __init__(self, kafka, directory, name, hold_s, make):
        super().__init__(kafka, directory, name, hold_s)
        self._make = make

    def start_slow(self):
        self._slow = self._make(
            self.directory,
            self.kafka.bootstrap,
            self.group,
            self.topic,
            client="slow",
            session_ms=SESSION_MS,
            poll_interval_ms=POLL_INTERVAL_MS,
            max_records=BATCH,
            hold_ms=int(self.hold_s * 1000),
        )

    def work_and_commit(self):
        outcome = eventually("the long batch is done", self._first_outcome, timeout_s=self.hold_s + 60, interval_s=0.2)
        return "committed" if outcome["event"] == "committed" else outcome["error"]

    def _first_outcome(self):
        outcomes = self._slow.events("committed") + self._slow.events("commit_failed")
        return next((event for event in outcomes if event["batch"] == 1), None)

    def slow_ranges(self):
        return ranges_of(self._slow)

    def end_slow(self):
        self._slow.kill()


def tell_all(kafka, directory: Path, hold_s: float) -> dict:
    """{name: result} of the three stories, told at the same time."""
    stories = {
        "sluiced": SluiceStory(kafka, directory, "sluiced", hold_s),
        "Java consumer": ClientStory(kafka, directory, "java", hold_s, java_member),
        "librdkafka": ClientStory(kafka, directory, "librdkafka", hold_s, librdkafka_member),
    }
    results, failures = {}, []

    def tell(name, story):
        try:
            results[name] = story.run()
        except BaseException as failure:
            failures.append((name, failure))

    threads = [threading.Thread(target=tell, args=item) for item in stories.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, failure in failures:
        raise AssertionError(f"{name}: {failure}") from failure
    return {name: results[name] for name in stories}


def table(results: dict, hold_s: float) -> str:
    lines = [
        f"One batch of {BATCH} records takes {hold_s:g} s; session.timeout.ms = {SESSION_MS / 1000:g} s; "
        f"max.poll.interval.ms of the clients = {POLL_INTERVAL_MS / 1000:g} s.",
        "",
        "| member | rebalances | processed twice | commit after the work |",
        "| --- | --- | --- | --- |",
    ]
    for name, result in results.items():
        lines.append(f"| {name} | {result['rebalances']} | {result['duplicates']} | {result['commit']} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="Compares members of a group whose application is slow.")
    parser.add_argument("--hold-s", type=float, default=60, help="how long the first batch takes")
    options = parser.parse_args()
    kafka = KafkaCluster(work_dir() / "kafka")
    kafka.start()
    try:
        print(table(tell_all(kafka, work_dir(), options.hold_s), options.hold_s))
    finally:
        kafka.kill()


if __name__ == "__main__":
    main()
