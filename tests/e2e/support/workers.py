"""Workers of an application in processes of their own, and the history they write down for a checker.

A history is a list of deliveries {"at", "batch", "ranges": [[topic, partition, offsets, deliveries]], "settled_at",
"accepted", "released"}; times are CLOCK_MONOTONIC, which all processes of a machine share.
"""

import json
import multiprocessing
import time
from pathlib import Path

from .client import Consumer, Refused

_context = multiprocessing.get_context("spawn")


class Workers:
    """`count` processes that pull, work `pace_s` on each batch and settle it, until `total` records are settled or stop().

    Style: "mixed" settles in every form there is and accepts no refusal; "plain" acks whole batches and takes a
    daemon that goes away, or a lease that is gone, as it comes.
    """

    def __init__(self, directory: Path, address: str, name: str, count: int, total=None, style="mixed", pace_s=0.0, **limits):
        self._settled = _context.Value("q", 0)
        self._stop = _context.Event()
        self._files = [directory / f"worker-{address.rsplit(':', 1)[1]}-{index}.jsonl" for index in range(count)]
        self._processes = [
            _context.Process(
                target=_work,
                args=(str(file), address, name, index, count, total, style, pace_s, limits, self._settled, self._stop),
                daemon=True,
            )
            for index, file in enumerate(self._files)
        ]
        for process in self._processes:
            process.start()

    @property
    def settled(self) -> int:
        return self._settled.value

    @property
    def pids(self) -> list:
        return [process.pid for process in self._processes]

    def stop(self):
        self._stop.set()

    def join(self, timeout_s: float):
        deadline = time.monotonic() + timeout_s
        for process in self._processes:
            process.join(max(0.1, deadline - time.monotonic()))
            assert process.exitcode is not None, f"a worker is still busy after {timeout_s:g} s ({self.settled} settled)"
            assert process.exitcode == 0, f"a worker ended with {process.exitcode}"

    def kill(self):
        for process in self._processes:
            process.kill()
            process.join()

    def history(self) -> list:
        found = []
        for file in self._files:
            if file.exists():
                found += [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
        return sorted(found, key=lambda delivery: delivery["at"])


def _work(file, address, name, index, count, total, style, pace_s, limits, settled, stop):
    consumer = Consumer(address, name)
    rounds = 0
    with open(file, "w") as log:
        while not stop.is_set() and (total is None or settled.value < total):
            try:
                batch = consumer.fetch(**{"wait_ms": 300, **limits})
            except Refused as refused:
                if refused.answer.status == 503:
                    time.sleep(0.05)
                    continue
                raise
            except OSError:
                if total is None:
                    time.sleep(0.05)
                    continue
                raise
            if batch["batch_id"] is None:
                continue
            rounds += 1
            delivery = _describe(batch)
            time.sleep(pace_s)
            try:
                accepted, released, gone = _settle(consumer, batch, delivery, rounds + index, style)
            except OSError:
                if total is not None:
                    raise
                accepted, released, gone = 0, 0, True  # the daemon went away: nobody can say
            delivery.update(settled_at=time.monotonic(), accepted=accepted, released=released, gone=gone)
            log.write(json.dumps(delivery) + "\n")
            log.flush()
            with settled.get_lock():
                settled.value += accepted


def _describe(batch):
    ranges = {}
    for record in batch["records"]:
        start = f"{record['partition']}:{record['offset']}:"
        if record["value"] is not None and record["value"][: len(start)] != start:
            raise AssertionError(f"not the record that was written there: {record}")
        key = (record["topic"], record["partition"])
        offsets, deliveries = ranges.setdefault(key, ([], []))
        offsets.append(record["offset"])
        deliveries.append(record["delivery"])
    described = [[topic, number, offsets, deliveries] for (topic, number), (offsets, deliveries) in ranges.items()]
    return {"at": time.monotonic(), "batch": batch["batch_id"], "ranges": described}


def _settle(consumer, batch, delivery, turn, style):
    """(accepted, released, gone). Mixed: whole, by ranges, through, by single offsets, by index, and 1 % released."""
    size = len(batch["records"])
    if style == "mixed" and turn % 100 == 99:
        return 0, consumer.release(batch)["released"], False
    how = turn % 5 if style == "mixed" else 0
    ranges = [(topic, number, offsets) for topic, number, offsets, _ in delivery["ranges"]]
    if how == 1:
        parts = [
            {"accept": [{"topic": t, "partition": p, "from": o[0], "to": o[len(o) // 2]} for t, p, o in ranges]},
            {},
        ]
    elif how == 2:
        parts = [{"through": [{"topic": t, "partition": p, "offset": o[-1]} for t, p, o in ranges]}]
    elif how == 3 and size <= 1000:
        parts = [{"accept": [{"topic": t, "partition": p, "offset": each} for t, p, o in ranges for each in o]}]
    elif how == 4:
        parts = [{"accept": list(range(0, size, 2))}, {"accept": list(range(1, size, 2))}]
    else:
        parts = [{}]
    accepted = 0
    for part in parts:
        answer = consumer.try_ack(batch, **part)
        if answer.status in (410, 503) and style != "mixed":
            return accepted, 0, True
        if answer.status != 200:
            raise Refused(answer)
        accepted += answer.json()["accepted"]
    if style == "mixed" and accepted != size:
        raise AssertionError(f"{accepted} of {size} records were accepted: {answer!r}")
    return accepted, 0, False


class Findings:
    """What a history shows. Records are (topic, partition, offset)."""

    def __init__(self, history: list):
        self.deliveries = {}
        self.accepted_at = {}
        self.out_of_order = []
        self.again_after_ack = []
        self.overlapping = []
        last_first = {}
        open_until = {}
        for delivery in history:
            whole = delivery["accepted"] == sum(len(entry[2]) for entry in delivery["ranges"])
            for topic, number, offsets, deliveries in delivery["ranges"]:
                partition = (topic, number)
                if delivery["at"] < open_until.get(partition, 0):
                    self.overlapping.append((partition, offsets[0]))
                open_until[partition] = delivery["at"]
                for offset, nth in zip(offsets, deliveries):
                    place = (topic, number, offset)
                    self.deliveries[place] = self.deliveries.get(place, 0) + 1
                    if nth == 1 and self.deliveries[place] == 1:
                        if offset != last_first.get(partition, -1) + 1:
                            self.out_of_order.append(place)
                        last_first[partition] = offset
                    if self.accepted_at.get(place, float("inf")) < delivery["at"]:
                        self.again_after_ack.append(place)
                    if whole:
                        self.accepted_at.setdefault(place, delivery["settled_at"])

    @property
    def duplicates(self) -> int:
        return sum(count - 1 for count in self.deliveries.values())
