"""Data that cannot be read: one visible record for what is broken for good, a visible wait for what may be read well the
next time, and neighbours that do not notice."""

import base64
import gzip
import struct
import time

import pytest
from support import raw_batches
from support.daemon import collect
from support.kafka_cluster import KafkaCluster
from support.kafka_proxy import KafkaProxy
from support.letters import letters
from support.ports import free_port
from support.records import field, write
from support.waiting import eventually

MARKER = b"this one is broken on its way"
OVERSIZED = 129 << 20


@pytest.fixture(scope="module")
def proxied_kafka(tmp_path_factory):
    """A broker whose clients all come through a proxy."""
    port = free_port()
    cluster = KafkaCluster(
        tmp_path_factory.mktemp("kafka"), advertised__listeners=f"PLAINTEXT://127.0.0.1:{port}"
    )
    cluster.proxy = KafkaProxy(cluster.port, port)
    cluster.start()
    yield cluster
    cluster.proxy.close()
    cluster.kill()


@pytest.fixture
def proxied(proxied_kafka, daemons, unique):
    """Makes a daemon whose topic holds in partition 0 five batches of one record, of which the third is tampered with
    on its way: proxied(tamper, times, **settings). Partition 1 holds 20 records."""

    def make(tamper, times=None, **settings):
        kafka = proxied_kafka
        kafka.create_topic(unique, 2)
        for value in (b"0", b"1", MARKER, b"3", b"4"):
            write(kafka.bootstrap, unique, [value])
        write(kafka.bootstrap, unique, [b"%d" % n for n in range(20)], partition=1)
        tampered = []

        def change(frame):
            place = raw_batches.find_batch(frame, 2, MARKER)
            if place is None or (times is not None and len(tampered) >= times):
                return None
            begin, end = place
            tampered.append(time.monotonic())
            return frame[:begin] + tamper(frame[begin:end]) + frame[end:]

        kafka.proxy.tamper = change
        consumer = {"group.id": unique, "topics": [unique], **{k.replace("_", "."): v for k, v in settings.items()}}
        daemon = daemons(f"127.0.0.1:{kafka.proxy.port}", {"c": consumer})
        daemon.topic = daemon.group = unique
        daemon.tampered = tampered
        return daemon

    yield make
    proxied_kafka.proxy.tamper = lambda frame: None


def undecodable(whole: bytes) -> bytes:
    """Says that it is compressed, and is not. The checksum is right."""
    attributes = struct.pack(">h", raw_batches.ZSTD)
    at = raw_batches.ATTRIBUTES_AT
    return raw_batches.with_right_checksum(whole[:at] + attributes + whole[at + 2 :])


def corrupt(whole: bytes) -> bytes:
    """Other bytes than those that the checksum was made of."""
    return whole.replace(MARKER, MARKER[::-1])


def values(records):
    return [field(record, "value") for record in records]


def of_partition(records, number):
    return [record for record in records if record["partition"] == number]


def state_of(daemon, partition=0):
    found = daemon.consumer().state()["partitions"]
    return next(each for each in found if each["partition"] == partition)


# ------------------------------------------------------------------------------------ what a broker lets through


@pytest.fixture
def raw(kafka, sluice, unique):
    """Makes a daemon whose topic holds the good record "first", what is given, and the good record "last"."""

    def make(whole, **settings):
        dead = kafka.create_topic(f"{unique}-dead", 1, max_message_bytes=16 << 20)
        daemon = sluice(dead_letter_topic=dead, **settings)
        daemon.dead = dead
        write(kafka.bootstrap, unique, [b"first"])
        error, offset = raw_batches.produce(kafka.bootstrap, unique, 0, whole)
        assert (error, offset) == (0, 1), f"the broker refuses it: {error}"
        write(kafka.bootstrap, unique, [b"last"])
        return daemon

    return make


# A broker reads the records of a compressed batch field by field and does not look whether their lengths are right.


def lying_records():
    """Five records; the third says that it reaches into the fourth, whose rest looks like one again. So it is only
    found out when it is read."""
    good = [raw_batches.record(n, b"good %d" % n) for n in range(5)]
    rest = raw_batches.varint(3) + b"xx"  # and the empty headers
    good[3] = raw_batches.record(3, b"swallowed" + rest)
    good[2] = raw_batches.record(2, b"good 2", length_is_wrong_by=len(good[3]) - len(rest) - 1)
    return good


def a_batch_of_lies():
    """Three records that all say that they are longer than they are."""
    records = [raw_batches.record(n, b"x", length_is_wrong_by=1) for n in range(3)]
    return raw_batches.batch(records, raw_batches.GZIP)


