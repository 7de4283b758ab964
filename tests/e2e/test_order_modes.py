"""How much of a partition may be worked on at once: order `partition`, `key` and `none` against a broker."""

import os
import random
import threading
import time

import pytest
from confluent_kafka import Producer
from support import records
from support.keyed import Judgement, KeyedWorkers, write_keyed
from support.waiting import eventually

MIB = 1 << 20


def settle(consumer, batch):
    assert batch["batch_id"], batch
    answer = consumer.ack(batch)
    assert answer["accepted"] == len(batch["records"]), answer
    return batch["records"]


def partition_state(daemon, number=0):
    return next(each for each in daemon.consumer().state()["partitions"] if each["partition"] == number)


# ----------------------------------------------------------------------------------------------------- key


def rounds(keys, count, seed=1):
    """Every key `count` times, in a new order in each round."""
    luck = random.Random(seed)
    keys = list(keys)
    for _ in range(count):
        luck.shuffle(keys)
        yield from keys


def run_beside(kafka, daemons, directory, topic, keys, each):
    """Fills a topic and works on it with 16 workers; key 0 takes 1 s a record.
    Returns (seconds until all others were settled, lines of the workers, how often key 0 was settled by then)."""
    partitions = 4
    directory.mkdir()
    kafka.create_topic(topic, partitions)
    total = write_keyed(kafka.bootstrap, topic, partitions, rounds(keys, each))
    daemon = daemons(kafka.bootstrap, {"c": {"group.id": topic, "topics": [topic], "order": "key"}})
    daemon.wait_assigned(partitions)
    workers = KeyedWorkers(directory, daemon.address, "c", 16, "hot", pace_s=0.05, hold_s=1.0, max_records=20)
    eventually(
        "all is settled and committed", lambda: sum(kafka.committed(topic).values()) == total, 90, interval_s=0.2
    )
    workers.stop()
    assert daemon.stop() == 0
    lines = workers.lines()
    begin = min(line["got"] for line in lines)
    acks = [
        (step["got"], line["records"][at][2]) for line in lines for step in line["steps"] for at in step["accepted"]
    ]
    others_done = max(got for got, key in acks if key != 0)
    hot_by_then = sum(1 for got, key in acks if key == 0 and got <= others_done)
    return others_done - begin, lines, hot_by_then


@pytest.mark.timeout(200)
def test_a_hot_key_of_1_s_a_record_does_not_hold_up_the_other_999(kafka, daemons, directory, unique, record_property):
    each = 21
    alone, _, _ = run_beside(kafka, daemons, directory / "control", unique + "-control", range(1, 1000), each)
    beside, lines, hot_by_then = run_beside(kafka, daemons, directory / "hot", unique, range(1000), each)
    record_property("others_alone_s", round(alone, 2))
    record_property("others_beside_s", round(beside, 2))
    print(f"999 keys: {alone:.2f} s without, {beside:.2f} s beside the hot key, which stood at {hot_by_then} of {each}")

    assert beside <= 1.5 * alone + 2
    assert hot_by_then < each - 1, "the hot key was done before the others: this shows nothing"
    found = Judgement(lines)
    assert len(found.accepted) == 1000 * each
    assert not found.two_of_a_key_in_a_batch
    assert not found.leased_at_once()
    assert not found.before_their_turn()
    assert found.redeliveries == 0
    hot = sorted((found.deliveries[place][0][0], n) for n, place in found.keys[0].items())
    assert [n for _, n in hot] == list(range(each))
    assert hot[-1][0] - hot[0][0] < each * 1.0 + 5, "a hot key goes on as soon as its last record is settled"


