"""An application that goes silent: what becomes of its partitions is its operator's choice, and none of the choices loses
or repeats a record."""

import random
import threading
import time

import pytest
from support.daemon import collect
from support.members import fill
from support.records import place
from support.waiting import eventually

SILENCE = 1.5


@pytest.fixture
def silent(kafka, sluice):
    """Makes a daemon whose application counts as silent after SILENCE seconds."""

    def make(policy, partitions=2, filled_with=100, **settings):
        settings = {"app_idle_policy": policy, "app_idle_timeout_ms": int(SILENCE * 1000), **settings}
        daemon = sluice(partitions, filled_with=filled_with, **settings)
        daemon.wait_assigned(partitions)
        return daemon

    return make


def events(daemon, *kinds):
    """The types of all events, or of those of the given types, in order."""
    found = daemon.consumer().call("GET", "/events?max=1000").json()["events"]
    return [event["type"] for event in found if not kinds or event["type"] in kinds]


def is_idle(daemon):
    return daemon.consumer().state()["idle"]


def all_partitions(topic, partitions):
    return sorted((topic, partition) for partition in range(partitions))


# ------------------------------------------------------------------------------------------ what silence is


@pytest.mark.parametrize("policy", ["pause", "leave"])
def test_an_application_at_work_is_not_silent(silent, policy):
    daemon = silent(policy)
    consumer = daemon.consumer()
    batch = consumer.fetch(wait_ms=10000, max_records=10, lease_ms=60000)
    time.sleep(2 * SILENCE)
    assert not is_idle(daemon)
    assert consumer.ack(batch)["accepted"] == 10
    collect(consumer, 90)
    assert consumer.fetch(wait_ms=int(2000 * SILENCE))["batch_id"] is None
    assert not is_idle(daemon), "it has waited in a long poll"
    started = time.monotonic()
    eventually("it is silent", lambda: is_idle(daemon))
    assert SILENCE * 0.8 <= time.monotonic() - started <= SILENCE + 1
    assert daemon.metrics().one("sluice_app_idle") == 1
    assert "assigned" in events(daemon) and events(daemon)[-1] in ("idle", "left")


def test_an_application_that_never_called_is_silent_too(silent, kafka):
    daemon = silent("leave")
    eventually("it has left", lambda: not kafka.group(daemon.group).members, 10)
    assert events(daemon, "idle", "left") == ["idle", "left"]
    assert len(collect(daemon.consumer(), 100)) == 100


def test_policy_hold_keeps_everything_for_ever(silent, kafka):
    daemon = silent("hold")
    consumer = daemon.consumer()
    collect(consumer, 10, max_records=10)
    before = kafka.assignment(daemon.group)
    time.sleep(2 * SILENCE)
    assert not is_idle(daemon) and events(daemon) == ["assigned"]
    assert kafka.assignment(daemon.group) == before
    assert daemon.metrics().one("sluice_app_idle") == 0
    assert len(collect(consumer, 90, timeout_s=2)) == 90


# ------------------------------------------------------------------------------------------ pause


def test_policy_pause_reads_nothing_and_stays_a_member(silent, kafka):
    daemon = silent("pause")
    consumer = daemon.consumer()
    read = collect(consumer, 30, max_records=10)
    before = kafka.assignment(daemon.group)
    assert sorted(before[daemon.directory.name]) == all_partitions(daemon.topic, 2)
    rebalances = daemon.metrics().sum("sluice_rebalances_total")
    eventually("it is silent", lambda: is_idle(daemon))
    eventually("what was read ahead is let go", lambda: daemon.metrics().sum("sluice_buffer_bytes") == 0)
    time.sleep(1)  # the last Fetch has come back
    metrics = daemon.metrics()
    fetched = [metrics.sum(f"sluice_{name}_fetched_total") for name in ("records", "bytes", "wire_bytes")]

    fill(kafka.bootstrap, daemon.topic, 2, 1000, first=50)
    time.sleep(1.5)
    metrics = daemon.metrics()
    assert fetched == [metrics.sum(f"sluice_{name}_fetched_total") for name in ("records", "bytes", "wire_bytes")]
    assert kafka.assignment(daemon.group) == before
    assert metrics.sum("sluice_rebalances_total") == rebalances
    assert all(each["blocked_by"]["code"] == "idle" for each in consumer.state()["partitions"])

    started = time.monotonic()
    batch = consumer.fetch(wait_ms=10000)
    assert batch["batch_id"] and time.monotonic() - started < 0.5
    consumer.ack(batch)
    read += batch["records"]
    assert not is_idle(daemon)
    read += collect(consumer, 1100 - len(read))
    assert {record["delivery"] for record in read} == {1}
    assert sorted(map(place, read)) == [(daemon.topic, p, offset) for p in range(2) for offset in range(550)]
    eventually("all is committed", lambda: sum(kafka.committed(daemon.group).values()) == 1100)
    assert events(daemon, "idle", "rejoined", "left", "lost")[:2] == ["idle", "rejoined"]


