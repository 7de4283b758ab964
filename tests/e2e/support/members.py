"""Members of other make in the same group: the Java consumer and librdkafka, both telling their story in JSON lines."""

import json
import subprocess
import sys
from pathlib import Path

from .kafka_cluster import java
from .paths import BUILD, JAVA_SOURCES, KAFKA_LIBS
from .process import Child
from .waiting import eventually

_ASSIGNORS = {
    "range": "org.apache.kafka.clients.consumer.RangeAssignor",
    "roundrobin": "org.apache.kafka.clients.consumer.RoundRobinAssignor",
    "cooperative-sticky": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
}


def java_classes() -> Path:
    """Compiles tests/e2e/java when a source is newer than its classes."""
    classes = BUILD / "e2e-java"
    stamp = classes / "compiled"
    sources = sorted(JAVA_SOURCES.glob("*.java"))
    if not stamp.exists() or any(source.stat().st_mtime > stamp.stat().st_mtime for source in sources):
        classes.mkdir(parents=True, exist_ok=True)
        subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", classes, "-cp", f"{KAFKA_LIBS}/*", *sources], check=True)
        stamp.touch()
    return classes


def java_program(name: str, *arguments, heap="192m") -> list:
    command = java(name, *[str(argument) for argument in arguments], heap=heap)
    command[command.index("-cp") + 1] = f"{java_classes()}:{KAFKA_LIBS}/*"
    return command


def run_java(name: str, *arguments, stdin: str = None, timeout_s: float = 180.0) -> list:
    """Runs one of our Java programs to its end; returns its JSON lines."""
    done = subprocess.run(java_program(name, *arguments), input=stdin, capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def fill(bootstrap: str, topic: str, partitions: int, records: int, size: int = 100, codec="none", first=0):
    """Writes `records` records evenly over the partitions: key "n", value "partition:n:" and filler."""
    run_java(
        "Fill",
        *("--bootstrap", bootstrap, "--topic", topic, "--partitions", partitions),
        *("--records", records, "--size", size, "--codec", codec, "--first", first),
    )


class Member:
    """A group member in its own process. Events are dictionaries with "event" and "at_ms"."""

    def __init__(self, command, log: Path):
        self._events = log.with_suffix(".jsonl")
        self._out = open(self._events, "wb")
        self._child = Child(command, log, stdin=subprocess.PIPE, stdout=self._out)
        eventually("the member has started", lambda: self.events("started"), timeout_s=60)

    @property
    def pid(self):
        return self._child.pid

    def events(self, name=None) -> list:
        found = []
        for line in self._events.read_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the last line is still being written
            if name is None or event["event"] == name:
                found.append(event)
        return found

    def owned(self) -> set:
        """{(topic, partition)} after the events so far."""
        owned = set()
        for event in self.events():
            if event["event"] == "assigned":
                owned |= {tuple(partition) for partition in event["partitions"]}
            elif event["event"] in ("revoked", "lost"):
                owned -= {tuple(partition) for partition in event["partitions"]}
        return owned

    def rebalances(self) -> int:
        """How often a rebalance has reached this member, its own first join included."""
        return len(self.events("assigned"))

    def wait_owned(self, count: int, timeout_s: float = 40.0) -> set:
        def enough():
            owned = self.owned()
            return owned if len(owned) == count else None

        return eventually(f"the member owns {count} partitions", enough, timeout_s, 0.1)

    def leave(self):
        """Leaves the group in good order."""
        self._child.process.stdin.write(b"leave\n")
        self._child.process.stdin.flush()
        self._child.wait(30)
        self._out.close()

    def kill(self):
        self._child.kill()
        self._out.close()

    def ended(self) -> bool:
        return not self._child.alive()


def _options(bootstrap, group, topic, options):
    arguments = ["--bootstrap", bootstrap, "--group", group, "--topic", topic]
    for name, value in options.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        arguments += ["--" + name.replace("_", "-"), text]
    return arguments


def java_member(directory: Path, bootstrap: str, group: str, topic: str, assignor="range", **options) -> Member:
    """A Java consumer. Options: those of GroupMember.java, e.g. consume=False, session_ms=6000, hold_ms=60000."""
    options = {"assignor": _ASSIGNORS[assignor], **options}
    command = java_program("GroupMember", *_options(bootstrap, group, topic, options))
    return Member(command, directory / f"{options.get('client', 'java')}.log")


def librdkafka_member(directory: Path, bootstrap: str, group: str, topic: str, assignor="range", **options) -> Member:
    """A librdkafka consumer (confluent-kafka), with the same options and events as the Java one."""
    program = Path(__file__).with_name("librdkafka_member.py")
    command = [sys.executable, program, *_options(bootstrap, group, topic, {"assignor": assignor, **options})]
    return Member(command, directory / f"{options.get('client', 'librdkafka')}.log")
