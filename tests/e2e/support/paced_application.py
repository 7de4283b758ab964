"""An application with a pace: workers that take so long for a record, at a speed that may change under way."""

import threading
import time
from dataclasses import dataclass

from .client import Consumer

_STEP_S = 0.02


@dataclass
class Batch:
    """What became of a batch; times in seconds since the application began."""

    begin: float
    end: float
    records: int
    accepted: int


class PacedApplication:
    """`workers` threads; each works off `speed(seconds since the begin)` records/s and `per_batch_s` for every batch.

    A change of speed is felt inside a batch. Ends after `duration_s`; batches that are under way then do not count.
    """

    def __init__(self, consumer, workers: int, speed, duration_s: float, per_batch_s=0.01, **limits):
        self.batches = []
        self.failures = []
        self._consumer, self._speed, self._duration_s, self._per_batch_s = consumer, speed, duration_s, per_batch_s
        self._limits = {"wait_ms": 500, "max_bytes": -1, **limits}
        self.begin = time.monotonic()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def now(self) -> float:
        return time.monotonic() - self.begin

    def join(self):
        for thread in self._threads:
            thread.join()
        assert not self.failures, self.failures

    def _run(self):
        consumer: Consumer = self._consumer()
        try:
            while self.now() < self._duration_s:
                batch = consumer.fetch(**self._limits)
                if batch["batch_id"] is None:
                    continue
                begin, records = self.now(), len(batch["records"])
                if not self._work(records):
                    consumer.try_release(batch)
                    return
                answer = consumer.try_ack(batch)
                assert answer.status in (200, 410), answer
                accepted = answer.json().get("accepted", 0)
                self.batches.append(Batch(begin, self.now(), records, accepted))
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            consumer.close()

    def _work(self, records: int) -> bool:
        """False when the application has ended meanwhile."""
        time.sleep(self._per_batch_s)
        left, last = float(records), self.now()
        while left > 0:
            if last >= self._duration_s:
                return False
            time.sleep(min(_STEP_S, left / self._speed(last)))
            now = self.now()
            left -= (now - last) * self._speed(last)
            last = now
        return True

    def in_vain(self) -> int:
        """Records whose work was not accepted any more."""
        return sum(batch.records - batch.accepted for batch in self.batches)

    def throughput(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Accepted records/s of the batches that lie within, from the first one's begin to the last one's end."""
        found = [batch for batch in self.batches if batch.begin >= since and batch.end <= until]
        if not found:
            return 0.0
        spent = max(batch.end for batch in found) - min(batch.begin for batch in found)
        return sum(batch.accepted for batch in found) / spent
