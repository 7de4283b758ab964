"""Leases as an application sees them: repeat, ack in all its forms, release, extend, expiry, encodings, NDJSON."""

import json
import time

import pytest
from support import records
from support.daemon import collect
from support.members import fill
from support.records import place
from support.waiting import eventually

pytestmark = pytest.mark.sanitizers


@pytest.fixture
def filled(kafka, sluice):
    """A daemon whose topic holds 100 records in one partition."""
    daemon = sluice(partitions=1)
    fill(kafka.bootstrap, daemon.topic, 1, 100)
    daemon.wait_assigned(1)
    return daemon


def offsets(batch):
    return [record["offset"] for record in batch["records"]]


def fetch(consumer, **limits):
    batch = consumer.fetch(**{"wait_ms": 15000, **limits})
    assert batch["batch_id"], batch
    return batch


def committed(kafka, daemon, partition=0):
    return kafka.committed(daemon.group).get((daemon.topic, partition))


# ---------------------------------------------------------------------------------------------- fetch


def test_a_fetch_moves_nothing_until_it_is_acked(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)

    assert offsets(batch) == list(range(10))
    assert committed(kafka, filled) in (None, 0)
    consumer.ack(batch)
    assert committed(kafka, filled) == 10


def test_the_answer_describes_lease_and_backlog(filled):
    before_ms = time.time() * 1000
    batch = fetch(filled.consumer(), max_records=10, lease_ms=20000)

    assert isinstance(batch["batch_id"], str)
    assert set(batch) >= {"batch_id", "lease_expires_at", "records", "truncated_by", "backlog", "revoking"}
    assert batch["backlog"] == 90
    assert batch["revoking"] == []
    assert before_ms < 1_600_000_000_000 or batch["lease_expires_at"]


def test_limits_may_be_given_in_the_query(filled):
    assert len(filled.consumer().fetch_by_query(max_records=7, wait_ms=15000)["records"]) == 7


def test_no_body_uses_the_defaults(filled):
    answer = filled.consumer().call("POST", "/fetch")
    assert answer.status == 200
    assert answer.content_type == "application/json"


def test_the_same_request_id_gets_the_same_batch_again(filled):
    consumer = filled.consumer()
    first = fetch(consumer, max_records=10, request_id="again-1")
    second = fetch(consumer, max_records=10, request_id="again-1")
    other = filled.consumer().fetch(max_records=10, request_id="again-2", wait_ms=200)

    assert second["batch_id"] == first["batch_id"]
    assert second["records"] == first["records"]
    assert other["batch_id"] is None
    assert other["reason"]


def test_an_acked_request_id_starts_afresh(filled):
    consumer = filled.consumer()
    first = fetch(consumer, max_records=10, request_id="once")
    consumer.ack(first)
    second = fetch(consumer, max_records=10, request_id="once")

    assert offsets(second) == list(range(10, 20))


def test_one_open_lease_per_partition_keeps_the_order(filled):
    consumer = filled.consumer()
    fetch(consumer, max_records=10)
    second = consumer.fetch(max_records=10, wait_ms=300)

    assert second["batch_id"] is None and second["reason"]


def test_workers_hold_leases_on_different_partitions_at_once(sluice):
    # Filled first: a daemon that sees a partition fill up may have only a part of it yet, and takes a second one along.
    daemon = sluice(partitions=4, filled_with=400)
    daemon.wait_assigned(4)
    consumer = daemon.consumer()
    held = [fetch(consumer, max_records=50) for _ in range(4)]

    partitions = [{record["partition"] for record in batch["records"]} for batch in held]
    assert all(len(batch["records"]) > 0 for batch in held)
    for index, one in enumerate(partitions):
        for other in partitions[index + 1 :]:
            assert not one & other


def test_only_the_asked_topics(kafka, daemons, unique):
    topics = [kafka.create_topic(f"{unique}-{name}", 1) for name in ("a", "b")]
    for topic in topics:
        fill(kafka.bootstrap, topic, 1, 10)
    daemon = daemons(kafka.bootstrap, {"c": {"group.id": unique, "topics": topics}})
    daemon.wait_assigned(2)

    read = collect(daemon.consumer(), 10, topics=[topics[1]])

    assert {record["topic"] for record in read} == {topics[1]}


def test_mode_auto_settles_as_it_hands_out(kafka, filled):
    batch = filled.consumer().fetch(max_records=10, mode="auto", wait_ms=15000)

    assert len(batch["records"]) == 10
    eventually("the records are committed", lambda: committed(kafka, filled) == 10)


