"""What survives: the death of the daemon, of the application, of the broker; and a stop under load."""

import os
import signal
import subprocess
import threading
import time

import pytest
from support import records
from support.client import Refused
from support.daemon import collect
from support.members import fill
from support.records import place
from support.waiting import eventually
from support.workers import Findings, Workers


@pytest.mark.sanitizers
def test_kill_9_of_the_daemon_redelivers_only_what_was_not_acked(kafka, sluice):
    daemon = sluice(partitions=4, session_timeout_ms=2000, heartbeat_interval_ms=300)
    fill(kafka.bootstrap, daemon.topic, 4, 2000)
    daemon.wait_assigned(4)
    consumer = daemon.consumer()
    acked = collect(consumer, 700, max_records=100)
    held = consumer.fetch(max_records=100, wait_ms=5000)
    assert held["batch_id"]

    daemon.kill()
    daemon.start()
    after = collect(daemon.consumer(), 2000 - len(acked))

    expected = {(daemon.topic, partition, offset) for partition in range(4) for offset in range(500)}
    assert {place(record) for record in acked} | {place(record) for record in after} == expected
    assert not {place(record) for record in acked} & {place(record) for record in after}
    assert {place(record) for record in held["records"]} <= {place(record) for record in after}
    assert sum(kafka.committed(daemon.group).values()) == 2000


@pytest.mark.timeout(300)
def test_kill_9_at_many_moments_under_load_loses_nothing(kafka, sluice, directory):
    partitions, total = 6, 60_000
    daemon = sluice(partitions=partitions, session_timeout_ms=1500, heartbeat_interval_ms=300)
    fill(kafka.bootstrap, daemon.topic, partitions, total)
    workers = Workers(directory, daemon.address, "c", 3, style="plain", max_records=100)
    luck = 0
    for _ in range(6):
        target = workers.settled + 4000
        eventually("some more work is done", lambda: workers.settled >= target or workers.settled >= total - 4000, 60)
        luck = (luck * 31 + 17) % 50
        time.sleep(luck / 1000)  # anywhere between two steps
        daemon.kill()
        daemon.start()
    eventually(
        "everything is committed", lambda: sum(kafka.committed(daemon.group).values()) == total, 120, interval_s=0.3
    )
    workers.stop()
    workers.join(30)

    findings = Findings(workers.history())
    assert len(findings.deliveries) == total, f"{total - len(findings.deliveries)} records were never delivered"
    assert not findings.again_after_ack, findings.again_after_ack[:5]


@pytest.mark.sanitizers
def test_kill_9_of_the_application_gives_its_batch_to_another_after_the_lease(kafka, sluice):
    daemon = sluice(partitions=1)
    fill(kafka.bootstrap, daemon.topic, 1, 50)
    daemon.wait_assigned(1)
    body = '{"max_records": 20, "lease_ms": 2000, "wait_ms": 10000}'
    url = f"http://{daemon.address}/v1/consumers/c/fetch"
    script = f"curl -sS -H 'Content-Type: application/json' -d '{body}' {url} && echo && exec sleep 600"
    with subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE) as application:
        assert b'"batch_id"' in application.stdout.readline()
        started = time.monotonic()
        application.send_signal(signal.SIGKILL)

    batch = daemon.consumer().fetch(max_records=20, wait_ms=20000)

    assert 1.5 <= time.monotonic() - started <= 5
    # In a smaller batch than before: one of its records may be what killed the application.
    assert [record["offset"] for record in batch["records"]] == list(range(7))
    assert {record["delivery"] for record in batch["records"]} == {2}


@pytest.mark.sanitizers
def test_a_client_that_leaves_while_waiting_takes_no_records_with_it(kafka, sluice):
    daemon = sluice(partitions=1)
    daemon.wait_assigned(1)
    leaving = daemon.consumer(timeout=0.5)
    with pytest.raises(OSError):
        leaving.fetch(wait_ms=30000, lease_ms=60000)
    records.write(kafka.bootstrap, daemon.topic, [b"0"])

    (record,) = collect(daemon.consumer(), 1, timeout_s=10)

    assert record["delivery"] == 1


