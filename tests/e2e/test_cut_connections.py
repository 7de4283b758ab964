"""Nothing is lost with an answer: connections that break off anywhere in it, and requests that are repeated."""

import http.client
import random
import re
import socket
import threading
import time
from collections import Counter

import orjson
import pytest
from support import raw_http, records
from support.cutting_proxy import Cut, CuttingProxy, reset_on_close
from support.members import fill
from support.records import place
from support.waiting import eventually

pytestmark = pytest.mark.sanitizers

CUTS = 500
RECORDS = 40_000
WORKERS = 4
PARTITIONS = 8
LEASE_MS = 600_000  # a lease that waits for its deadline would be seen
BROKEN = (OSError, http.client.HTTPException)
_BATCH_ID = re.compile(rb'^\{"batch_id":"([^"]+)"')


def random_cut(luck):
    where = luck.choice(["request", "nothing", "head", "middle", "middle", "middle", "last"])
    return Cut(where, luck.choice(["fin", "rst"]), luck.random())


def request(consumer, method, path, body, seen=None):
    """The answer's JSON, or nothing when its connection broke; what came of a batch's name then goes to `seen`."""
    try:
        answer = consumer.call(method, path, body)
    except BROKEN as broken:
        name = _BATCH_ID.match(getattr(broken, "partial", b""))
        if name and seen is not None:
            seen.append(name[1].decode())
        return None
    if not answer.body:  # cut in its head; http.client takes what is missing for the end of it
        return None
    assert answer.status == 200, answer
    return answer.json()


def until_answered(consumer, method, path, body, seen=None):
    """(the answer, how often it was lost): the same request again and again."""
    for lost in range(1000):
        answer = request(consumer, method, path, body, seen)
        if answer is not None:
            return answer, lost
    raise AssertionError("1,000 answers in a row were lost")