@pytest.mark.sanitizers
@pytest.mark.parametrize("order", ["partition", "key", "none"])
def test_a_malformed_record_ends_what_can_be_read_of_its_batch(kafka, raw, order):
    records = lying_records()
    daemon = raw(raw_batches.batch(records, raw_batches.GZIP), order=order)
    got = collect(daemon.consumer(), 5, timeout_s=15)
    assert values(got) == [b"first", b"good 0", b"good 1", b"".join(records[2:]), b"last"]
    assert [record["offset"] for record in got] == [0, 1, 2, 3, 6]
    broken = got[3]
    assert broken["error"]["code"] == "undecodable" and broken["error"]["last_offset"] == 5
    assert broken["value_encoding"] == "base64" and broken["key"] is None and broken["headers"] == []
    assert not any("error" in record for record in got if record is not broken)
    eventually("everything is committed", lambda: kafka.committed(daemon.group) == {(daemon.topic, 0): 7}, 10)
    assert daemon.metrics().one("sluice_undecodable_batches_total") == 1


@pytest.mark.parametrize("order", ["partition", "key", "none"])
def test_what_cannot_be_read_can_be_rejected_and_is_kept_as_it_is(kafka, raw, order):
    whole = a_batch_of_lies()
    daemon = raw(whole, order=order)
    consumer = daemon.consumer()
    batch = consumer.fetch(wait_ms=10000, min_records=3)
    assert [record["offset"] for record in batch["records"]] == [0, 1, 4]
    broken = batch["records"][1]
    assert broken["error"]["code"] == "undecodable" and broken["error"]["last_offset"] == 3
    assert field(broken, "value")[raw_batches.HEADER_SIZE :] == whole[raw_batches.HEADER_SIZE :]
    answer = consumer.ack(batch, reject=[{"index": 1, "reason": "unreadable"}], default="accept")
    assert (answer["accepted"], answer["rejected"]) == (2, 1)
    eventually("everything is committed", lambda: kafka.committed(daemon.group) == {(daemon.topic, 0): 5}, 10)
    (letter,) = letters(kafka, daemon.dead)
    assert letter.key is None and letter.value == field(broken, "value")
    assert letter.origin["offset"] == "1" and letter.origin["last-offset"] == "3"
    assert letter.origin["cause"] == "undecodable" and letter.origin["reason"] == "unreadable"


def test_what_cannot_be_read_fails_like_any_record_and_ends_in_the_dead_letter_topic(kafka, raw):
    records = lying_records()
    daemon = raw(raw_batches.batch(records, raw_batches.GZIP), max_deliveries=3, redelivery_backoff_ms=10)
    consumer = daemon.consumer()
    seen, done = [], []
    while len(done) < 4:
        batch = consumer.fetch(wait_ms=5000)
        assert batch["batch_id"], batch
        broken = [record for record in batch["records"] if "error" in record]
        seen += [record["delivery"] for record in broken]
        if broken:
            consumer.release(batch)
        else:
            done += values(batch["records"])
            consumer.ack(batch)
    assert seen == [1, 2, 3] and done == [b"first", b"good 0", b"good 1", b"last"]
    (letter,) = letters(kafka, daemon.dead)
    assert letter.value == b"".join(records[2:]) and letter.origin["deliveries"] == "3"


def test_a_restart_in_the_middle_of_a_broken_batch_goes_on_there(kafka, raw):
    daemon = raw(raw_batches.batch(lying_records(), raw_batches.GZIP))
    consumer = daemon.consumer()
    batch = consumer.fetch(wait_ms=10000, min_records=5)
    consumer.ack(batch, accept=[0, 1, 2])
    consumer.release(batch)
    assert daemon.stop() == 0
    assert kafka.committed(daemon.group) == {(daemon.topic, 0): 3}
    daemon.start()
    again = collect(daemon.consumer(), 2)
    seen = [(record["offset"], record["delivery"], "error" in record) for record in again]
    assert seen == [(3, 2, True), (6, 2, False)]
    assert kafka.committed(daemon.group) == {(daemon.topic, 0): 7}


@pytest.mark.budget
def test_a_batch_that_grows_beyond_all_bounds_is_one_record_that_says_so(kafka, raw):
    whole = raw_batches.batch([raw_batches.record(0, bytes(OVERSIZED))], raw_batches.GZIP)
    daemon = raw(whole)
    consumer = daemon.consumer()
    got = []
    while len(got) < 3:
        batch = consumer.fetch(wait_ms=20000)
        assert batch["batch_id"], batch
        got += batch["records"]
        broken = [n for n, record in enumerate(batch["records"]) if "error" in record]
        consumer.ack(batch, reject=[{"index": n, "reason": "too large"} for n in broken], default="accept")
    assert [record.get("error", {}).get("code") for record in got] == [None, "oversized", None]
    assert len(gzip.decompress(field(got[1], "value")[raw_batches.HEADER_SIZE :])) > OVERSIZED
    eventually("everything is committed", lambda: kafka.committed(daemon.group) == {(daemon.topic, 0): 3}, 20)
    (letter,) = letters(kafka, daemon.dead)
    assert letter.value == field(got[1], "value") and letter.origin["cause"] == "oversized"


