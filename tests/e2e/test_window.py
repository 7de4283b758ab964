"""The window: as much is leased at once as it says, and the adaptive one follows the pace of the application."""

import os
import threading
import time

import pytest
from support.line_chart import write_chart
from support.members import fill
from support.paced_application import PacedApplication
from support.paths import ROOT
from support.records import place
from support.waiting import eventually

LEASE_S = 4
SPEED, DROP = 2000, 10  # records/s of all workers together, and by what it is divided while the application is slow
SLOW_AT, FAST_AT, END = 10, 38, 56  # seconds
FIXED = [20, 100, 500, 2000]
FIXED_S = 11  # long enough for the largest of them, once, at the slow speed
FORMS = {"one worker": (1, "partition"), "four workers": (4, "none")}


def slug(*parts):
    return "-".join(str(part) for part in parts).replace(" ", "-")


def fixed_consumers():
    """{(form, speed, window): consumer name}: every fixed window at both speeds, all at the same time."""
    return {
        (form, speed, window): slug(form, speed, window)
        for form in FORMS
        for speed in (SPEED, SPEED // DROP)
        for window in FIXED
    }


def settings(group, topic, order, **window):
    named = {name.replace("_", "."): value for name, value in window.items()}
    return {"group.id": group, "topics": [topic], "order": order, "lease.ms": LEASE_S * 1000, **named}


def expirations(daemon, name):
    return daemon.metrics().sum("sluice_lease_expirations_total", consumer=name)


def run_fixed(daemon, names):
    """{(form, speed): {window: (records/s, expired leases)}}."""
    running = {}
    for (form, speed, window), name in names.items():
        workers = FORMS[form][0]
        running[form, speed, window] = PacedApplication(
            lambda name=name: daemon.consumer(name),
            workers,
            lambda _, speed=speed / workers: speed,
            FIXED_S,
            max_records=window // workers,
        )
    for application in running.values():
        application.join()
    found = {}
    for (form, speed, window), application in running.items():
        expired = expirations(daemon, names[form, speed, window])
        found.setdefault((form, speed), {})[window] = (application.throughput(), expired)
    return found


class AdaptiveRun:
    """One application on an adaptive window, with the window and the expired leases as they were over time."""

    def __init__(self, daemon, form):
        self._daemon, self._name, workers = daemon, slug(form), FORMS[form][0]

        def speed(second):
            return (SPEED // DROP if SLOW_AT <= second < FAST_AT else SPEED) / workers

        self.workers = workers
        self.window, self.expired = [], []
        self.application = PacedApplication(
            lambda: daemon.consumer(self._name), workers, speed, END, max_records=100_000
        )
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def _watch(self):
        consumer = self._daemon.consumer(self._name)
        while (now := self.application.now()) < END:
            self.window.append((now, consumer.state()["window"]["records"]))
            time.sleep(0.1)

    def join(self):
        self.application.join()
        self._watching.join()

    def windows(self, since, until):
        return [records for second, records in self.window if since <= second < until]

    def caught_in_the_drop(self):
        """Batches that were under way when the speed fell."""
        return [batch for batch in self.application.batches if batch.begin < SLOW_AT < batch.end]

    def adjusted_at(self):
        return max(batch.end for batch in self.caught_in_the_drop())


@pytest.mark.budget
@pytest.mark.timeout(240)
def test_the_adaptive_window_follows_the_pace_of_the_application(kafka, daemons, unique, directory, record_property):
    """WRITE_DOCS=1 in the environment renews docs/window.svg by this run."""
    topic = kafka.create_topic(unique, 4)
    fill(kafka.bootstrap, topic, 4, 100_000, size=60)
    names = fixed_consumers()
    consumers = {
        name: settings(f"{unique}-{name}", topic, FORMS[form][1], window_max_records=window)
        for (form, _, window), name in names.items()
    }
    for form, (_, order) in FORMS.items():
        consumers[slug(form)] = settings(f"{unique}-{slug(form)}", topic, order, window="adaptive")
    daemon = daemons(kafka.bootstrap, consumers, memory={"budget": "512MiB"})  # of that many consumers
    eventually("each consumer has its partitions", lambda: all(len(daemon.assigned(name)) == 4 for name in consumers))

    fixed = run_fixed(daemon, names)
    runs = {form: AdaptiveRun(daemon, form) for form in FORMS}
    for run in runs.values():
        run.join()

    figures = {
        slug(*key): {window: f"{rate:.0f}/s, {gone:.0f} expired" for window, (rate, gone) in rates.items()}
        for key, rates in fixed.items()
    }
    chart = directory / "window.svg"
    draw(chart, runs["one worker"])
    problems = []
    for form, run in runs.items():
        figures[slug(form)], found = judge(run, form, fixed, expirations(daemon, slug(form)))
        problems += [f"{form}: {problem}" for problem in found]
    print(figures)
    record_property("window", figures)
    assert not problems, (problems, figures)
    assert chart.read_text().startswith("<svg ") and chart.read_text().count("<polyline") == 2
    if os.environ.get("WRITE_DOCS"):
        draw(ROOT / "docs" / "window.svg", runs["one worker"])


def judge(run, form, fixed, expired):
    """(figures, what is not as promised)."""
    adjusted = run.adjusted_at()
    speeds = {
        "fast": (SPEED, run.application.throughput(0, SLOW_AT)),
        "slow": (SPEED // DROP, run.application.throughput(adjusted, FAST_AT)),
        "fast again": (SPEED, run.application.throughput(FAST_AT, END)),
    }
    figures = {name: round(rate) for name, (_, rate) in speeds.items()}
    problems = []
    for name, (speed, rate) in speeds.items():
        best = max(found for found, gone in fixed[form, speed].values() if gone == 0)
        if rate < 0.8 * best:
            problems.append(f"{name}: {rate:.0f} records/s, the best fixed window has {best:.0f}")
    before, slow = max(run.windows(0, SLOW_AT)), min(run.windows(SLOW_AT, FAST_AT))
    at_recovery, after = run.windows(0, FAST_AT)[-1], max(run.windows(FAST_AT, END))
    late = [batch for batch in run.application.batches if batch.end - batch.begin > LEASE_S]
    figures |= {"window fast": before, "window slow": slow, "window at recovery": at_recovery, "window at end": after}
    figures |= {"adjusted after s": round(adjusted - SLOW_AT, 1), "late batches": len(late)}
    figures |= {"records expired": int(expired), "done in vain": run.application.in_vain()}
    if not slow <= before / 4:
        problems.append(f"the window went from {before} to {slow} only")
    if not after >= max(2 * at_recovery, before / 2):
        problems.append(f"the window grew from {at_recovery} to {after} only")
    if len(late) > run.workers or any(batch.begin >= SLOW_AT for batch in late):
        problems.append("a lease expired that was given after the speed had fallen")
    if expired > sum(batch.records for batch in late):
        problems.append("more has expired than what was under way when the speed fell")
    return figures, problems


def draw(path, run):
    path.parent.mkdir(exist_ok=True)
    speed = [(0, SPEED), (SLOW_AT, SPEED // DROP), (FAST_AT, SPEED), (END, SPEED)]
    title = "An adaptive window follows the speed of its application"
    write_chart(path, title, ("window, records", run.window), ("speed, records/s", speed), END)


# ------------------------------------------------------------------------------------------ fixed


class Holder(threading.Thread):
    """A worker that counts, with the others, what they hold at the same time."""

    lock = threading.Lock()

    def __init__(self, daemon, seen, held):
        super().__init__(daemon=True)
        self.consumer, self.seen, self.held, self.failure = daemon.consumer(), seen, held, None

    def run(self):
        try:
            while len(self.seen) < 2000:
                batch = self.consumer.fetch(max_records=70, wait_ms=200)
                if batch["batch_id"] is None:
                    assert batch["reason"] in ("window_full", "timeout"), batch["reason"]
                    continue
                assert len(batch["records"]) <= 70
                self.hold(len(batch["records"]))
                time.sleep(0.01)
                self.seen.update(map(place, batch["records"]))
                self.hold(-len(batch["records"]))
                self.consumer.ack(batch)
        except BaseException as failure:
            self.failure = failure

    def hold(self, records):
        with self.lock:
            self.held.append((self.held[-1] if self.held else 0) + records)


@pytest.mark.sanitizers
def test_no_more_than_the_window_is_leased_at_once(sluice):
    daemon = sluice(partitions=4, filled_with=2000, order="none", window_max_records=100)
    daemon.wait_assigned(4)
    seen, held, leased = set(), [], []
    workers = [Holder(daemon, seen, held) for _ in range(3)]
    for worker in workers:
        worker.start()
    consumer = daemon.consumer()
    while any(worker.is_alive() for worker in workers):
        leased.append(consumer.state()["window"]["leased_records"])

    assert [worker.failure for worker in workers] == [None] * 3
    assert len(seen) == 2000
    assert 70 < max(held) <= 100, "more than one worker at a time, and never more than the window"
    assert max(leased) <= 100


@pytest.mark.sanitizers
def test_a_full_window_says_so(sluice):
    daemon = sluice(partitions=1, filled_with=2000, order="none", window_max_records=100)
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    first = consumer.fetch(max_records=70, min_records=70, wait_ms=15000)
    second = consumer.fetch(max_records=70, wait_ms=15000)
    assert len(first["records"]) == 70
    assert len(second["records"]) == 30 and second["truncated_by"] == "window"

    begin = time.monotonic()
    third = consumer.fetch(max_records=70, wait_ms=500)
    assert third["batch_id"] is None and third["reason"] == "window_full"
    assert time.monotonic() - begin >= 0.5, "it waits for room"
    state = consumer.state()
    assert state["window"]["leased_records"] == 100
    assert state["partitions"][0]["blocked_by"]["code"] == "window_full"
    consumer.ack(second)
    assert len(consumer.fetch(max_records=70, wait_ms=500)["records"]) == 30
