"""Waiting for something with a deadline: the only place in the suite that polls."""

import time


def eventually(what: str, condition, timeout_s: float = 30.0, interval_s: float = 0.05):
    """Returns the first truthy value of condition(); fails with `what` when there is none in time."""
    deadline = time.monotonic() + timeout_s
    last = None
    while True:
        last = condition()
        if last:
            return last
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what} (last seen: {last!r})")
        time.sleep(interval_s)