@pytest.mark.timeout(240)
def test_each_key_keeps_its_order_through_releases_expiries_and_a_rebalance(
    kafka, daemons, directory, unique, record_property
):
    partitions, keys, total = 8, 5000, 200_000
    kafka.create_topic(unique, partitions)
    luck = random.Random(7)
    # Every key has its share, in no order that a batch could follow.
    order = [key for key in range(keys) for _ in range(total // keys)]
    luck.shuffle(order)
    assert write_keyed(kafka.bootstrap, unique, partitions, order) == total
    consumer = {"group.id": unique, "topics": [unique], "order": "key", "session.timeout.ms": 6000}
    consumer |= {"heartbeat.interval.ms": 300, "redelivery.backoff.ms": 50, "redelivery.backoff.max.ms": 300}
    first = daemons(kafka.bootstrap, {"c": consumer})
    first.wait_assigned(partitions)

    started = time.monotonic()
    limits = {"max_records": 1000, "max_bytes": 4 * MIB, "pace_s": 0.05}
    here = KeyedWorkers(directory, first.address, "c", 4, "random", **limits)
    eventually("a fifth is settled", lambda: here.settled > total // 5, 60)
    second = daemons(kafka.bootstrap, {"c": consumer})
    there = KeyedWorkers(directory, second.address, "c", 4, "random", **limits)
    second.wait_assigned(partitions // 2)
    both_from = here.settled + there.settled
    eventually("both have done their part", lambda: there.settled + here.settled > total // 2, 60)
    leaves_at = here.settled + there.settled
    assert second.stop() in (0, 3)
    eventually("all is committed", lambda: sum(kafka.committed(unique).values()) == total, 120, interval_s=0.3)
    took = time.monotonic() - started
    here.stop()
    there.stop()

    assert leaves_at < total * 0.95, "there was no load left for the rebalance"
    found = Judgement(here.lines() + there.lines())
    record_property("records_per_second", round(total / took))
    print(
        f"{total} records in {took:.1f} s ({total / took:.0f}/s), {found.redeliveries} redeliveries, "
        f"two daemons from {both_from} to {leaves_at}"
    )
    assert len(found.deliveries) == total
    assert len(found.accepted) == total
    assert not found.two_of_a_key_in_a_batch
    assert not found.leased_at_once()[:5]
    assert not found.before_their_turn()[:5]
    assert not found.again_after_ack()[:5]
    assert found.redeliveries > 1000
    assert kafka.committed(unique) == {(unique, number): end for number, end in kafka.end_offsets(unique).items()}


@pytest.mark.budget
@pytest.mark.timeout(200)
@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_a_stuck_key_pins_only_its_own_records_in_memory(kafka, sluice, record_property, codec):
    total, every, budget = 100_000, 1000, 16 * MIB
    settings = {"session_timeout_ms": 2000, "heartbeat_interval_ms": 300}
    daemon = sluice(order="key", sections={"memory": {"budget": "16MiB"}}, **settings)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True, "compression.codec": codec})
    for number in range(total):
        key = b"stuck" if number % every == 0 else str(number).encode()
        producer.produce(daemon.topic, b"%d:" % number + os.urandom(512).hex().encode(), key=key, partition=0)
        producer.poll(0)
    assert producer.flush(60) == 0
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    stuck = consumer.fetch(max_records=1, wait_ms=15000, lease_ms=600_000)
    assert [record["offset"] for record in stuck["records"]] == [0]

    started = time.monotonic()
    settled = 0
    while settled < total - total // every:
        batch = consumer.fetch(max_records=1000, max_bytes=2 * MIB, wait_ms=10000)
        assert batch["batch_id"], (settled, batch, partition_state(daemon))
        settled += len(batch["records"])
        consumer.ack(batch, commit="async")
        assert daemon.metrics().one("sluice_memory_used_bytes") <= budget
    took = time.monotonic() - started
    record_property("records_per_second", round(settled / took))
    print(f"{settled} records in {took:.1f} s above a stuck one; peak charge {peak_mib(daemon):.1f} MiB")
    assert partition_state(daemon)["settled_ahead"] == settled
    assert consumer.call("POST", "/commit").status == 200

    # Neither does it for the next owner, who has to fetch all of this once more to get at the stuck ones.
    daemon.kill()
    daemon.start()
    consumer = daemon.consumer()
    stuck = consumer.fetch(max_records=1, wait_ms=20000, lease_ms=600_000)
    assert [record["offset"] for record in stuck["records"]] == [0]
    started = time.monotonic()
    records.write(kafka.bootstrap, daemon.topic, [b"new"], key=b"another")
    new = consumer.fetch(max_records=1000, wait_ms=20000)
    assert [record["offset"] for record in new["records"]] == [total], partition_state(daemon)
    took = time.monotonic() - started
    print(f"the next owner was through after {took:.1f} s; peak charge {peak_mib(daemon):.1f} MiB")
    assert peak_mib(daemon) * MIB <= budget
    settle(consumer, new)

    offsets = [0]
    consumer.ack(stuck)
    while len(offsets) < total // every:
        (record,) = settle(consumer, consumer.fetch(wait_ms=10000))
        offsets.append(record["offset"])
    assert offsets == list(range(0, total, every))
    assert kafka.committed(daemon.group) == {(daemon.topic, 0): total + 1}


def peak_mib(daemon):
    return daemon.metrics().one("sluice_memory_used_peak_bytes") / MIB


# ---------------------------------------------------------------------------------------------------- none


def test_without_order_16_workers_hold_leases_of_one_partition_at_once(kafka, sluice):
    total = 4000
    daemon = sluice(filled_with=total, order="none")
    daemon.wait_assigned(1)
    workers = [daemon.consumer() for _ in range(16)]
    held = [worker.fetch(max_records=50, wait_ms=15000, lease_ms=120_000) for worker in workers]

    assert len({batch["batch_id"] for batch in held}) == 16
    assert len(daemon.consumer().batches()["batches"]) == 16
    offsets = [record["offset"] for batch in held for record in batch["records"]]
    assert sorted(offsets) == list(range(16 * 50))

    # One record gets stuck; the rest goes on around it, out of order.
    stuck = held[3]["records"][17]["offset"]
    for worker, batch in reversed(list(zip(workers, held))):
        worker.ack(batch, accept=[at for at, record in enumerate(batch["records"]) if record["offset"] != stuck])
    settled = [offset for offset in offsets if offset != stuck]
    guard = threading.Lock()

    def work(worker):
        while True:
            batch = worker.fetch(max_records=100, wait_ms=1000)
            if batch["batch_id"] is None:
                return
            got = [record["offset"] for record in settle(worker, batch)]
            with guard:
                settled.extend(got)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(settled) == [offset for offset in range(total) if offset != stuck]
    assert kafka.committed(daemon.group) == {(daemon.topic, 0): stuck}
    state = partition_state(daemon)
    assert state["settled_ahead"] == total - stuck - 1
    assert state["committed"] == stuck
    assert workers[3].ack(held[3])["accepted"] == 1
    assert kafka.committed(daemon.group) == {(daemon.topic, 0): total}


def test_in_order_one_lease_holds_the_whole_partition(kafka, sluice):
    daemon = sluice(filled_with=100)
    daemon.wait_assigned(1)
    held = daemon.consumer().fetch(max_records=10, wait_ms=15000)
    second = daemon.consumer().fetch(max_records=10, wait_ms=500)
    assert second["batch_id"] is None and second["reason"] == "window_full", second
    assert partition_state(daemon)["blocked_by"]["code"] == "leased"
    settle(daemon.consumer(), held)
    assert [record["offset"] for record in daemon.consumer().fetch(max_records=5)["records"]] == list(range(10, 15))
