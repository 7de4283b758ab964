"""Fixtures: one broker for the whole run, and daemons that are stopped and examined after each test."""

import itertools
import re
import subprocess

import pytest
from support.daemon import Daemon
from support.kafka_cluster import KafkaCluster
from support.members import fill
from support.paths import ROOT, SLUICED, keep_work_dir, work_dir

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def prepared():
    """Fails at once, with the remedy, when the program or the jars are not there."""
    assert SLUICED.exists(), f"{SLUICED} is missing: build it with deploy/setup/build.sh"
    subprocess.run([ROOT / "deploy" / "setup" / "kafka.sh"], check=True, stdout=subprocess.DEVNULL)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        keep_work_dir()


@pytest.fixture
def directory(request):
    """A directory of this test's own, for logs and configurations."""
    path = work_dir() / re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name)[:80]
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def kafka(prepared):
    """The session's broker. A test that restarts or overloads its broker takes own_kafka."""
    cluster = KafkaCluster(work_dir() / "kafka")
    cluster.start()
    yield cluster
    cluster.kill()


@pytest.fixture
def own_kafka(directory):
    cluster = KafkaCluster(directory / "kafka")
    cluster.start()
    yield cluster
    cluster.kill()


@pytest.fixture
def unique(request):
    """A name no other test uses, for topics and groups."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_").lower())[:40]
    return f"{stem}-{next(_numbers)}"


@pytest.fixture
def daemons(directory):
    """Makes daemons: daemons(bootstrap, consumers, …). Those still running are killed when the test ends."""
    made = []

    def make(bootstrap, consumers, name=None, start=True, **sections):
        daemon = Daemon(directory / (name or f"sluiced-{len(made) + 1}"), bootstrap, consumers, **sections)
        made.append(daemon)
        return daemon.start() if start else daemon

    yield make
    for daemon in made:
        if daemon.alive():
            daemon.kill()
        daemon.check_log() if hasattr(daemon, "log") else None


@pytest.fixture
def sluice(kafka, daemons, unique):
    """Makes a topic, with records in it if asked, and a daemon with one consumer "c" on it:
    sluice(partitions=1, **consumer settings)."""

    def make(partitions=1, topic_config=None, sections=None, filled_with=0, **settings):
        kafka.create_topic(unique, partitions, **(topic_config or {}))
        if filled_with:
            fill(kafka.bootstrap, unique, partitions, filled_with)
        consumer = {"group.id": unique, "topics": [unique], **{k.replace("_", "."): v for k, v in settings.items()}}
        daemon = daemons(kafka.bootstrap, {"c": consumer}, **(sections or {}))
        daemon.topic = daemon.group = unique
        return daemon

    return make
