"""Records with keys, workers in processes of their own that settle them piece by piece, and a judge of what they wrote.

Record n of key k has the key "k" and the value "k:n", and lies in partition k mod partitions.

A worker writes one line for each batch: {"worker", "sent", "got", "lease_s", "records": [[partition, offset, key, n,
delivery]], "steps": [{"sent", "got", "status", "accepted": [position], "released": [position]}]}. Times are
CLOCK_MONOTONIC, which all processes of a machine share. Only what the answer did not refuse is listed. A status of 0
means that no answer came: nobody knows whether it counted.
"""

import multiprocessing
import random
import time
from pathlib import Path

import orjson
from confluent_kafka import Producer

from .client import Consumer, Refused

_context = multiprocessing.get_context("spawn")


def write_keyed(bootstrap: str, topic: str, partitions: int, order) -> int:
    """Writes the next record of each key in `order` (numbers, repeats wanted). Returns how many there are."""
    settings = {"linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
    # Without idempotence a retry on a busy machine changes the order.
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, **settings})
    following = {}
    failures = []
    for key in order:
        n = following.get(key, 0)
        following[key] = n + 1
        producer.produce(
            topic,
            f"{key}:{n}".encode(),
            key=str(key).encode(),
            partition=key % partitions,
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        producer.poll(0)
    assert producer.flush(60) == 0 and not failures, failures[:3]
    return sum(following.values())


class KeyedWorkers:
    """`count` processes that fetch and settle as `style` says until stop():

    "hot": acks all of a batch at once but a record of key 0, and that one after `hold_s`.
    "random": releases some records (with and without a delay), abandons some batches under a short lease, acks the
    others, whole or in two pieces.
    "pieces": acks in random pieces of a few records each, and leaves nothing out.
    """

    def __init__(
        self, directory: Path, address: str, name: str, count: int, style: str, pace_s=0.0, hold_s=0.0, **limits
    ):
        self._settled = _context.Value("q", 0)
        self._stop = _context.Event()
        port = address.rsplit(":", 1)[1]
        self._files = [directory / f"keyed-{port}-{index}.jsonl" for index in range(count)]
        self._processes = []
        for index, file in enumerate(self._files):
            who = (address, name, f"{port}-{index}", style)
            job = (str(file), *who, pace_s, hold_s, limits, self._settled, self._stop)
            self._processes.append(_context.Process(target=_work, args=job, daemon=True))
        for process in self._processes:
            process.start()

    @property
    def settled(self) -> int:
        return self._settled.value

    def stop(self, timeout_s: float = 30.0):
        self._stop.set()
        deadline = time.monotonic() + timeout_s
        for process in self._processes:
            process.join(max(0.1, deadline - time.monotonic()))
            assert process.exitcode == 0, f"a worker ended with {process.exitcode}"

    def lines(self) -> list:
        found = []
        for file in self._files:
            found += [orjson.loads(line) for line in file.read_bytes().splitlines()]
        return found


def _work(file, address, name, worker, style, pace_s, hold_s, limits, settled, stop):
    luck = random.Random(worker)
    consumer = Consumer(address, name)
    with open(file, "wb") as log:
        while not stop.is_set():
            asked = {"wait_ms": 300, "lease_ms": 30000, **limits}
            abandoned = style == "random" and luck.random() < 0.04
            if abandoned:
                asked.update(lease_ms=500, max_records=min(200, asked.get("max_records", 500)))
            sent = time.monotonic()
            try:
                batch = consumer.fetch(**asked)
            except Refused as refused:
                if refused.answer.status != 503:
                    raise
                time.sleep(0.05)
                continue
            except OSError:
                time.sleep(0.05)  # the daemon went away; there may be another one
                continue
            if batch["batch_id"] is None:
                continue
            line = {
                "worker": worker,
                "sent": sent,
                "got": time.monotonic(),
                "lease_s": asked["lease_ms"] / 1000,
                "records": [_facts(record) for record in batch["records"]],
                "steps": [],
            }
            time.sleep(pace_s)
            if not abandoned:
                for step in _steps(style, luck, line["records"]):
                    time.sleep(hold_s if step.pop("held", False) else 0)
                    done = _settle(consumer, batch, line, **step)
                    line["steps"].append(done)
                    with settled.get_lock():
                        settled.value += len(done["accepted"]) if done["status"] == 200 else 0
                    if done["status"] == 0:
                        break
            log.write(orjson.dumps(line) + b"\n")
            log.flush()


def _facts(record):
    key, n = record["value"].split(":")[:2]
    if record["key"] != key:
        raise AssertionError(f"not the record that was written there: {record}")
    return [record["partition"], record["offset"], int(key), int(n), record["delivery"]]


def _steps(style, luck, records):
    positions = list(range(len(records)))
    if style == "hot":
        hot = [position for position in positions if records[position][2] == 0]
        rest = [position for position in positions if records[position][2] != 0]
        return ([{"accept": rest}] if rest else []) + ([{"accept": hot, "held": True}] if hot else [])
    if style == "pieces":
        luck.shuffle(positions)
        steps = []
        while positions:
            size = luck.randint(1, 12)
            steps.append({"accept": positions[:size]})
            positions = positions[size:]
        return steps
    dice = luck.random()
    if dice < 0.1:
        back = sorted(luck.sample(positions, min(len(positions), luck.randint(1, 5))))
        delay = luck.choice([None, 0, 30, 200])
        return [{"accept": sorted(set(positions) - set(back)), "release": back, "delay_ms": delay}]
    if dice < 0.3:
        first = sorted(luck.sample(positions, len(positions) // 2))
        return [{"accept": first}, {"accept": sorted(set(positions) - set(first))}]
    return [{"accept": positions}]


def _settle(consumer, batch, line, accept, release=(), delay_ms=None):
    body = {"accept": accept, "release": list(release), "default": "keep"}
    if delay_ms is not None:
        body["delay_ms"] = delay_ms
    sent = time.monotonic()
    try:
        answer = consumer.try_ack(batch, **body)
    except OSError:
        return {"sent": sent, "got": time.monotonic(), "status": 0, "accepted": accept, "released": []}
    if answer.status not in (200, 410, 503):
        raise Refused(answer)
    if answer.status != 200:
        status = 0 if answer.status == 503 else 410
        taken = [] if status else accept
        return {"sent": sent, "got": time.monotonic(), "status": status, "accepted": taken, "released": []}
    body = answer.json()
    no = [(entry["partition"], entry["from"], entry["to"]) for entry in body["refused"]]
    taken = [at for at in accept if not _among(line["records"][at], no)]
    back = [at for at in release if not _among(line["records"][at], no)]
    if (len(taken), len(back)) != (body["accepted"], body["released"]):
        raise AssertionError(f"{len(taken)} and {len(back)} by the list of refusals: {answer!r}")
    return {"sent": sent, "got": time.monotonic(), "status": 200, "accepted": taken, "released": back}


def _among(record, ranges):
    return any(record[0] == partition and first <= record[1] <= last for partition, first, last in ranges)


class Judgement:
    """What the lines of all workers show. Records are (partition, offset). Everything listed has been proven by times
    that cannot be explained by a slow network or a busy machine: a lease counts from the moment its answer was read to
    the moment its ack was sent, or to the first moment at which it could have expired."""

    def __init__(self, lines: list):
        self.deliveries = {}  # record: [(got, until, accepted, nth)]
        self.settled_at = {}  # record: first ack that was answered, or may have counted; when it was sent
        self.accepted = set()  # answered 200
        self.keys = {}  # key: {n: record}
        self.two_of_a_key_in_a_batch = []
        for line in lines:
            self._read(line)
        for found in self.deliveries.values():
            found.sort()

    def _read(self, line):
        expires = line["sent"] + line["lease_s"]
        until = [expires] * len(line["records"])
        sure = set()
        for step in line["steps"]:
            for at in step["accepted"] + step["released"]:
                until[at] = min(until[at], step["sent"])
            for at in step["accepted"]:
                place = tuple(line["records"][at][:2])
                self.settled_at[place] = min(self.settled_at.get(place, step["sent"]), step["sent"])
                if step["status"] == 200:
                    sure.add(at)
                    self.accepted.add(place)
        keys = set()
        for at, (partition, offset, key, n, nth) in enumerate(line["records"]):
            place = (partition, offset)
            self.deliveries.setdefault(place, []).append((line["got"], until[at], at in sure, nth))
            self.keys.setdefault(key, {})[n] = place
            if key in keys:
                self.two_of_a_key_in_a_batch.append((key, place))
            keys.add(key)

    def leased_at_once(self) -> list:
        """[(key, record, record)]: both held by somebody at one time."""
        together = []
        for key, places in self.keys.items():
            leases = sorted((*found[:2], place) for place in places.values() for found in self.deliveries[place])
            end, holder = 0.0, None
            for got, until, place in leases:
                if got < end:
                    together.append((key, holder, place))
                if until > end:
                    end, holder = until, place
        return together

    def before_their_turn(self) -> list:
        """[(key, n)]: handed out while an earlier record of the key was not settled."""
        found = []
        for key, places in self.keys.items():
            settled = 0.0
            for n in range(max(places) + 1):
                place = places.get(n)
                if place is None:
                    settled = float("inf")
                    continue
                found += [(key, n) for got, _, _, _ in self.deliveries[place] if got < settled]
                settled = max(settled, self.settled_at.get(place, float("inf")))
        return found

    def again_after_ack(self) -> list:
        """Handed out again although an ack of an earlier delivery was answered 200."""
        return [place for place, found in self.deliveries.items() if any(sure for _, _, sure, _ in found[:-1])]

    @property
    def redeliveries(self) -> int:
        return sum(len(found) - 1 for found in self.deliveries.values())
