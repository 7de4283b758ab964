"""Acks above a gap outlive the process: they are kept in the metadata of the commit, for whoever comes next."""

import random
import time

import pytest
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import TopicPartition
from support import records
from support.daemon import collect
from support.kafka_cluster import KafkaCluster
from support.keyed import Judgement, KeyedWorkers, write_keyed
from support.members import fill
from support.records import place
from support.stored_offsets import stored
from support.waiting import eventually

MIB = 1 << 20
MARK = "sluice/1 "
SHORT = {"session_timeout_ms": 2000, "heartbeat_interval_ms": 300}


def next_daemon(kafka, daemons, before, name):
    """Another member of the group on another address, once the old one is gone for good."""
    settings = before.config["consumers"]["c"]
    daemon = daemons(kafka.bootstrap, {"c": settings}, name=name)
    daemon.topic, daemon.group = before.topic, before.group
    return daemon


def hold_all(daemon, total, order) -> list:
    """All records leased: in one batch where order wants that, else in several. [(batch, its records)]"""
    size = total if order == "partition" else 150
    held = []
    consumer = daemon.consumer()
    while sum(len(batch["records"]) for batch in held) < total:
        batch = consumer.fetch(
            max_records=size,
            max_bytes=-1,
            min_records=total if order == "partition" else 1,
            wait_ms=15000,
            lease_ms=600_000,
        )
        assert batch["batch_id"], batch
        held.append(batch)
    assert len(held) == 1 or order != "partition"
    return held


# --------------------------------------------------------------------------------------- after a kill -9


@pytest.mark.parametrize("order", ["partition", pytest.param("key", marks=pytest.mark.sanitizers), "none"])
def test_only_the_holes_come_again_after_kill_9(kafka, sluice, daemons, order):
    partitions, total, luck = 3, 1000, random.Random(11)
    daemon = sluice(partitions=partitions, filled_with=total, order=order, **SHORT)
    daemon.wait_assigned(partitions)
    held = hold_all(daemon, total, order)
    where = {place(record): batch for batch in held for record in batch["records"]}
    assert len(where) == total
    holes = set(luck.sample(sorted(where), 10))

    # In no order: single records and short ranges.
    consumer = daemon.consumer()
    left = [record for record in where if record not in holes]
    luck.shuffle(left)
    acked = set()
    for topic, number, offset in left:
        batch, last = where[(topic, number, offset)], offset
        while luck.random() < 0.7 and where.get((topic, number, last + 1)) is batch:
            if (topic, number, last + 1) in holes:
                break
            last += 1
        entry = {"topic": topic, "partition": number, "from": offset, "to": last}
        answer = consumer.ack(batch, accept=[entry], commit="async")
        new = {(topic, number, each) for each in range(offset, last + 1)} - acked
        assert answer["accepted"] == len(new), answer
        acked |= new
    assert len(acked) == total - 10
    eventually("the acks are committed", lambda: consumer.ack(held[0], accept=[], default="keep")["committed"])
    texts = stored(kafka, daemon.group, daemon.topic, partitions)
    assert all(text.startswith(MARK) for number, (_, text) in texts.items() if any(hole[1] == number for hole in holes))

    daemon.kill()
    following = next_daemon(kafka, daemons, daemon, "next")
    again = collect(following.consumer(), len(holes), max_records=500)

    assert sorted(place(record) for record in again) == sorted(holes)
    assert {record["delivery"] for record in again} <= {1, 2}
    assert following.consumer().fetch(wait_ms=500)["batch_id"] is None
    ends = kafka.end_offsets(daemon.topic)
    assert stored(kafka, daemon.group, daemon.topic, partitions) == {number: (end, "") for number, end in ends.items()}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("order", ["key", "none"])
