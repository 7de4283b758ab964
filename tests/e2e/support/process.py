"""A child process with its output in a file; ended by its own id only, and never left behind."""

import atexit
import os
import signal
import subprocess
from pathlib import Path

_running = set()


class Child:
    def __init__(self, command, log: Path, stdin=None, stdout=None, env=None):
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(log, "ab")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout if stdout is not None else self._file,
            stderr=self._file,
            env=env,
        )
        _running.add(self)

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int):
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        """The exit code (negative: the signal). Raises subprocess.TimeoutExpired."""
        code = self.process.wait(timeout_s)
        _running.discard(self)
        self._file.close()
        return code

    def terminate(self, timeout_s: float = 20.0) -> int:
        """SIGTERM, then SIGKILL when that is not heard in time. Returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self.signal(signal.SIGKILL)
        return self.wait(20.0)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


@atexit.register
def _end_all():
    for child in list(_running):
        child.kill()