def test_a_broker_restart_is_survived(own_kafka, daemons, unique):
    own_kafka.create_topic(unique, 4)
    daemon = daemons(own_kafka.bootstrap, {"c": {"group.id": unique, "topics": [unique]}})
    fill(own_kafka.bootstrap, unique, 4, 400)
    consumer = daemon.consumer()
    before = collect(consumer, 200, max_records=50)
    held = consumer.fetch(max_records=50, wait_ms=5000, lease_ms=120000)
    assert held["batch_id"]

    own_kafka.stop()
    assert daemon.admin("/livez").status == 200
    extended = consumer.extend(held, lease_ms=120000)
    assert extended["lease_expires_at"]
    own_kafka.start()
    fill(own_kafka.bootstrap, unique, 4, 400, first=100)
    eventually_acked(consumer, held)
    after = collect(consumer, 550, timeout_s=60, max_records=50)

    seen = [place(record) for record in before + held["records"] + after]
    assert len(seen) == len(set(seen)) == 800
    eventually("all is committed", lambda: sum(own_kafka.committed(unique).values()) == 800)


def eventually_acked(consumer, batch):
    """The coordinator needs a moment after its restart; an ack that could not be committed may be sent again."""

    def acked():
        answer = consumer.try_ack(batch)
        return answer if answer.status == 200 else None

    return eventually("the ack is committed", acked, timeout_s=60, interval_s=0.5)


def test_a_broker_that_is_killed_comes_back_to_the_same_records(own_kafka, daemons, unique):
    own_kafka.create_topic(unique, 2)
    daemon = daemons(own_kafka.bootstrap, {"c": {"group.id": unique, "topics": [unique]}})
    fill(own_kafka.bootstrap, unique, 2, 100)
    collect(daemon.consumer(), 100)
    own_kafka.kill()
    own_kafka.start()
    fill(own_kafka.bootstrap, unique, 2, 100, first=50)

    after = collect(daemon.consumer(), 100, timeout_s=60)

    assert {place(record) for record in after} == {(unique, p, offset) for p in range(2) for offset in range(50, 100)}


def test_a_daemon_that_starts_before_its_broker_waits_for_it(own_kafka, daemons, unique):
    own_kafka.create_topic(unique, 1)
    fill(own_kafka.bootstrap, unique, 1, 10)
    own_kafka.stop()
    daemon = daemons(own_kafka.bootstrap, {"c": {"group.id": unique, "topics": [unique]}}, start=False)
    daemon.start(wait_ready=False)
    eventually("it lives", lambda: answers(daemon, "/livez", 200))
    assert answers(daemon, "/readyz", 503)
    own_kafka.start()

    assert len(collect(daemon.consumer(), 10)) == 10
    assert answers(daemon, "/readyz", 200)


def answers(daemon, path, status):
    try:
        return daemon.admin(path).status == status
    except OSError:
        return False


# ---------------------------------------------------------------------------------------------- stopping


@pytest.mark.sanitizers
def test_sigterm_under_load_loses_and_repeats_nothing(kafka, sluice, directory):
    partitions, total = 6, 30_000
    daemon = sluice(partitions=partitions, sections={"shutdown": {"drain.timeout.ms": "10s"}})
    fill(kafka.bootstrap, daemon.topic, partitions, total)
    workers = Workers(directory, daemon.address, "c", 3, style="plain", max_records=50)
    eventually("work is under way", lambda: workers.settled > 3000, 60)

    started = time.monotonic()
    code = daemon.stop(timeout_s=30)
    took = time.monotonic() - started
    assert code == 0
    assert took < 12
    assert not kafka.group(daemon.group).members, "it did not leave its group"

    daemon.start()
    eventually(
        "everything is committed", lambda: sum(kafka.committed(daemon.group).values()) == total, 90, interval_s=0.3
    )
    workers.stop()
    workers.join(30)
    findings = Findings(workers.history())
    assert len(findings.deliveries) == total
    assert findings.duplicates == 0, f"{findings.duplicates} records came twice"
    assert not findings.out_of_order, findings.out_of_order[:5]