def test_kill_9_under_load_loses_nothing_and_repeats_no_answered_ack(kafka, sluice, directory, order, record_property):
    partitions, total, luck = 4, 60_000, random.Random(5)
    daemon = sluice(partitions=partitions, order=order, session_timeout_ms=1500, heartbeat_interval_ms=300)
    keys = [key for key in range(2000) for _ in range(total // 2000)]
    luck.shuffle(keys)
    assert write_keyed(kafka.bootstrap, daemon.topic, partitions, keys) == total
    workers = KeyedWorkers(directory, daemon.address, "c", 6, "pieces", max_records=150)
    for _ in range(3):
        target = workers.settled + 6000
        eventually("some more work is done", lambda: workers.settled >= target, 60, interval_s=0.01)
        time.sleep(luck.random() / 10)
        daemon.kill()
        daemon.start()
    eventually(
        "everything is committed", lambda: sum(kafka.committed(daemon.group).values()) == total, 120, interval_s=0.3
    )
    workers.stop()

    found = Judgement(workers.lines())
    record_property("redeliveries", found.redeliveries)
    print(f"order {order}: {found.redeliveries} of {total} records came again after 3 kills")
    assert len(found.deliveries) == total
    assert not found.again_after_ack()[:5]
    if order == "key":
        assert not found.two_of_a_key_in_a_batch
        assert not found.before_their_turn()[:5]


def test_a_stop_with_holes_leaves_only_the_holes(kafka, sluice):
    daemon = sluice(partitions=2, filled_with=1000, order="none", sections={"shutdown": {"drain.timeout.ms": "500ms"}})
    daemon.wait_assigned(2)
    consumer = daemon.consumer()
    batch = consumer.fetch(max_records=1000, max_bytes=-1, min_records=1000, wait_ms=15000, lease_ms=600_000)
    holes = set(random.Random(2).sample(range(1000), 20))
    consumer.ack(batch, accept=[at for at in range(1000) if at not in holes], commit="async")

    assert daemon.stop() == 3, "something was left un-acked"
    daemon.start()
    again = collect(daemon.consumer(), 20)

    assert {place(record) for record in again} == {place(batch["records"][at]) for at in holes}
    assert sum(kafka.committed(daemon.group).values()) == 1000


# ------------------------------------------------------------------------------------------- the text


@pytest.mark.sanitizers
def test_the_text_is_there_while_there_are_gaps_and_gone_without(kafka, sluice):
    daemon = sluice(filled_with=100, order="none")
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    batch = consumer.fetch(max_records=100, min_records=100, wait_ms=15000)
    consumer.ack(batch, accept=list(range(10)))
    assert stored(kafka, daemon.group, daemon.topic) == {0: (10, "")}

    consumer.ack(batch, accept=list(range(20, 30)))
    offset, text = stored(kafka, daemon.group, daemon.topic)[0]
    assert offset == 10 and text.startswith(MARK), text

    consumer.ack(batch)
    assert stored(kafka, daemon.group, daemon.topic) == {0: (100, "")}


@pytest.mark.timeout(120)
def test_the_text_stays_within_what_a_broker_takes(kafka, sluice, record_property):
    total = 50_000
    daemon = sluice(filled_with=total, order="none")
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    held, longest, records_held = [], 0, 0
    while records_held < total:
        batch = consumer.fetch(max_records=1000, wait_ms=2000, lease_ms=600_000)
        if batch["batch_id"] is None:
            assert batch["reason"] == "window_full", batch
            break
        held.append(batch)
        records_held += len(batch["records"])
        consumer.ack(batch, accept=list(range(0, len(batch["records"]), 2))[1:])
        longest = max(longest, len(stored(kafka, daemon.group, daemon.topic)[0][1]))
    record_property("records_in_flight", records_held)
    print(f"{records_held} records in flight, every second one acked; the longest text has {longest} bytes")
    assert records_held > 20_000
    assert 1000 < longest <= 4096
    if records_held < total:
        state = consumer.state()["partitions"][0]
        assert state["blocked_by"]["code"] == "span_full", state["blocked_by"]

    # Nothing is stuck for good: what is acked at the bottom makes room at the top.
    offsets = {record["offset"] for batch in held for record in batch["records"]}
    for batch in held:
        consumer.ack(batch)
    offsets |= {record["offset"] for record in collect(consumer, total - records_held, max_records=2000)}
    assert offsets == set(range(total))
    assert stored(kafka, daemon.group, daemon.topic) == {0: (total, "")}


def test_a_text_that_somebody_else_wrote_stays(kafka, sluice, daemons):
    daemon = sluice(filled_with=100, order="none")
    daemon.wait_assigned(1)
    assert daemon.stop() == 0
    other = KafkaConsumer({"bootstrap.servers": kafka.bootstrap, "group.id": daemon.group, "enable.auto.commit": False})
    other.commit(offsets=[TopicPartition(daemon.topic, 0, 5, metadata="mine")], asynchronous=False)
    other.close()
    (offset, theirs) = stored(kafka, daemon.group, daemon.topic)[0]
    assert offset == 5 and theirs.startswith("mine"), theirs  # librdkafka sends what ends a string in C, too

    daemon.start()
    consumer = daemon.consumer()
    batch = consumer.fetch(max_records=50, min_records=50, wait_ms=15000)
    assert [record["offset"] for record in batch["records"]] == list(range(5, 55))
    assert consumer.state()["partitions"][0]["foreign_metadata"] is True
    consumer.ack(batch, accept=list(range(10)) + list(range(20, 30)))
    assert stored(kafka, daemon.group, daemon.topic) == {0: (15, theirs)}
    consumer.ack(batch)
    collect(consumer, 45)
    assert stored(kafka, daemon.group, daemon.topic) == {0: (100, theirs)}


@pytest.fixture
def narrow_kafka(directory):
    """A broker that takes less metadata than brokers do by default."""
    cluster = KafkaCluster(directory / "kafka", offset__metadata__max__bytes=100)
    cluster.start()
    yield cluster
    cluster.kill()


def test_a_broker_that_takes_little_metadata_gets_its_commits(narrow_kafka, daemons, unique):
    narrow_kafka.create_topic(unique, 1)
    fill(narrow_kafka.bootstrap, unique, 1, 5000)
    daemon = daemons(narrow_kafka.bootstrap, {"c": {"group.id": unique, "topics": [unique], "order": "none"}})
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    held = consumer.fetch(max_records=2000, max_bytes=-1, min_records=2000, wait_ms=15000, lease_ms=600_000)
    assert len(held["records"]) == 2000

    for step in range(8):
        answer = consumer.ack(held, accept=list(range(10 + step, 2000, 17)))
        assert answer["committed"] is True
        offset, text = stored(narrow_kafka, unique, unique)[0]
        assert offset == 0 and len(text) <= 100
    assert consumer.ack(held, accept=list(range(10)))["committed"] is True
    assert stored(narrow_kafka, unique, unique)[0][0] == 18
    consumer.ack(held)
    collect(consumer, 3000, max_records=1000)

    assert stored(narrow_kafka, unique, unique) == {0: (5000, "")}


# ---------------------------------------------------------------------------------------- failed counts


@pytest.mark.parametrize("order", ["partition", pytest.param("key", marks=pytest.mark.sanitizers), "none"])
def test_how_often_a_record_has_failed_outlives_kill_9(kafka, sluice, daemons, unique, order):
    letters = kafka.create_topic(unique + "-dead", 1)
    daemon = sluice(order=order, max_deliveries=5, dead_letter_topic=letters, redelivery_backoff_ms=50, **SHORT)
    records.write(kafka.bootstrap, daemon.topic, [b"bad", b"good"], key=b"k")
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    for nth in (1, 2):
        batch = consumer.fetch(max_records=1, wait_ms=15000)
        assert [(record["offset"], record["delivery"]) for record in batch["records"]] == [(0, nth)]
        answer = consumer.ack(batch, release=[0], delay_ms=0)
        assert (answer["released"], answer["committed"]) == (1, True), answer

    daemon.kill()  # at once: the answer has said that it is committed
    following = next_daemon(kafka, daemons, daemon, "next")

    batch = following.consumer().fetch(max_records=1, wait_ms=20000)
    assert [(record["offset"], record["delivery"], record["final"]) for record in batch["records"]] == [(0, 3, False)]


def test_a_release_of_a_whole_batch_is_counted_soon_after(kafka, sluice, daemons):
    daemon = sluice(filled_with=10, **SHORT)
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    before = ""
    for _ in (1, 2):
        assert consumer.release(consumer.fetch(max_records=1, wait_ms=15000), delay_ms=0)["released"] == 1
        before = eventually("another text is there", lambda: text_unlike(before, kafka, daemon))

    daemon.kill()
    following = next_daemon(kafka, daemons, daemon, "next")

    seen = collect(following.consumer(), 10)
    assert {record["offset"]: record["delivery"] for record in seen} == {0: 3} | {n: 1 for n in range(1, 10)}


def text_unlike(before, kafka, daemon):
    text = stored(kafka, daemon.group, daemon.topic).get(0, (0, ""))[1]
    return text if text not in ("", before) else None
