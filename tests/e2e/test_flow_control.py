"""What an application does to the flow as a whole: pause, resume, seek, commit, and the events it reads meanwhile."""

import threading
import time
from datetime import datetime

import pytest
from confluent_kafka import Producer
from support.client import Http
from support.daemon import collect
from support.members import fill
from support.waiting import eventually

HOUR_MS = 3_600_000


@pytest.fixture
def filled(sluice):
    """A daemon whose topic holds 50 records in each of two partitions."""
    daemon = sluice(partitions=2, filled_with=100)
    daemon.wait_assigned(2)
    return daemon


def ok(answer, status=200):
    assert answer.status == status, answer
    return answer.json()


def problem(answer, status, slug):
    body = ok(answer, status)
    assert body["type"] == "/problems/" + slug, body
    return body


def fetch(consumer, **limits):
    batch = consumer.fetch(**{"wait_ms": 15000, **limits})
    assert batch["batch_id"], batch
    return batch


def partition(daemon, number):
    return {"topic": daemon.topic, "partition": number}


def paused(answer):
    return {each["partition"] for each in answer["partitions"] if each["paused"]}


def events(daemon, since=0, **query):
    query = "&".join(f"{name}={value}" for name, value in {"since": since, **query}.items())
    return ok(daemon.consumer().call("GET", f"/events?{query}"))


def seconds(time_text):
    return datetime.fromisoformat(time_text.replace("Z", "+00:00")).timestamp()


def wait_for_event(daemon, kind, since=0):
    def look():
        return [event for event in events(daemon, since)["events"] if event["type"] == kind]

    return eventually(f"an event {kind}", look)[-1]


# ------------------------------------------------------------------------------------------ pause and resume


def test_a_paused_partition_hands_nothing_out_until_it_is_resumed(filled):
    consumer = filled.consumer()
    answer = ok(consumer.call("POST", "/pause", {"partitions": [partition(filled, 0)]}))
    assert answer["paused"] is False and paused(answer) == {0}
    assert ok(consumer.call("POST", "/pause", {"partitions": [partition(filled, 0)]})) == answer

    assert {record["partition"] for record in collect(consumer, 50)} == {1}
    assert consumer.fetch(wait_ms=300)["batch_id"] is None
    state = {each["partition"]: each for each in consumer.state()["partitions"]}
    assert state[0]["paused"] and state[0]["blocked_by"]["code"] == "paused"

    assert paused(ok(consumer.call("POST", "/resume", {"partitions": [partition(filled, 0)]}))) == set()
    assert {record["partition"] for record in collect(consumer, 50)} == {0}


def test_a_paused_topic_is_paused_in_all_its_partitions(filled):
    consumer = filled.consumer()
    assert paused(ok(consumer.call("POST", "/pause", {"topics": [filled.topic]}))) == {0, 1}
    assert consumer.fetch(wait_ms=300)["reason"] == "paused"
    assert paused(ok(consumer.call("POST", "/resume", {"topics": [filled.topic]}))) == set()
    assert len(collect(consumer, 100)) == 100


