"""What was produced comes out byte for byte: every codec, by the Java producer and by librdkafka."""

import zlib

import pytest
from support import records
from support.daemon import collect

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
PRODUCERS = {"java": records.produce_with_java, "librdkafka": records.produce_with_librdkafka}
BASE64 = {"key": "base64", "value": "base64", "headers": "base64"}

pytestmark = pytest.mark.sanitizers


def as_written(record):
    return {
        "partition": record["partition"],
        "offset": record["offset"],
        "timestamp": record["timestamp"],
        "key": record["key"],
        "value": record["value"],
        "headers": record["headers"],
    }


def as_read(record):
    return {
        "partition": record["partition"],
        "offset": record["offset"],
        "timestamp": record["timestamp"],
        "key": records.field(record, "key"),
        "value": records.field(record, "value"),
        "headers": records.headers(record),
    }


def in_order(found):
    return sorted(found, key=lambda record: (record["partition"], record["offset"]))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("producer", PRODUCERS)
def test_byte_exact(kafka, sluice, producer, codec):
    daemon = sluice(partitions=3)
    written = records.sample(400, 3, seed=zlib.crc32(f"{producer}-{codec}".encode()))
    PRODUCERS[producer](kafka.bootstrap, daemon.topic, codec, written)

    read = collect(daemon.consumer(), len(written))

    assert in_order(map(as_read, read)) == in_order(map(as_written, written))
    assert {record["topic"] for record in read} == {daemon.topic}
    assert all(record["delivery"] == 1 for record in read)


def test_byte_exact_in_base64(kafka, sluice):
    daemon = sluice(partitions=3)
    written = records.sample(300, 3, seed=7)
    records.produce_with_java(kafka.bootstrap, daemon.topic, "zstd", written)

    read = collect(daemon.consumer(), len(written), encoding=BASE64)

    assert in_order(map(as_read, read)) == in_order(map(as_written, written))
    assert all(record["value_encoding"] == "base64" for record in read if record["value"] is not None)


def test_large_batches_of_each_codec_in_one_partition(kafka, sluice):
    """Batches of all codecs follow each other in one log, as after a producer's configuration change."""
    daemon = sluice(partitions=1)
    written = []
    for number, codec in enumerate(CODECS):
        part = records.sample(200, 1, seed=100 + number)
        records.produce_with_java(kafka.bootstrap, daemon.topic, codec, part)
        written += part

    read = collect(daemon.consumer(), len(written), max_records=150)

    assert [as_read(record) for record in read] == [as_written(record) for record in written]


def test_timestamp_type_tells_who_set_the_time(kafka, sluice):
    daemon = sluice(partitions=1, topic_config={"message_timestamp_type": "LogAppendTime"})
    records.write(kafka.bootstrap, daemon.topic, [b"x"])

    (record,) = collect(daemon.consumer(), 1)

    assert record["timestamp_type"] == "log_append"
    assert record["timestamp"] > 1_600_000_000_000