def test_an_ack_inside_a_fetch_settles_the_earlier_batch(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    seen = offsets(batch)
    while len(seen) < 100:
        batch = fetch(consumer, max_records=30, ack={"batch_id": batch["batch_id"]})
        seen += offsets(batch)
    consumer.ack(batch)

    assert seen == list(range(100))
    assert committed(kafka, filled) == 100


# ---------------------------------------------------------------------------------------------- ack


def test_acking_twice_is_harmless(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    first = consumer.ack(batch)
    answer = consumer.try_ack(batch)

    assert first["accepted"] == 10
    assert answer.status == 200, answer
    assert committed(kafka, filled) == 10
    assert offsets(fetch(consumer, max_records=10)) == list(range(10, 20))


def test_the_ack_says_how_far_the_partition_is(filled):
    consumer = filled.consumer()
    answer = consumer.ack(fetch(consumer, max_records=10))

    (progress,) = answer["offsets"]
    assert progress["topic"] == filled.topic and progress["partition"] == 0
    assert progress["acked_through"] == 9
    assert progress["committed"] == 10


def test_accepting_single_records_keeps_the_others(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    entries = [{"topic": filled.topic, "partition": 0, "offset": offset} for offset in (0, 1, 2, 7)]
    answer = consumer.ack(batch, accept=entries)

    assert answer["accepted"] == 4
    assert committed(kafka, filled) == 3
    rest = consumer.ack(batch)
    assert rest["accepted"] == 6
    assert committed(kafka, filled) == 10


def test_accepting_a_range(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    answer = consumer.ack(batch, accept=[{"topic": filled.topic, "partition": 0, "from": 0, "to": 5}])

    assert answer["accepted"] == 6
    assert committed(kafka, filled) == 6


def test_accepting_indexes_into_the_batch(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    answer = consumer.ack(batch, accept=[0, 1, 2, 3])

    assert answer["accepted"] == 4
    assert committed(kafka, filled) == 4


def test_accepting_through_an_offset(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    answer = consumer.ack(batch, through=[{"topic": filled.topic, "partition": 0, "offset": 6}])

    assert answer["accepted"] == 7
    assert committed(kafka, filled) == 7


def test_default_accept_with_a_release_settles_all_but_the_named(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    released = [{"topic": filled.topic, "partition": 0, "offset": 4}]
    answer = consumer.ack(batch, default="accept", release=released)

    assert answer["accepted"] == 9 and answer["released"] == 1
    assert committed(kafka, filled) == 4
    again = fetch(consumer, max_records=1)
    assert offsets(again) == [4] and again["records"][0]["delivery"] == 2
    consumer.ack(again)
    assert committed(kafka, filled) == 10


def test_a_record_that_is_not_in_the_batch_is_refused_by_name(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    entries = [{"topic": filled.topic, "partition": 0, "offset": offset} for offset in (0, 55)]
    answer = consumer.ack(batch, accept=entries)

    assert answer["accepted"] == 1
    (refused,) = answer["refused"]
    assert refused["reason"] == "not_in_batch"
    assert refused["topic"] == filled.topic and refused["partition"] == 0


def test_an_asynchronous_commit_is_accepted_at_once_and_arrives(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    answer = consumer.try_ack(batch, commit="async")

    assert answer.status == 202, answer
    eventually("the commit arrives", lambda: committed(kafka, filled) == 10)


# ---------------------------------------------------------------------------------------------- release, extend, expiry


def test_released_records_come_again_in_order_with_the_delivery_count(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    assert consumer.release(batch)["released"] == 10
    again = fetch(consumer, max_records=10)

    # In a smaller batch: one of them may be the reason for the release.
    assert offsets(again) == list(range(5))
    assert {record["delivery"] for record in again["records"]} == {2}


def test_a_release_with_delay_holds_the_partition_back(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    consumer.release(batch, delay_ms=1500)
    released = time.monotonic()
    early = consumer.fetch(max_records=10, wait_ms=200)
    again = fetch(consumer, max_records=10)

    assert early["batch_id"] is None and early["reason"] == "back_off"
    assert 1.4 <= time.monotonic() - released <= 3
    assert offsets(again)[0] == 0


def test_an_expired_lease_is_handed_out_again(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10, lease_ms=1000)
    started = time.monotonic()
    again = fetch(consumer, max_records=10)

    assert 0.9 <= time.monotonic() - started <= 3
    assert offsets(again) == offsets(batch)[:5], "in a smaller batch: one of them may be too slow"
    assert {record["delivery"] for record in again["records"]} == {2}


def test_an_extended_lease_lives_on(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10, lease_ms=1000)
    answer = consumer.extend(batch, lease_ms=20000)
    between = consumer.fetch(max_records=10, wait_ms=1800)

    assert answer["lease_expires_at"]
    assert between["batch_id"] is None
    assert consumer.ack(batch)["accepted"] == 10


def test_a_late_ack_is_accepted_when_the_records_were_not_handed_out_again(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10, lease_ms=1000)
    eventually("the lease has expired", lambda: not lease_open(consumer, batch))
    answer = consumer.ack(batch)

    assert answer["accepted"] == 10
    assert committed(kafka, filled) == 10


def lease_open(consumer, batch):
    listed = consumer.batches()
    entries = listed["batches"] if isinstance(listed, dict) else listed
    return any(entry["batch_id"] == batch["batch_id"] for entry in entries)


def test_an_ack_of_a_lost_lease_changes_nothing_and_is_told_so(kafka, filled):
    consumer = filled.consumer()
    lost = fetch(consumer, max_records=1, lease_ms=1000)
    again = fetch(consumer, max_records=1)
    answer = consumer.try_ack(lost)

    assert offsets(again) == offsets(lost)
    assert answer.status == 410, answer
    problem = answer.json()
    assert problem["type"].endswith("lease-gone")
    assert problem["refused"][0]["reason"] in ("lease_lost", "lease_expired")
    assert committed(kafka, filled) in (None, 0)
    assert consumer.ack(again)["accepted"] == 1


def test_extend_and_release_of_a_settled_batch_are_gone(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    consumer.ack(batch)

    assert consumer.try_extend(batch, lease_ms=5000).status in (404, 410)
    assert consumer.try_release(batch).status in (404, 410)


def test_open_leases_are_listed_and_shown_again(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)

    assert lease_open(consumer, batch)
    shown = consumer.batch(batch, records=True)
    assert [place(record) for record in shown["records"]] == [place(record) for record in batch["records"]]
    assert "records" not in consumer.batch(batch) or isinstance(consumer.batch(batch)["records"], int)
    consumer.ack(batch)
    assert not lease_open(consumer, batch)


# ---------------------------------------------------------------------------------------------- forms


def test_encodings(kafka, sluice):
    daemon = sluice(partitions=1)
    values = [b'{"n": 1}', b"\xff\x00", b"text"]
    records.write(kafka.bootstrap, daemon.topic, values * 3, key=b"k")
    consumer = daemon.consumer()

    def read(**encoding):
        batch = fetch(consumer, min_records=3, max_records=3, encoding=encoding)
        consumer.ack(batch)
        return batch["records"]

    auto = read(value="auto")
    assert [record["value"] for record in auto] == ['{"n": 1}', "/wA=", "text"]
    assert [record.get("value_encoding") for record in auto] == [None, "base64", None]
    encoded = read(key="base64", value="base64")
    assert [record["key"] for record in encoded] == ["aw=="] * 3
    assert [records.field(record, "value") for record in encoded] == values
    parsed = read(value="json")
    assert parsed[0]["value"] == {"n": 1} and parsed[0]["value_encoding"] == "json"
    assert [records.field(record, "value") for record in parsed[1:]] == values[1:]


def test_tombstone_is_null_and_empty_is_empty(kafka, sluice):
    daemon = sluice(partitions=1)
    records.write(kafka.bootstrap, daemon.topic, [None, b""], key=b"k")

    read = collect(daemon.consumer(), 2)

    assert [record["value"] for record in read] == [None, ""]


def test_ndjson_has_one_record_a_line(filled):
    consumer = filled.consumer()
    answer = consumer.call("POST", "/fetch", {"max_records": 10, "wait_ms": 15000}, {"Accept": "application/x-ndjson"})

    assert answer.status == 200 and answer.content_type == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.body.splitlines()]
    found = [line for line in lines if "offset" in line]
    about = [line for line in lines if "batch_id" in line]
    assert [record["offset"] for record in found] == list(range(10))
    assert len(about) == 1 and len(lines) == 11
    assert consumer.ack(about[0])["accepted"] == 10


# ---------------------------------------------------------------------------------------------- several consumers


def test_one_daemon_runs_several_consumers(kafka, daemons, unique):
    topic = kafka.create_topic(unique, 2)
    fill(kafka.bootstrap, topic, 2, 100)
    daemon = daemons(
        kafka.bootstrap,
        {
            "one": {"group.id": f"{unique}-one", "topics": [topic]},
            "two": {"group.id": f"{unique}-two", "topics": [topic]},
        },
    )
    seen = {name: collect(daemon.consumer(name), 100) for name in ("one", "two")}

    assert all({place(record) for record in found} == {place(record) for record in seen["one"]} for found in seen.values())
    for name in seen:
        assert kafka.committed(f"{unique}-{name}") == {(topic, 0): 50, (topic, 1): 50}


def test_the_state_names_assignment_lag_and_what_blocks(filled):
    consumer = filled.consumer()
    fetch(consumer, max_records=10)
    state = consumer.state()
    text = json.dumps(state)

    assert state["group"] == filled.group
    assert filled.topic in text and "blocked_by" in text