class Worker(threading.Thread):
    """Reads and settles through a proxy that cuts, until nothing is left; keeps what it saw."""

    def __init__(self, number, daemon, cuts, luck):
        super().__init__(daemon=True)
        self.proxy = CuttingProxy(daemon.address)
        self.consumer = self.proxy.consumer("c")
        self.number, self.cuts, self.luck = number, cuts, luck
        self.records, self.failures, self.counts = [], [], Counter()

    def run(self):
        try:
            self.work()
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            self.consumer.close()
            self.proxy.close()

    def plan(self, kind, chance):
        """Lets a few of the next answers break off."""
        while self.cuts and self.luck.random() < chance:
            self.proxy.cut_next(self.cuts.pop())
            self.counts[kind] += 1

    def work(self):
        previous = None
        for turn in range(100_000):
            body = {
                "max_records": self.luck.choices([5, 80, 2500], [50, 44, 6])[0] if self.cuts else 5000,
                "max_bytes": -1,
                "wait_ms": 300,
                "lease_ms": LEASE_MS,
                "request_id": f"worker-{self.number}-{turn}",
            }
            if previous is not None:
                body["ack"] = {"batch_id": previous["batch_id"]}
            self.plan("fetch" if previous is None else "fetch with ack", 0.7)
            batch, lost, seen = self.fetch(body)
            if previous is not None:
                self.check_settled(batch["ack"], len(previous["records"]), lost)
            previous = None
            if batch["batch_id"] is None:
                if batch["backlog"] == 0:
                    return
                continue
            if self.luck.random() < 0.2:
                self.counts["whole answers repeated"] += 1
                again, _, _ = self.fetch(body)
                assert again["repeated"] and again["batch_id"] == batch["batch_id"]
                assert again["records"] == batch["records"], "the same request got another batch"
            self.counts["taken back"] += sum(name != batch["batch_id"] for name in seen)
            self.records += [(place(record), record["delivery"]) for record in batch["records"]]
            if self.luck.random() < 0.3:
                previous = batch
            else:
                self.ack(batch)

    def fetch(self, body):
        seen = []
        batch, lost = until_answered(self.consumer, "POST", "/fetch", body, seen)
        return batch, lost, seen

    def ack(self, batch):
        """In two halves, or all at once."""
        size = len(batch["records"])
        parts = [{}] if size == 1 or self.luck.random() < 0.5 else [{"accept": list(range(size // 2))}, {}]
        left = size
        for part in parts:
            expected = len(part["accept"]) if part else left
            self.plan("ack", 0.3)
            answer, lost = until_answered(self.consumer, "POST", self.consumer.batch_path(batch) + "/ack", part or None)
            self.check_settled(answer, expected, lost)
            left -= expected

    def check_settled(self, answer, expected, lost):
        """Settled by this answer, or by one that was lost: never in part, never others."""
        reasons = {entry["reason"] for entry in answer.get("refused", [])}
        assert reasons <= {"already_settled"}, answer
        if answer["accepted"] != expected:
            assert answer["accepted"] == 0 and lost > 0, (answer, expected, lost)
            self.counts["acks repeated"] += 1


@pytest.mark.timeout(180)
def test_nothing_is_lost_or_settled_twice_when_answers_break_off(kafka, sluice, record_property):
    daemon = sluice(partitions=PARTITIONS)
    fill(kafka.bootstrap, daemon.topic, PARTITIONS, RECORDS, size=1024)
    daemon.wait_assigned(PARTITIONS)
    luck = random.Random(20)
    cuts = [random_cut(luck) for _ in range(CUTS)]
    workers = [Worker(number, daemon, cuts, random.Random(number)) for number in range(WORKERS)]
    begin = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert not worker.is_alive(), "a worker is still busy after two minutes"
        assert not worker.failures, worker.failures
    took_s = time.monotonic() - begin

    done = sum((worker.proxy.done for worker in workers), Counter())
    counts = sum((worker.counts for worker in workers), Counter())
    given_back = daemon.metrics().one("sluice_http_batches_given_back_total")
    figures = {"seconds": round(took_s, 1), "given back": given_back, **counts}
    figures |= {f"{where} {how}": count for (where, how), count in sorted(done.items())}
    print(figures)
    record_property("cut_connections", figures)

    assert sum(done.values()) == CUTS
    got = [record for worker in workers for record in worker.records]
    assert len(got) == len({at for at, _ in got}) == RECORDS, "every record in one whole answer, and in one only"
    assert {delivery for _, delivery in got} == {1}, "an answer that did not arrive counts as no delivery"
    assert counts["taken back"] <= given_back
    assert daemon.consumer().batches()["batches"] == [], "no lease is left to wait for its deadline"
    assert daemon.metrics().sum("sluice_lease_expirations_total") == 0
    assert set(kafka.committed(daemon.group).values()) == {RECORDS // PARTITIONS}
    assert took_s < 60


# ------------------------------------------------------------------------------------------ one at a time

LARGE = 4000  # records of 1 KiB: an answer of them is more than sockets hold


@pytest.fixture
def large(kafka, sluice):
    """A daemon whose one partition has LARGE records of 1 KiB."""
    daemon = sluice(partitions=1)
    records.write(kafka.bootstrap, daemon.topic, [b"x" * 1024] * LARGE)
    daemon.wait_assigned(1)
    eventually("the end is known", lambda: daemon.consumer().state()["partitions"][0]["end"] == LARGE)
    return daemon


ALL = {"max_records": LARGE, "min_records": LARGE, "max_bytes": -1, "wait_ms": 15000, "lease_ms": LEASE_MS}


def send_fetch(connection, limits):
    body = orjson.dumps(limits)
    connection.sendall(raw_http.request("POST", "/v1/consumers/c/fetch", "Content-Type: application/json", body=body))


def given_back(daemon):
    return daemon.metrics().one("sluice_http_batches_given_back_total")


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_batch_whose_answer_could_not_be_written_is_given_back_at_once(large, how):
    with CuttingProxy(large.address) as proxy:
        proxy.cut_next(Cut("head", how))
        with pytest.raises(BROKEN):
            proxy.consumer("c").fetch(**ALL)
    begin = time.monotonic()
    batch = large.consumer().fetch(**ALL)

    assert time.monotonic() - begin < 10
    assert given_back(large) == 1
    assert [record["offset"] for record in batch["records"]] == list(range(LARGE))
    assert {record["delivery"] for record in batch["records"]} == {1}


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_fetch_that_waits_ends_with_its_client(kafka, sluice, how):
    daemon = sluice(partitions=1)
    daemon.wait_assigned(1)
    host, port = daemon.address.rsplit(":", 1)
    client = socket.create_connection((host, int(port)), timeout=10)
    send_fetch(client, {"wait_ms": 30000, "lease_ms": LEASE_MS})
    eventually("the fetch waits", lambda: daemon.consumer().state()["waiting_fetches"] == 1)
    if how == "rst":
        reset_on_close(client)
    client.close()
    eventually("the fetch has ended", lambda: daemon.consumer().state()["waiting_fetches"] == 0, timeout_s=5)

    records.write(kafka.bootstrap, daemon.topic, [b"one", b"two"])
    batch = daemon.consumer().fetch(wait_ms=15000, min_records=2)
    assert [(record["value"], record["delivery"]) for record in batch["records"]] == [("one", 1), ("two", 1)]
    assert len(daemon.consumer().batches()["batches"]) == 1


@pytest.mark.parametrize("where", ["request", "nothing", "head", "middle", "last"])
def test_a_fetch_with_an_ack_can_be_repeated(kafka, sluice, where):
    daemon = sluice(partitions=1, filled_with=100)
    daemon.wait_assigned(1)
    with CuttingProxy(daemon.address) as proxy:
        consumer = proxy.consumer("c")
        first = consumer.fetch(max_records=10, min_records=10, wait_ms=15000)
        proxy.cut_next(Cut(where, "rst"), Cut(where, "fin"))
        body = {"max_records": 10, "request_id": "next", "ack": {"batch_id": first["batch_id"]}}
        second, lost = until_answered(consumer, "POST", "/fetch", {"wait_ms": 15000, "lease_ms": LEASE_MS, **body})

    assert lost == 2
    assert [record["offset"] for record in second["records"]] == list(range(10, 20))
    assert {record["delivery"] for record in second["records"]} == {1}
    assert {entry["reason"] for entry in second["ack"]["refused"]} <= {"already_settled"}
    assert [lease["batch_id"] for lease in daemon.consumer().batches()["batches"]] == [second["batch_id"]]
    assert kafka.committed(daemon.group) == {(daemon.topic, 0): 10}
    assert daemon.consumer().ack(second)["accepted"] == 10


def test_an_answer_that_fails_late_takes_nothing_from_the_one_that_arrived(large):
    """The client has given up on a connection that hangs, and has its batch by another one when the first one ends."""
    host, port = large.address.rsplit(":", 1)
    hanging = socket.socket()
    hanging.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    hanging.connect((host, int(port)))
    send_fetch(hanging, {**ALL, "request_id": "again"})
    eventually("the first answer is being written", lambda: large.consumer().batches()["batches"])

    batch = large.consumer().fetch(**ALL, request_id="again")
    assert batch["repeated"] and len(batch["records"]) == LARGE
    reset_on_close(hanging)
    hanging.close()
    eventually("the first answer has failed", lambda: given_back(large) == 1)

    assert [lease["batch_id"] for lease in large.consumer().batches()["batches"]] == [batch["batch_id"]]
    assert large.consumer().ack(batch)["accepted"] == LARGE
