"""The daemon under test: configuration, start, probes, metrics, the many ways to stop it."""

import signal
import time
from pathlib import Path

from .client import Answer, Consumer, Http
from .metrics import Metrics
from .paths import SLUICED
from .ports import free_port
from .process import Child
from .waiting import eventually
from .yaml_text import yaml_text

_FINDINGS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


class Daemon:
    """One sluiced. consumers: {name: settings}; other keyword arguments are top-level sections to merge in."""

    def __init__(self, directory: Path, bootstrap: str, consumers: dict, unix_socket=None, **sections):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.address = f"127.0.0.1:{free_port()}"
        self.admin_address = f"127.0.0.1:{free_port()}"
        listen = [self.address] + ([f"unix:{unix_socket}"] if unix_socket else [])
        self.config = {
            "kafka": {"bootstrap.servers": bootstrap, "client.id": directory.name},
            "consumers": consumers,
            "http": {"listen": listen},
            "admin": {"listen": self.admin_address},
            "log": {"level": "info", "format": "logfmt"},
        }
        for name, section in sections.items():
            self.config.setdefault(name, {}).update(section)
        self.config_file = directory / "sluice.yaml"
        self._admin = Http(self.admin_address, timeout=15)
        self._child = None
        self._starts = 0

    # life

    def start(self, wait_ready=True):
        self.config_file.write_text(yaml_text(self.config))
        self._starts += 1
        self.log = self.directory / f"sluiced-{self._starts}.log"
        self._child = Child([SLUICED, "--config", self.config_file], self.log)
        if wait_ready:
            eventually("GET /readyz answers 200", self.ready, timeout_s=60)
        return self

    def ready(self) -> bool:
        if not self._child.alive():
            raise AssertionError(f"sluiced ended: {self.log.read_text(errors='replace')[-3000:]}")
        try:
            return self._admin.request("GET", "/readyz").status == 200
        except OSError:
            return False

    @property
    def pid(self) -> int:
        return self._child.pid

    def alive(self) -> bool:
        return self._child is not None and self._child.alive()

    def signal(self, number=signal.SIGTERM):
        self._child.signal(number)

    def wait(self, timeout_s: float = 40.0) -> int:
        code = self._child.wait(timeout_s)
        self._admin.close()
        self.check_log()
        return code

    def stop(self, timeout_s: float = 40.0) -> int:
        """SIGTERM and the exit code."""
        self.signal()
        return self.wait(timeout_s)

    def kill(self):
        """kill -9: no drain, no commit, no leave."""
        self._child.kill()
        self._admin.close()

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def check_log(self):
        text = self.log.read_text(errors="replace")
        for finding in _FINDINGS:
            at = text.find(finding)
            assert at < 0, f"{self.log}: {text[at:at + 6000]}"

    # what it shows

    def consumer(self, name=None, timeout: float = 90.0) -> Consumer:
        return Consumer(self.address, name or next(iter(self.config["consumers"])), timeout)

    def admin(self, path: str, method: str = "GET") -> Answer:
        return self._admin.request(method, path)

    def metrics(self) -> Metrics:
        answer = self.admin("/metrics")
        assert answer.status == 200, answer
        return Metrics(answer.body.decode())

    def memory(self) -> dict:
        """{VmRSS, VmHWM} in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {name: int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")}

    def assigned(self, consumer=None) -> set:
        """{(topic, partition)} that this daemon says it owns, by its metrics."""
        labels = {"consumer": consumer} if consumer else {}
        found = self.metrics().all("sluice_partition_paused", **labels)
        return {(sample["topic"], int(sample["partition"])) for sample, _ in found}

    def wait_assigned(self, count: int, timeout_s: float = 40.0) -> set:
        def enough():
            owned = self.assigned()
            return owned if len(owned) == count else None

        return eventually(f"{count} partitions are assigned", enough, timeout_s, 0.1)


def collect(consumer: Consumer, count: int, timeout_s: float = 60.0, ack=True, **limits) -> list:
    """Fetches (and acks) until `count` records have come; returns them in order of arrival."""
    records = []
    deadline = time.monotonic() + timeout_s
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} of {count} records in {timeout_s:g} s"
        batch = consumer.fetch(**{"wait_ms": 1000, **limits})
        if batch["batch_id"] is None:
            continue
        records += batch["records"]
        if ack:
            consumer.ack(batch)
    return records
