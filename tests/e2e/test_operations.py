"""What operators see: the Unix socket, probes, metrics, the list of consumers."""

import os
import socket
import stat
import subprocess

import pytest
from support.client import Consumer, Http
from support.daemon import collect
from support.members import fill
from support.paths import PROMTOOL
from support.raw_http import exchange, request
from support.waiting import eventually

pytestmark = pytest.mark.sanitizers


@pytest.fixture
def short_path(tmp_path_factory):
    """A path that fits into a socket address (107 bytes)."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="sl") as directory:
        yield os.path.join(directory, "sluice.sock")


def test_unix_socket(kafka, daemons, unique, short_path):
    kafka.create_topic(unique, 1)
    fill(kafka.bootstrap, unique, 1, 20)
    daemon = daemons(kafka.bootstrap, {"c": {"group.id": unique, "topics": [unique]}}, unix_socket=short_path)
    consumer = Consumer(f"unix:{short_path}", "c")

    assert len(collect(consumer, 20)) == 20
    mode = os.stat(short_path).st_mode
    assert stat.S_ISSOCK(mode) and not mode & stat.S_IRWXO
    assert daemon.stop() == 0
    assert not os.path.exists(short_path)


def test_a_socket_left_by_a_killed_daemon_is_taken_over(kafka, daemons, unique, short_path):
    kafka.create_topic(unique, 1)
    daemon = daemons(kafka.bootstrap, {"c": {"group.id": unique, "topics": [unique]}}, unix_socket=short_path)
    daemon.kill()
    assert os.path.exists(short_path)
    daemon.start()

    assert Http(f"unix:{short_path}").request("GET", "/v1/consumers").status == 200


def test_probes(sluice):
    daemon = sluice(partitions=1)
    for path in ("/livez", "/readyz", "/startupz"):
        answer = daemon.admin(path)
        assert answer.status == 200, answer
    assert "ok" in daemon.admin("/readyz?verbose").body.decode()


def test_readiness_waits_for_the_group_but_liveness_does_not(daemons, unique):
    """Nothing listens at the broker's address."""
    daemon = daemons("127.0.0.1:1", {"c": {"group.id": unique, "topics": [unique]}}, start=False)
    daemon.start(wait_ready=False)

    def lives():
        try:
            return daemon.admin("/livez").status == 200
        except OSError:
            return False

    eventually("it lives", lives)
    assert daemon.admin("/readyz").status == 503
    assert daemon.admin("/startupz").status == 503
    empty = daemon.consumer().call("POST", "/fetch", {"wait_ms": 300})
    assert (empty.status == 200 and empty.json()["reason"] == "joining") or empty.status == 503
    assert daemon.stop(10) == 0


def test_the_admin_listener_shows_no_records(sluice):
    daemon = sluice(partitions=1)
    for method, path in [("POST", "/v1/consumers/c/fetch"), ("GET", "/v1/consumers/c/batches")]:
        assert daemon.admin(path, method).status in (404, 405)
    assert Http(daemon.address).request("GET", "/metrics").status == 404


def test_metrics_are_clean_for_promtool(kafka, sluice):
    daemon = sluice(partitions=2)
    fill(kafka.bootstrap, daemon.topic, 2, 100)
    collect(daemon.consumer(), 100)
    answer = daemon.admin("/metrics")
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=answer.body, capture_output=True)

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert done.returncode == 0 and not done.stdout + done.stderr, (done.stdout + done.stderr).decode()


def test_metrics_tell_lag_position_leases_and_commits(kafka, sluice):
    daemon = sluice(partitions=2)
    fill(kafka.bootstrap, daemon.topic, 2, 100)
    consumer = daemon.consumer()
    collect(consumer, 40, max_records=40, min_records=40)
    held = consumer.fetch(max_records=10, wait_ms=5000)
    labels = {"consumer": "c", "group": daemon.group}
    eventually("the lag is 60", lambda: daemon.metrics().sum("sluice_partition_lag_records", **labels) == 60, 15)

    metrics = daemon.metrics()
    assert metrics.sum("sluice_partition_end_offset", topic=daemon.topic, **labels) == 100
    assert metrics.sum("sluice_partition_committed_offset", **labels) == 40
    assert metrics.sum("sluice_inflight_batches", **labels) == 1
    assert metrics.sum("sluice_inflight_records", **labels) == len(held["records"])
    assert metrics.sum("sluice_assigned_partitions", **labels) == 2
    assert metrics.sum("sluice_records_delivered_total", **labels) == 40 + len(held["records"])
    assert metrics.sum("sluice_records_acked_total", **labels) == 40
    assert metrics.sum("sluice_commits_total", result="ok", **labels) >= 1
    assert metrics.sum("sluice_rebalances_total", **labels) >= 1
    assert metrics.sum("sluice_heartbeats_total", **labels) >= 0
    assert metrics.sum("sluice_partition_lag_seconds", **labels) > 0
    assert metrics.sum("sluice_memory_budget_bytes") > 0
    for name in (
        "sluice_build_info",
        "sluice_last_heartbeat_success_timestamp_seconds",
        "sluice_http_requests_total",
        "sluice_http_request_duration_seconds_count",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    ):
        assert metrics.all(name), name


def test_series_of_a_revoked_partition_disappear(kafka, daemons, unique):
    kafka.create_topic(unique, 4)
    settings = {"c": {"group.id": unique, "topics": [unique], "heartbeat.interval.ms": 300}}
    first = daemons(kafka.bootstrap, settings, name="one")
    first.wait_assigned(4)
    second = daemons(kafka.bootstrap, settings, name="two")
    owned = second.wait_assigned(2) | first.wait_assigned(2)

    assert owned == {(unique, number) for number in range(4)}


def test_consumers_are_listed(sluice):
    daemon = sluice(partitions=1)
    answer = Http(daemon.address).request("GET", "/v1/consumers")

    assert answer.status == 200
    assert b'"c"' in answer.body


def test_info_names_the_version(sluice):
    answer = Http(sluice(partitions=1).address).request("GET", "/v1/info")

    assert answer.status == 200
    assert answer.json()["version"]


def test_a_connection_is_kept_alive(sluice):
    daemon = sluice(partitions=1)
    host, port = daemon.address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(request("GET", "/v1/consumers"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_http_1_0_is_answered_and_closed(sluice):
    answer = exchange(sluice(partitions=1).address, request("GET", "/v1/consumers", version="HTTP/1.0"))

    assert answer.status == 200 and answer.closed


def test_localhost_names_are_welcome(sluice):
    daemon = sluice(partitions=1)
    port = daemon.address.split(":")[1]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost"):
        assert exchange(daemon.address, request("GET", "/v1/consumers", host=host)).status == 200
