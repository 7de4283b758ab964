"""The workers of deploy/examples: twenty lines each, and still nothing is lost, and nothing done twice but what failed."""

import os
import re
import signal
import subprocess

import pytest
from support.cutting_proxy import Cut, CuttingProxy
from support.file_writes import FileWrites
from support.letters import letters
from support.paths import BUILD, ROOT
from support.process import Child
from support.records import write
from support.waiting import eventually

EXAMPLES = ROOT / "deploy" / "examples"
PARTITIONS, RECORDS = 3, 500


def go_program(directory):
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
CUTS = [Cut("request", "fin"), Cut("nothing", "503"), Cut("nothing", "rst"), Cut("middle", "fin"), Cut("last", "rst")]


@pytest.mark.parametrize("example", COMMANDS)
def test_an_example_is_as_short_as_is_promised(example):
    lines = [line.strip() for line in (EXAMPLES / example).read_text().splitlines()]
    code = [line for line in lines if line and not re.match("#|//", line)]
    if example in ("worker.go", "Worker.java"):
        assert len([line for line in code if not re.fullmatch(r"[)}]", line)]) <= 30
    else:
        assert len(code) <= 20


@pytest.fixture
def worker(directory):
    """Starts an example, in a directory of its own that it saves the records in; it is stopped when the test ends."""
    started = []

    def start(example, url):
        saved = directory / "saved"
        started.append(Child(["env", "-C", saved, *COMMANDS[example](directory), url], directory / "worker.log"))
        return started[0]

    (directory / "saved").mkdir()
    yield start
    for child in started:
        child.terminate()


@pytest.mark.parametrize("example", COMMANDS)
def test_an_example_reads_to_the_end_and_repeats_only_what_failed(example, kafka, sluice, unique, directory, worker):
    """One record cannot be saved for a while, one has no value; and answers get lost, wholly or in part, or say 503."""
    dead = f"{unique}-dead"
    kafka.create_topic(dead, 1)
    daemon = sluice(PARTITIONS, dead_letter_topic=dead)
    failing, hopeless = f"{daemon.topic}-1@77", f"{daemon.topic}-2@120"
    orders = {}
    for partition in range(PARTITIONS):
        count = len(range(partition, RECORDS, PARTITIONS))
        mine = {f"{daemon.topic}-{partition}@{offset}": f"<{partition}: {offset}, é>" for offset in range(count)}
        values = ["" if place == hopeless else f'{{"order": "{order}"}}' for place, order in mine.items()]
        write(kafka.bootstrap, daemon.topic, [value.encode() for value in values], partition)
        orders.update(mine)
    ends = {(daemon.topic, partition): end for partition, end in kafka.end_offsets(daemon.topic).items()}
    saved = directory / "saved"
    (saved / failing).mkdir()
    writes = FileWrites(saved)

    with CuttingProxy(daemon.address) as proxy:
        proxy.cut_next(*CUTS)
        child = worker(example, f"http://{proxy.address}/v1/consumers/c/fetch")
        eventually("it was released", lambda: daemon.metrics().sum("sluice_records_acked_total", result="released"))
        (saved / failing).rmdir()
        eventually("everything is committed", lambda: kafka.committed(daemon.group) == ends, 60, 0.2)
        child.signal(signal.SIGTERM)
        child.wait(20)
        assert proxy.done == {(cut.where, cut.how): 1 for cut in CUTS}

    counted = daemon.metrics()
    files = {path.name: path.read_text() for path in saved.iterdir()}
    rejected = [hopeless] if example in THAT_REJECT else []
    assert set(files) == set(orders) - set(rejected)
    assert [place for place in files if place != hopeless and orders[place] not in files[place]] == []
    places = [each.place for each in letters(kafka, dead)]
    assert [f"{topic}-{partition}@{offset}" for topic, partition, offset in places] == rejected
    assert counted.sum("sluice_records_acked_total", result="released") >= 1, "the one that could not be saved"
    assert counted.sum("sluice_lease_expirations_total") == 0, "what is asked again is the batch that was leased"
    assert writes.end() == dict.fromkeys(files, 1)
