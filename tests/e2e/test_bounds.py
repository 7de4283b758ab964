"""max_records, max_bytes, wait_ms and min_records hold exactly."""

import statistics
import threading
import time

import pytest
from support import records
from support.daemon import collect
from support.members import fill

KIB = 1024
MIB = 1024 * KIB


def payload(batch):
    """Key and value bytes of a batch: what max_bytes bounds."""
    return sum(
        len(records.field(record, "key") or b"") + len(records.field(record, "value") or b"") for record in batch["records"]
    )


@pytest.mark.sanitizers
@pytest.mark.parametrize("max_records", [1, 7, 500, 2500])
def test_max_records(kafka, sluice, max_records):
    daemon = sluice(partitions=1)
    fill(kafka.bootstrap, daemon.topic, 1, 5000)
    consumer = daemon.consumer()
    collect(consumer, 1, max_records=1)

    batch = consumer.fetch(max_records=max_records, max_bytes=-1, wait_ms=20000, min_records=max_records)

    assert len(batch["records"]) == max_records
    assert batch["truncated_by"] == "max_records"
    assert [record["offset"] for record in batch["records"]] == list(range(1, max_records + 1))


@pytest.mark.sanitizers
def test_default_max_records_comes_from_the_configuration(kafka, sluice):
    daemon = sluice(partitions=1, max_poll_records=123)
    fill(kafka.bootstrap, daemon.topic, 1, 1000)

    assert len(daemon.consumer().fetch(wait_ms=20000, min_records=123)["records"]) == 123


@pytest.mark.parametrize("max_bytes", [2_000, 10_000, 100_000, 1_000_000])
def test_max_bytes(kafka, sluice, max_bytes):
    daemon = sluice(partitions=3)
    fill(kafka.bootstrap, daemon.topic, 3, 6000, size=900)
    consumer = daemon.consumer()

    for _ in range(5):
        batch = consumer.fetch(max_records=10_000, max_bytes=max_bytes, wait_ms=10000)
        assert 0 < payload(batch) <= max_bytes
        consumer.ack(batch)


@pytest.mark.parametrize("size", [5 * MIB, 1_500_000])
def test_a_record_larger_than_max_bytes_comes_alone(kafka, sluice, size):
    daemon = sluice(partitions=1, topic_config={"max_message_bytes": 8 * MIB})
    small, large = b"s" * 100, bytes(range(256)) * (size // 256)
    records.write(kafka.bootstrap, daemon.topic, [small, large, small])
    consumer = daemon.consumer()

    read = []
    sizes = []
    while len(read) < 3:
        batch = consumer.fetch(max_bytes=1 * MIB, wait_ms=20000)
        sizes.append([len(records.field(record, "value")) for record in batch["records"]])
        read += [records.field(record, "value") for record in batch["records"]]
        consumer.ack(batch)

    assert read == [small, large, small]
    assert [len(large)] in sizes, sizes


@pytest.mark.sanitizers
@pytest.mark.parametrize("wait_ms", [0, 300, 2000])
def test_an_empty_topic_answers_after_wait_ms_and_not_earlier(sluice, wait_ms):
    daemon = sluice(partitions=2)
    daemon.wait_assigned(2)
    consumer = daemon.consumer()
    consumer.fetch(wait_ms=0)

    started = time.monotonic()
    batch = consumer.fetch(wait_ms=wait_ms)
    took_ms = (time.monotonic() - started) * 1000

    assert batch["batch_id"] is None and batch["records"] == [] and batch["reason"] == "timeout"
    assert wait_ms - 1 <= took_ms <= wait_ms + 250


@pytest.mark.sanitizers
def test_a_fetch_does_not_wait_to_fill_up(kafka, sluice):
    daemon = sluice(partitions=1)
    records.write(kafka.bootstrap, daemon.topic, [b"one", b"two"])
    consumer = daemon.consumer()
    collect(consumer, 2)
    records.write(kafka.bootstrap, daemon.topic, [b"three"])

    started = time.monotonic()
    batch = consumer.fetch(max_records=500, wait_ms=10000)

    assert len(batch["records"]) == 1
    assert time.monotonic() - started < 2


def test_min_records_waits_but_never_longer_than_wait_ms(kafka, sluice):
    daemon = sluice(partitions=1)
    daemon.wait_assigned(1)
    records.write(kafka.bootstrap, daemon.topic, [b"one", b"two"])
    consumer = daemon.consumer()

    started = time.monotonic()
    batch = consumer.fetch(min_records=3, wait_ms=1500)
    took_ms = (time.monotonic() - started) * 1000

    assert len(batch["records"]) == 2
    assert 1499 <= took_ms <= 1750


def test_min_records_is_answered_as_soon_as_they_are_there(kafka, sluice):
    daemon = sluice(partitions=1)
    daemon.wait_assigned(1)
    records.write(kafka.bootstrap, daemon.topic, [b"one", b"two"])
    later = threading.Timer(1.0, records.write, (kafka.bootstrap, daemon.topic, [b"three"]))
    later.start()

    started = time.monotonic()
    batch = daemon.consumer().fetch(min_records=3, wait_ms=20000)
    took = time.monotonic() - started
    later.join()

    assert len(batch["records"]) == 3
    assert took < 5


def test_a_record_that_arrives_during_the_wait_wakes_it_at_once(kafka, sluice, record_property):
    daemon = sluice(partitions=1)
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    producer = records.Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 0})
    producer.produce(daemon.topic, b"warm up")
    producer.flush(10)
    collect(consumer, 1)

    delays = []
    for _ in range(30):
        arrived = []
        waiting = threading.Thread(target=lambda: arrived.append((consumer.fetch(wait_ms=20000), time.monotonic())))
        waiting.start()
        time.sleep(0.05)  # the fetch is under way; one that is not only makes the delay look shorter
        produced = time.monotonic()
        producer.produce(daemon.topic, b"wake up")
        producer.flush(10)
        waiting.join(30)
        batch, at = arrived[0]
        assert len(batch["records"]) == 1
        delays.append((at - produced) * 1000)
        consumer.ack(batch)

    median = statistics.median(delays)
    record_property("median_wake_up_ms", round(median, 2))
    print(f"produce to answer: median {median:.2f} ms, longest {max(delays):.2f} ms")
    assert median < 100