# ------------------------------------------------------------------------------------ what a broker would refuse


def test_a_batch_that_cannot_be_decompressed_is_one_record(proxied_kafka, proxied):
    daemon = proxied(undecodable)
    got = collect(daemon.consumer(), 25)
    assert [record["offset"] for record in of_partition(got, 0)] == [0, 1, 2, 3, 4]
    broken = of_partition(got, 0)[2]
    assert broken["error"]["code"] == "undecodable" and broken["error"]["last_offset"] == 2
    assert broken["error"]["message"]
    whole = base64.b64decode(broken["value"])
    assert broken["value_encoding"] == "base64" and MARKER in whole
    assert values(of_partition(got, 0)[3:]) == [b"3", b"4"]
    assert values(of_partition(got, 1)) == [b"%d" % n for n in range(20)]
    eventually("all is committed", lambda: sum(proxied_kafka.committed(daemon.group).values()) == 25, 10)


def test_a_batch_that_cannot_be_decompressed_is_rejected_with_all_its_bytes(proxied_kafka, proxied, unique):
    dead = proxied_kafka.create_topic(f"{unique}-dead")
    daemon = proxied(undecodable, dead_letter_topic=dead)
    consumer = daemon.consumer()
    raw_bytes = None
    for _ in range(10):
        batch = consumer.fetch(wait_ms=2000)
        if batch["batch_id"] is None:
            break
        broken = [n for n, record in enumerate(batch["records"]) if "error" in record]
        raw_bytes = raw_bytes or (field(batch["records"][broken[0]], "value") if broken else None)
        consumer.ack(batch, reject=[{"index": n} for n in broken], default="accept")
    eventually("all is committed", lambda: sum(proxied_kafka.committed(daemon.group).values()) == 25, 10)
    (letter,) = letters(proxied_kafka, dead)
    assert letter.value == raw_bytes and letter.place == (daemon.topic, 0, 2)
    assert "decompress" in letter.origin["reason"] or "zstd" in letter.origin["reason"], letter.origin


@pytest.mark.sanitizers
def test_a_wrong_checksum_is_fetched_again_and_never_delivered_wrong(proxied_kafka, proxied):
    daemon = proxied(corrupt, times=2)
    got = collect(daemon.consumer(), 25)
    assert values(of_partition(got, 0)) == [b"0", b"1", MARKER, b"3", b"4"]
    assert [record["offset"] for record in of_partition(got, 0)] == [0, 1, 2, 3, 4]
    assert not any("error" in record for record in got)
    assert len(daemon.tampered) == 2 and daemon.metrics().sum("sluice_corrupt_batches_total") == 2
    eventually("all is committed", lambda: sum(proxied_kafka.committed(daemon.group).values()) == 25, 10)
    assert state_of(daemon)["blocked_by"] is None


def test_a_checksum_that_stays_wrong_blocks_its_partition_until_somebody_seeks_past_it(proxied_kafka, proxied):
    daemon = proxied(corrupt)
    got = collect(daemon.consumer(), 22)
    assert values(of_partition(got, 0)) == [b"0", b"1"]
    assert len(of_partition(got, 1)) == 20
    write(proxied_kafka.bootstrap, daemon.topic, [b"more"] * 5, partition=1)
    assert {record["partition"] for record in collect(daemon.consumer(), 5)} == {1}
    assert daemon.consumer().fetch(wait_ms=1500)["batch_id"] is None
    blocked = state_of(daemon)["blocked_by"]
    assert blocked["code"] == "corrupt" and "offset 2" in blocked["text"] and "CRC" in blocked["text"]
    assert proxied_kafka.committed(daemon.group)[(daemon.topic, 0)] == 2
    waits = [after - before for before, after in zip(daemon.tampered, daemon.tampered[1:])]
    assert waits and min(waits) > 0.5, f"it asks again and again, but in no hurry: {waits}"

    seek = {"to": {"offset": 3}, "partitions": [{"topic": daemon.topic, "partition": 0}]}
    assert daemon.consumer().call("POST", "/seek", seek).status == 200
    assert values(collect(daemon.consumer(), 2)) == [b"3", b"4"]
    assert state_of(daemon)["blocked_by"] is None
    eventually("all is committed", lambda: sum(proxied_kafka.committed(daemon.group).values()) == 30, 10)