@pytest.mark.parametrize("order", ["key", "none"])
def test_what_was_settled_above_a_gap_survives_a_pause(silent, kafka, order):
    daemon = silent("pause", partitions=1, order=order, redelivery_backoff_ms=10)
    consumer = daemon.consumer()
    batch = consumer.fetch(wait_ms=10000, min_records=50, max_records=50)
    consumer.ack(batch, accept=list(range(20, 50)), release=[{"index": n} for n in range(20)])
    eventually("it is silent", lambda: is_idle(daemon))
    time.sleep(0.5)
    read = collect(consumer, 70)
    deliveries = {record["offset"]: record["delivery"] for record in read}
    assert deliveries == {**{n: 2 for n in range(20)}, **{n: 1 for n in range(50, 100)}}
    eventually("all is committed", lambda: sum(kafka.committed(daemon.group).values()) == 100)


# ------------------------------------------------------------------------------------------ leave


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
def test_policy_leave_gives_the_partitions_to_others_until_the_application_is_back(kafka, daemons, unique, assignor):
    kafka.create_topic(unique, 4)
    fill(kafka.bootstrap, unique, 4, 2000)
    settings = {"group.id": unique, "topics": [unique], "partition.assignment.strategy": assignor}
    settings["heartbeat.interval.ms"] = 300
    leave = {"app.idle.policy": "leave", "app.idle.timeout.ms": int(SILENCE * 1000)}
    sleepy = daemons(kafka.bootstrap, {"c": {**settings, **leave}}, name="sleepy")
    busy = daemons(kafka.bootstrap, {"c": settings}, name="busy")

    def halves():
        assert sleepy.consumer().call("POST", "/resume").status == 200  # a sign of life
        return [len(owned) for owned in kafka.assignment(unique).values()] == [2, 2]

    eventually("each has a half", halves)
    first = collect(sleepy.consumer(), 200, max_records=50)

    started = time.monotonic()
    all_of_them = all_partitions(unique, 4)
    eventually("the busy one has everything", lambda: kafka.assignment(unique) == {"busy": all_of_them}, 15)
    assert time.monotonic() - started < SILENCE + 3
    assert is_idle(sleepy) and sleepy.ready()
    busy.wait_assigned(4)
    second = collect(busy.consumer(), 800, max_records=50)

    started = time.monotonic()
    batch = sleepy.consumer().fetch(wait_ms=20000)
    assert batch["batch_id"] and time.monotonic() - started < 5
    sleepy.consumer().ack(batch)
    third = batch["records"]
    assert {client: len(owned) for client, owned in kafka.assignment(unique).items()} == {"busy": 2, "sleepy": 2}
    told = events(sleepy)
    assert told[told.index("idle") :][:4] == ["idle", "left", "rejoined", "assigned"]

    def work(daemon):
        while sum(kafka.committed(unique).values()) < 2000:
            consumer = daemon.consumer()
            batch = consumer.fetch(wait_ms=200, max_records=50)
            if batch["batch_id"]:
                third.extend(batch["records"])
                consumer.ack(batch)

    threads = [threading.Thread(target=work, args=(daemon,)) for daemon in (sleepy, busy)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    read = first + second + third
    assert sorted(map(place, read)) == [(unique, p, offset) for p in range(4) for offset in range(500)]


def test_a_lease_that_ends_in_silence_is_given_up_with_the_partitions(silent, kafka):
    daemon = silent("leave", partitions=1)
    consumer = daemon.consumer()
    batch = consumer.fetch(wait_ms=10000, max_records=10, lease_ms=1000)
    eventually("it has left", lambda: "left" in events(daemon), 15)
    answer = consumer.try_ack(batch)
    assert answer.status == 410, answer
    again = collect(consumer, 100)
    assert [record["offset"] for record in again] == list(range(100))
    assert [record["delivery"] for record in again[:10]] == [2] * 10, "that it failed once is known"


def test_a_daemon_whose_application_is_silent_stops_at_once(silent, kafka):
    for policy in ("pause", "leave"):
        if policy == "leave":
            daemon.config["consumers"]["c"]["app.idle.policy"] = policy
            daemon.start()
        else:
            daemon = silent(policy)
        eventually("it is silent", lambda: is_idle(daemon))
        started = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("policy", ["pause", "leave"])
def test_an_application_that_comes_back_at_any_moment_gets_each_record_once(silent, kafka, policy):
    total = 2000
    daemon = silent(policy, filled_with=total, app_idle_timeout_ms=1000)
    consumer = daemon.consumer()
    luck = random.Random(policy)
    read = []
    for _ in range(8):
        batch = consumer.fetch(wait_ms=10000, max_records=20)
        assert batch["batch_id"], batch
        assert consumer.ack(batch)["committed"]
        read += batch["records"]
        time.sleep(0.98 + luck.random() * 0.06)  # just before it is silent, in the middle of leaving, or after that
    read += collect(consumer, total - len(read))
    assert sorted(map(place, read)) == [(daemon.topic, p, offset) for p in range(2) for offset in range(total // 2)]
    assert sum(kafka.committed(daemon.group).values()) == total
    assert "idle" in events(daemon)
