"""Free loopback ports below the ephemeral range, so that no outgoing connection takes one in between."""

import os
import random
import socket

_random = random.Random(os.getpid())
_given = set()


def free_port() -> int:
    while True:
        port = _random.randrange(20000, 32000)
        if port in _given:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
