"""The workers of deploy/examples: each reads a topic to its end, gives back what failed, and leaves nothing open."""

import collections
import os
import signal
import subprocess
import threading

import pytest
from support.paths import BUILD, ROOT
from support.ports import free_port
from support.process import Child
from support.records import write
from support.scripted_daemon import LOST, UNAVAILABLE, ScriptedDaemon
from support.waiting import eventually

EXAMPLES = ROOT / "deploy" / "examples"
PARTITIONS, RECORDS = 3, 500


def go_program(directory):
    # Not `go run`: it does not pass SIGTERM on.
    program = directory / "worker"
    environment = {**os.environ, "GOCACHE": str(BUILD / "go-cache"), "GO111MODULE": "off", "CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-o", program, EXAMPLES / "worker.go"], check=True, env=environment)
    return [program]


COMMANDS = {
    "worker.sh": lambda directory: [EXAMPLES / "worker.sh"],
    "worker.py": lambda directory: [EXAMPLES / "worker.py"],
    "worker.mjs": lambda directory: [EXAMPLES / "worker.mjs"],
    "worker.go": go_program,
    "Worker.java": lambda directory: ["java", EXAMPLES / "Worker.java"],
}
THAT_REJECT = ("worker.sh", "worker.py", "worker.mjs")


class Worker:
    """A running example. It prints a line for every attempt at a record: topic-partition@offset."""

    def __init__(self, example, directory, address):
        self.saved = directory / "saved"
        self.saved.mkdir()
        self.log = directory / "worker.log"
        self._lines = directory / "worker.out"
        self._command = [*COMMANDS[example](directory), self.saved]
        self._environment = {**os.environ, "SLUICE_URL": f"http://{address}", "SLUICE_CONSUMER": "c"}

    def prevent_saving(self, name):
        """A directory is where the file of this record is to be."""
        (self.saved / name).mkdir()

    def allow_saving(self, name):
        (self.saved / name).rmdir()

    def start(self):
        with open(self._lines, "wb") as lines:
            self._child = Child(self._command, self.log, stdout=lines, env=self._environment)

    def attempts(self) -> collections.Counter:
        return collections.Counter(self._lines.read_text().splitlines())

    def files(self) -> dict:
        return {path.name: path.read_text() for path in self.saved.iterdir() if path.is_file()}

    def terminate(self):
        self._child.signal(signal.SIGTERM)

    def wait(self) -> int:
        return self._child.wait(20)


@pytest.fixture
def written(kafka, sluice):
    """A daemon, and what its topic holds: {topic-partition@offset: value}."""
    daemon = sluice(partitions=PARTITIONS)
    values = {}
    for partition in range(PARTITIONS):
        count = len(range(partition, RECORDS, PARTITIONS))
        values_of = [f'{{"order": "{partition}:{offset}", "é": "\\n"}}\n' for offset in range(count)]
        write(kafka.bootstrap, daemon.topic, [value.encode() for value in values_of], partition)
        values.update({f"{daemon.topic}-{partition}@{offset}": value for offset, value in enumerate(values_of)})
    return daemon, values


@pytest.mark.parametrize("example", COMMANDS)
def test_an_example_reads_to_the_end_and_repeats_only_what_failed(example, kafka, written, directory):
    daemon, values = written
    failing = f"{daemon.topic}-1@77"
    worker = Worker(example, directory, daemon.address)
    worker.prevent_saving(failing)
    worker.start()
    eventually("saving that record has failed", lambda: failing in worker.log.read_text(), interval_s=0.02)
    worker.allow_saving(failing)
    ends = {(daemon.topic, partition): end for partition, end in kafka.end_offsets(daemon.topic).items()}
    eventually("everything is committed", lambda: kafka.committed(daemon.group) == ends, interval_s=0.2)
    worker.terminate()

    assert worker.wait() == 0, worker.log.read_text()
    assert set(worker.attempts()) == set(values)
    assert [name for name, count in worker.attempts().items() if count > 1] == [failing]
    assert worker.files() == values
    assert daemon.consumer().batches()["batches"] == []
    assert kafka.committed(daemon.group) == ends


def records_from(first, *values):
    return [
        {"topic": "t", "partition": 0, "offset": offset, "key": None, "value": value, "headers": [], "delivery": 1}
        for offset, value in enumerate(values, first)
    ]


def released(ack, first):
    """The offsets that an ack releases, whether it names them or counts from the first of the batch."""
    return [first + entry if isinstance(entry, int) else entry["offset"] for entry in ack["release"]]


@pytest.mark.parametrize("example", COMMANDS)
def test_an_example_asks_the_same_again_until_it_is_answered(example, directory):
    """It starts before the daemon does, is told to come again, loses an answer, and is stopped while it waits."""
    port = free_port()
    worker = Worker(example, directory, f"127.0.0.1:{port}")
    worker.prevent_saving("t-0@6")
    worker.start()
    eventually("the connection was refused", lambda: worker.log.read_text())
    stopped = threading.Event()

    def when_stopped():
        stopped.wait(20)
        return "second", records_from(8, *["more"] * 1000)  # too many to handle before the signal is heard

    daemon = ScriptedDaemon(port, [UNAVAILABLE, LOST, lambda: ("first", records_from(5, "one", "two", None)), when_stopped])
    eventually("the fourth fetch waits", lambda: len(daemon.requests) == 4)
    worker.terminate()
    stopped.set()

    assert worker.wait() == 0, worker.log.read_text()
    daemon.close()
    *fetches, (last_path, last_ack) = daemon.requests
    assert {path for path, _ in fetches} == {"/v1/consumers/c/fetch"}
    refused, lost, answered, after = [body for _, body in fetches]
    assert refused == lost == answered and not answered.get("ack")
    assert after["request_id"] != answered["request_id"]
    assert after["ack"]["batch_id"] == "first" and after["ack"]["default"] == "accept"
    assert released(after["ack"], 5) == [6]
    if example in THAT_REJECT:
        reason = after["ack"]["reject"][0].pop("reason")
        assert reason and after["ack"]["reject"] == [{"topic": "t", "partition": 0, "offset": 7}]
    assert worker.files()["t-0@5"] == "one"
    assert last_path == "/v1/consumers/c/batches/second/ack"
    left = [offset for offset in range(8, 1008) if f"t-0@{offset}" not in worker.attempts()]
    assert left and released(last_ack, 8) == left and last_ack["default"] == "accept"