def test_a_paused_consumer_keeps_its_open_leases(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    answer = ok(consumer.call("POST", "/pause"))
    assert answer["paused"] is True and paused(answer) == {0, 1}
    assert consumer.state()["paused"] is True
    assert filled.metrics().one("sluice_consumer_paused") == 1
    assert consumer.fetch(wait_ms=300)["reason"] == "paused"
    assert consumer.ack(batch)["committed"] is True

    assert ok(consumer.call("POST", "/resume"))["paused"] is False
    assert len(collect(consumer, 90)) == 90


def test_a_resume_wakes_a_fetch_that_waits(filled):
    ok(filled.consumer().call("POST", "/pause"))
    got = []
    thread = threading.Thread(target=lambda: got.append(filled.consumer().fetch(wait_ms=20000)))
    thread.start()
    eventually("the fetch waits", lambda: filled.consumer().state()["waiting_fetches"] == 1)
    begin = time.monotonic()
    ok(filled.consumer().call("POST", "/resume"))
    thread.join(30)
    assert got[0]["batch_id"] and time.monotonic() - begin < 5


def test_a_paused_topic_stays_paused_in_partitions_that_come_later(kafka, daemons, unique):
    kafka.create_topic(unique, 4)
    fill(kafka.bootstrap, unique, 4, 100)
    settings = {"group.id": unique, "topics": [unique], "heartbeat.interval.ms": 500}
    stays = daemons(kafka.bootstrap, {"c": settings}, name="stays")
    leaves = daemons(kafka.bootstrap, {"c": settings}, name="leaves")
    stays.wait_assigned(2)
    ok(stays.consumer().call("POST", "/pause", {"topics": [unique]}))
    leaves.stop()
    stays.wait_assigned(4)
    assert stays.consumer().fetch(wait_ms=500)["reason"] == "paused"
    ok(stays.consumer().call("POST", "/resume", {"topics": [unique]}))
    assert len(collect(stays.consumer(), 100)) == 100


def test_what_cannot_be_paused_is_named(filled):
    consumer = filled.consumer()
    assert problem(consumer.call("POST", "/pause", {"topics": ["other"]}), 422, "invalid-value")["field"] == "topics[0]"
    body = problem(consumer.call("POST", "/resume", {"partitions": [{"topic": filled.topic}]}), 422, "invalid-value")
    assert body["field"] == "partitions[0].partition"


# ------------------------------------------------------------------------------------------ seek


def positions(answer):
    return {each["partition"]: (each["position"], each["committed"]) for each in answer["partitions"]}


def seek(daemon, to, **scope):
    return ok(daemon.consumer().call("POST", "/seek", {"to": to, **scope}))


def test_a_seek_to_the_beginning_reads_everything_again(kafka, filled):
    consumer = filled.consumer()
    collect(consumer, 100)
    answer = seek(filled, "beginning")
    assert positions(answer) == {0: (0, 0), 1: (0, 0)} and answer["voided_records"] == 0
    assert kafka.committed(filled.group) == {(filled.topic, 0): 0, (filled.topic, 1): 0}
    again = collect(consumer, 100)
    assert {record["offset"] for record in again if record["partition"] == 0} == set(range(50))


def test_a_seek_to_the_end_passes_what_is_there(kafka, filled):
    consumer = filled.consumer()
    assert positions(seek(filled, "end", topics=[filled.topic])) == {0: (50, 50), 1: (50, 50)}
    assert consumer.fetch(wait_ms=300)["batch_id"] is None
    fill(kafka.bootstrap, filled.topic, 2, 10, first=100)
    assert sorted(record["offset"] for record in collect(consumer, 10)) == sorted([*range(50, 55)] * 2)


def test_a_seek_to_an_offset_moves_one_partition(kafka, filled):
    consumer = filled.consumer()
    answer = seek(filled, {"offset": 45}, partitions=[partition(filled, 1)])
    assert positions(answer) == {1: (45, 45)}
    assert kafka.committed(filled.group)[(filled.topic, 1)] == 45
    read = collect(consumer, 55)
    assert [record["offset"] for record in read if record["partition"] == 1] == list(range(45, 50))


def test_a_seek_to_committed_goes_back_to_what_the_group_has_done(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    number = batch["records"][0]["partition"]
    consumer.ack(batch, accept=[0, 1, 2, 3])
    answer = seek(filled, "committed", partitions=[partition(filled, number)])
    assert positions(answer) == {number: (4, 4)} and answer["voided_records"] == 6
    read = collect(consumer, 96)
    assert [record["offset"] for record in read if record["partition"] == number] == list(range(4, 50))


def test_a_seek_to_a_time_begins_with_the_first_record_that_is_not_older(kafka, sluice):
    daemon = sluice(partitions=1)
    now = int(time.time() * 1000)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(10):
        producer.produce(daemon.topic, value=b"v", partition=0, timestamp=now - (10 - number) * HOUR_MS + 60_000)
    assert producer.flush(30) == 0
    daemon.wait_assigned(1)
    eventually("the end is known", lambda: daemon.consumer().state()["partitions"][0]["end"] == 10)

    assert positions(seek(daemon, {"timestamp": now - 4 * HOUR_MS})) == {0: (6, 6)}
    assert positions(seek(daemon, {"duration": "PT2H"})) == {0: (8, 8)}
    assert positions(seek(daemon, {"duration": "P1D"})) == {0: (0, 0)}
    assert positions(seek(daemon, {"timestamp": now + HOUR_MS})) == {0: (10, 10)}, "nothing is so young: the end"


def test_a_seek_voids_open_leases(kafka, filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    number = batch["records"][0]["partition"]
    other = fetch(consumer, max_records=10)
    answer = seek(filled, "beginning", partitions=[partition(filled, number)])
    assert answer["voided_records"] == 10

    refused = problem(consumer.try_ack(batch), 410, "lease-gone")
    assert {each["reason"] for each in refused["refused"]} == {"lease_lost"}
    assert consumer.try_extend(batch).status == 410
    assert consumer.ack(other)["accepted"] == 10, "the other partition has not moved"
    assert kafka.committed(filled.group)[(filled.topic, number)] == 0


def test_a_seek_that_cannot_be_done_moves_nothing(filled):
    consumer = filled.consumer()
    fetch(consumer, max_records=10)
    beyond = {"to": {"offset": 51}, "partitions": [partition(filled, 0)]}
    body = problem(consumer.call("POST", "/seek", beyond), 422, "invalid-value")
    assert body["field"] == "to" and "from 0 to 50" in body["detail"]
    stranger = {"to": "end", "partitions": [partition(filled, 0), partition(filled, 7)]}
    body = problem(consumer.call("POST", "/seek", stranger), 409, "conflict")
    assert f"{filled.topic}-7" in body["detail"] and body["retryable"] is False
    assert problem(consumer.call("POST", "/seek"), 422, "invalid-value")["field"] == "to"
    assert len(consumer.batches()["batches"]) == 1


def test_a_seek_goes_on_after_a_restart(filled):
    collect(filled.consumer(), 100)
    seek(filled, {"offset": 20}, partitions=[partition(filled, 0)])
    assert filled.stop() == 0
    filled.start()
    assert [record["offset"] for record in collect(filled.consumer(), 30)] == list(range(20, 50))


def test_workers_go_on_while_others_seek(sluice):
    daemon = sluice(partitions=4, filled_with=8000, order="none")
    daemon.wait_assigned(4)
    done, odd = threading.Event(), []

    def work():
        consumer = daemon.consumer()
        while not done.is_set():
            batch = consumer.fetch(wait_ms=100, max_records=50)
            answer = consumer.try_ack(batch) if batch["batch_id"] else None
            # 409: acked in time, but the seek came before the commit; 410: the seek came before the ack.
            if answer and answer.status not in (200, 409, 410):
                odd.append(answer)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    everything = [partition(daemon, number) for number in range(4)]
    for turn in range(20):
        assert len(seek(daemon, {"offset": 10 * turn}, partitions=everything)["partitions"]) == 4
    done.set()
    for worker in workers:
        worker.join(30)
    assert not odd, odd[0]
    seek(daemon, "beginning")
    again = collect(daemon.consumer(), 8000, max_records=5000)
    assert len({(record["partition"], record["offset"]) for record in again}) == 8000


def test_a_second_seek_takes_the_place_of_the_first(filled):
    for _ in range(3):
        assert positions(seek(filled, "end")) == {0: (50, 50), 1: (50, 50)}
        assert positions(seek(filled, "beginning")) == {0: (0, 0), 1: (0, 0)}
    assert len(collect(filled.consumer(), 100)) == 100


# ------------------------------------------------------------------------------------------ commit


def test_an_explicit_commit_does_not_wait_for_the_policy(kafka, sluice):
    daemon = sluice(partitions=1, filled_with=100, commit_every_records=1000)
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    batch = fetch(consumer, max_records=10)
    answer = consumer.try_ack(batch)
    assert answer.status == 202 and answer.json()["committed"] is False
    assert kafka.committed(daemon.group).get((daemon.topic, 0)) in (None, 0)

    done = ok(consumer.call("POST", "/commit"))
    assert done == {"offsets": [{**partition(daemon, 0), "acked_through": 9, "committed": 10}], "committed": True}
    assert kafka.committed(daemon.group)[(daemon.topic, 0)] == 10
    assert ok(consumer.call("POST", "/commit"))["committed"] is True

    batch = fetch(consumer, max_records=10)
    assert consumer.try_ack(batch, commit="sync").status == 200
    assert kafka.committed(daemon.group)[(daemon.topic, 0)] == 20


def test_mode_auto_is_committed_before_its_records_go_out(kafka, sluice):
    daemon = sluice(partitions=1, filled_with=100, commit_every_records=1000)
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    for round_ in range(1, 4):
        batch = fetch(consumer, max_records=10, mode="auto")
        assert len(batch["records"]) == 10 and batch["used"]["mode"] == "auto"
        assert kafka.committed(daemon.group)[(daemon.topic, 0)] == 10 * round_
    assert consumer.batches()["batches"] == []


def test_an_outage_of_the_coordinator_costs_mode_auto_one_batch(own_kafka, daemons, unique):
    own_kafka.create_topic(unique, 1)
    fill(own_kafka.bootstrap, unique, 1, 1000)
    settings = {"group.id": unique, "topics": [unique], "request.timeout.ms": 1500, "retry.backoff.ms": 100}
    daemon = daemons(own_kafka.bootstrap, {"c": settings})
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    fetch(consumer, max_records=10, mode="auto")
    eventually("records are here", lambda: consumer.state()["partitions"][0]["buffered_bytes"] > 0)
    own_kafka.stop()
    lost = problem(consumer.call("POST", "/fetch", {"mode": "auto", "max_records": 10}), 503, "unavailable")
    assert lost["not_delivered"] == [{"topic": unique, "partition": 0, "from": 10, "to": 19}]
    for _ in range(2):
        refused = problem(consumer.call("POST", "/fetch", {"mode": "auto", "max_records": 10}), 503, "unavailable")
        assert "Nothing was fetched" in refused["detail"] and "not_delivered" not in refused
    own_kafka.start()

    def next_batch():
        answer = consumer.call("POST", "/fetch", {"mode": "auto", "max_records": 10, "wait_ms": 2000})
        return answer.status == 200 and answer.json()["records"]

    assert eventually("the next batch", next_batch, 60)[0]["offset"] == 20


def test_a_reject_needs_a_dead_letter_topic(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    body = problem(consumer.try_ack(batch, reject=[{"index": 0, "reason": "never"}]), 422, "invalid-value")
    assert body["field"] == "reject" and "dead.letter.topic" in body["detail"]
    assert consumer.ack(batch)["accepted"] == 10


def test_a_rejected_record_goes_to_the_dead_letter_topic(kafka, sluice, unique):
    dead = kafka.create_topic(f"{unique}-dead", 1)
    daemon = sluice(partitions=1, filled_with=10, dead_letter_topic=dead)
    daemon.wait_assigned(1)
    consumer = daemon.consumer()
    settled = consumer.ack(fetch(consumer), reject=[{"index": 3, "reason": "never"}], default="accept")
    assert settled["rejected"] == 1 and settled["accepted"] == 9
    eventually("the letter is written", lambda: kafka.end_offsets(dead)[0] == 1)
    eventually("all is committed", lambda: kafka.committed(daemon.group).get((daemon.topic, 0)) == 10)
    assert wait_for_event(daemon, "dead_lettered")["partitions"] == [partition(daemon, 0)]
    letters = consumer.state()["dead_letters"]
    assert letters == {"topic": dead, "waiting": 0, "error": None}
    metrics = daemon.metrics()
    assert metrics.one("sluice_records_rejected_total") == 1
    assert metrics.one("sluice_records_dead_lettered_total") == 1
    assert metrics.one("sluice_dead_letters_waiting") == 0


# ------------------------------------------------------------------------------------------ events


def test_events_tell_what_happened(filled):
    assigned = wait_for_event(filled, "assigned")
    assert {each["partition"] for each in assigned["partitions"]} == {0, 1}
    page = events(filled)
    assert page["gap"] is False
    ok(filled.consumer().call("POST", "/pause", {"partitions": [partition(filled, 0)]}))
    ok(filled.consumer().call("POST", "/resume"))
    seek(filled, "end")
    after = events(filled, page["next"])
    assert [event["type"] for event in after["events"]] == ["paused", "resumed", "seeked"]
    assert events(filled, page["next"], max=1)["next"] == after["events"][0]["id"]
    assert events(filled, after["next"])["events"] == []
    assert events(filled, 1)["gap"] is True, "an id of another start"


def test_a_reader_waits_for_the_next_event(filled):
    since = events(filled)["next"]
    begin = time.monotonic()
    assert events(filled, since, wait_ms=500)["events"] == []
    assert time.monotonic() - begin >= 0.5
    got = []
    thread = threading.Thread(target=lambda: got.append(events(filled, since, wait_ms=30000)))
    thread.start()
    time.sleep(0.3)
    begin = time.monotonic()
    ok(filled.consumer().call("POST", "/pause"))
    thread.join(30)
    assert [event["type"] for event in got[0]["events"]] == ["paused"] and time.monotonic() - begin < 5


@pytest.mark.parametrize("assignor", ["cooperative-sticky", "range"])
def test_a_reader_is_told_of_a_revocation_and_until_when(kafka, daemons, unique, assignor):
    kafka.create_topic(unique, 2)
    fill(kafka.bootstrap, unique, 2, 100)
    settings = {
        "group.id": unique,
        "topics": [unique],
        "partition.assignment.strategy": assignor,
        "heartbeat.interval.ms": 500,
        "rebalance.drain.ms": 20000,
    }
    first = daemons(kafka.bootstrap, {"c": settings}, name="first")
    first.topic = unique
    first.wait_assigned(2)
    consumer = first.consumer()
    held = [fetch(consumer, max_records=10), fetch(consumer, max_records=10)]
    assert {batch["records"][0]["partition"] for batch in held} == {0, 1}
    since = events(first)["next"]

    second = daemons(kafka.bootstrap, {"c": settings}, name="second", start=False)
    second.start(wait_ready=False)  # it cannot join before the first has let go
    page = events(first, since, wait_ms=30000)
    revoking = page["events"][0]
    assert revoking["type"] == "revoking", page
    assert 15 < seconds(revoking["deadline"]) - seconds(revoking["at"]) <= 20.5
    told = consumer.fetch(wait_ms=100)["revoking"]
    assert [{"topic": each["topic"], "partition": each["partition"]} for each in told] == revoking["partitions"]
    assert abs(seconds(told[0]["deadline"]) - seconds(revoking["deadline"])) < 0.1

    for batch in held:
        assert consumer.ack(batch)["accepted"] == 10
    wait_for_event(first, "revoked", since)
    second.wait_assigned(1)
    first.wait_assigned(1)


def test_nobody_can_seek_while_the_daemon_drains(filled):
    consumer = filled.consumer()
    batch = fetch(consumer, max_records=10)
    ok(Http(filled.address).request("POST", "/v1/drain"))
    body = problem(consumer.call("POST", "/seek", {"to": "end"}), 503, "draining")
    assert body["retryable"] is True
    assert ok(consumer.call("POST", "/pause"))["paused"] is True
    assert ok(consumer.call("POST", "/resume"))["paused"] is False
    assert ok(consumer.call("POST", "/commit"))["committed"] is True
    assert events(filled)["events"]
    assert consumer.ack(batch)["accepted"] == 10
    assert filled.stop() == 0


def test_a_reader_is_told_when_the_broker_is_away(own_kafka, daemons, unique):
    own_kafka.create_topic(unique, 1)
    settings = {"group.id": unique, "topics": [unique], "request.timeout.ms": 1500, "retry.backoff.ms": 100}
    daemon = daemons(own_kafka.bootstrap, {"c": settings})
    daemon.wait_assigned(1)
    own_kafka.kill()
    error = wait_for_event(daemon, "error")
    assert error["text"] and error["partitions"] == []