@pytest.mark.sanitizers
def test_a_stop_waits_for_the_open_lease_and_exits_0(kafka, sluice):
    daemon = sluice(partitions=1, sections={"shutdown": {"drain.timeout.ms": "20s"}})
    fill(kafka.bootstrap, daemon.topic, 1, 20)
    consumer = daemon.consumer()
    batch = consumer.fetch(max_records=20, min_records=20, wait_ms=10000)

    daemon.signal(signal.SIGTERM)
    eventually("it is no longer ready", lambda: answers(daemon, "/readyz", 503))
    refused = drain_answer(daemon)
    consumer.extend(batch, lease_ms=30000)
    answer = consumer.ack(batch)
    code = daemon.wait(10)

    assert refused in ((503, "draining"), (200, "draining")), refused
    assert answer["accepted"] == 20
    assert code == 0
    assert kafka.committed(daemon.group) == {(daemon.topic, 0): 20}


def drain_answer(daemon):
    """How a fetch is answered while draining: refused with a problem, or empty with a reason."""
    answer = daemon.consumer().call("POST", "/fetch", {"wait_ms": 5000})
    body = answer.json()
    return answer.status, body.get("reason") or body["type"].rsplit("/", 1)[-1]


@pytest.mark.sanitizers
def test_work_that_is_left_un_acked_makes_the_exit_code_3(kafka, sluice):
    daemon = sluice(partitions=1, sections={"shutdown": {"drain.timeout.ms": "1s"}})
    fill(kafka.bootstrap, daemon.topic, 1, 20)
    batch = daemon.consumer().fetch(max_records=20, wait_ms=10000, lease_ms=60000)
    assert batch["batch_id"]

    started = time.monotonic()
    code = daemon.stop(timeout_s=15)

    assert code == 3
    assert 0.9 <= time.monotonic() - started <= 6
    assert kafka.committed(daemon.group).get((daemon.topic, 0), 0) == 0


@pytest.mark.sanitizers
def test_an_idle_daemon_stops_at_once(sluice):
    daemon = sluice(partitions=2)
    daemon.wait_assigned(2)

    started = time.monotonic()
    assert daemon.stop(timeout_s=15) == 0
    assert time.monotonic() - started < 3


def test_a_second_sigterm_ends_it_without_waiting(kafka, sluice):
    daemon = sluice(partitions=1, sections={"shutdown": {"drain.timeout.ms": "60s"}})
    fill(kafka.bootstrap, daemon.topic, 1, 20)
    assert daemon.consumer().fetch(max_records=20, wait_ms=10000, lease_ms=60000)["batch_id"]

    daemon.signal(signal.SIGTERM)
    eventually("it is no longer ready", lambda: answers(daemon, "/readyz", 503))
    daemon.signal(signal.SIGTERM)

    assert daemon.wait(5) != 0


@pytest.mark.sanitizers
def test_a_waiting_fetch_ends_when_the_drain_begins(sluice):
    daemon = sluice(partitions=1)
    daemon.wait_assigned(1)
    answered = []
    waiting = threading.Thread(target=lambda: answered.append(fetch_or_refusal(daemon.consumer())))
    waiting.start()
    eventually("a fetch waits", lambda: daemon.consumer().state()["waiting_fetches"] == 1)

    started = time.monotonic()
    daemon.signal(signal.SIGTERM)
    waiting.join(10)

    assert answered and answered[0] == "draining"
    assert time.monotonic() - started < 3


def fetch_or_refusal(consumer):
    try:
        return consumer.fetch(wait_ms=30000)["reason"]
    except Refused as refused:
        return refused.answer.json()["type"].rsplit("/", 1)[-1]


def test_drain_over_the_admin_port_settles_but_does_not_end_the_process(kafka, sluice):
    daemon = sluice(partitions=1)
    fill(kafka.bootstrap, daemon.topic, 1, 20)
    consumer = daemon.consumer()
    batch = consumer.fetch(max_records=20, min_records=20, wait_ms=10000)

    assert daemon.admin("/drain").status in (200, 202)
    eventually("it is no longer ready", lambda: answers(daemon, "/readyz", 503))
    assert consumer.ack(batch)["accepted"] == 20
    assert daemon.alive() and os.path.exists(f"/proc/{daemon.pid}")
    assert daemon.stop(10) == 0
