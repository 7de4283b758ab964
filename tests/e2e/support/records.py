"""Records to write and to compare: byte-exact, whatever JSON made of them on the way."""

import base64
import json
import random

from confluent_kafka import Producer

from .members import run_java


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def field(record: dict, name: str):
    """The bytes of a record's key or value, by the encoding that the record names."""
    return _bytes(record[name], record.get(f"{name}_encoding", "string"))


def headers(record: dict) -> list:
    """[(name, bytes or None)] in order, repeats kept."""
    return [(header["name"], _bytes(header["value"], header.get("encoding", "string"))) for header in record["headers"]]


def _bytes(value, encoding):
    if value is None:
        return None
    if encoding == "string":
        return value.encode()
    if encoding == "base64":
        return base64.b64decode(value, validate=True)
    if encoding == "json":
        return json.dumps(value).encode()
    raise AssertionError(f"an unknown encoding: {encoding}")


def place(record: dict):
    return record["topic"], record["partition"], record["offset"]


def sample(count: int, partitions: int, seed: int) -> list:
    """Records of every awkward kind: {partition, timestamp, key, value, headers}."""
    luck = random.Random(seed)
    odd = [None, b"", b"plain", "grün ☃ 𝄞".encode(), b"\x00\x01\xff\xfe", b'{"a": [1, "\\u00e9"]}', b"\xc3\x28", b"\n\r\t\"\\"]

    def some_bytes(longest):
        if luck.random() < 0.6:
            return luck.choice(odd)
        return luck.randbytes(luck.randrange(longest))

    def some_headers():
        names = ["trace", "trace", "ünïcode", "", "x-empty", "x-null"]
        return [(luck.choice(names), luck.choice(odd)) for _ in range(luck.choice([0, 0, 1, 3, 7]))]

    return [
        {
            "partition": luck.randrange(partitions),
            "timestamp": luck.choice([1, 999, 1_600_000_000_000, 1_700_000_000_000 + number]),
            "key": some_bytes(40),
            "value": some_bytes(3000),
            "headers": some_headers(),
        }
        for number in range(count)
    ]


def produce_with_java(bootstrap: str, topic: str, codec: str, records: list):
    """Writes the records by the Java producer; sets "offset" in each."""
    lines = [
        json.dumps(
            {
                "partition": record["partition"],
                "timestamp": record["timestamp"],
                "key": encode(record["key"]),
                "value": encode(record["value"]),
                "headers": [[name, encode(value)] for name, value in record["headers"]],
            }
        )
        for record in records
    ]
    sent = run_java(
        "Produce", "--bootstrap", bootstrap, "--topic", topic, "--codec", codec, stdin="\n".join(lines) + "\n"
    )
    assert len(sent) == len(records)
    for record, answer in zip(records, sent):
        record["offset"] = answer["offset"]


def produce_with_librdkafka(bootstrap: str, topic: str, codec: str, records: list):
    """Writes the records by librdkafka; sets "offset" in each."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.codec": codec,
            "linger.ms": 50,
            "message.max.bytes": 16 * 1024 * 1024,
            "enable.idempotence": True,
        }
    )

    def delivered(record):
        def callback(error, message):
            record["offset"] = None if error else message.offset()

        return callback

    for record in records:
        producer.produce(
            topic,
            partition=record["partition"],
            timestamp=record["timestamp"],
            key=record["key"],
            value=record["value"],
            headers=record["headers"],
            on_delivery=delivered(record),
        )
    assert producer.flush(60) == 0
    assert all(record.get("offset") is not None for record in records)


def write(bootstrap: str, topic: str, values, partition=0, key=None):
    """Writes values (bytes) to one partition and waits until the broker has them."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "message.max.bytes": 16 * 1024 * 1024})
    failures = []
    for value in values:
        producer.produce(
            topic, value, key=key, partition=partition, on_delivery=lambda error, _: failures.append(error) if error else None
        )
        producer.poll(0)
    assert producer.flush(60) == 0 and not failures, failures
