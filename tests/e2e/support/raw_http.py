"""Bytes on a socket: for requests that no well-behaved client would send."""

import json
import socket
import time


class RawAnswer:
    """The first response on the connection; status None when there was none. closed: the peer ended the connection."""

    def __init__(self, data: bytes, closed: bool):
        self.data, self.closed = data, closed
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ", 2)
        self.status = int(parts[1]) if len(parts) > 1 and parts[0].startswith("HTTP/1.") else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        length = int(self.headers.get("content-length", len(rest)))
        self.body = rest[:length]

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} closed={self.closed} {self.data[:500]!r}>"


def exchange(address: str, request: bytes, timeout_s: float = 10.0, linger_s: float = 0.3) -> RawAnswer:
    """Sends the bytes, reads the first complete response and looks whether the connection is closed after it."""
    host, port = address.rsplit(":", 1)
    data, closed = b"", False
    with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
        try:
            connection.sendall(request)
        except OSError:
            pass  # refused while it was being sent: the answer is what counts
        deadline = time.monotonic() + timeout_s
        while not closed and time.monotonic() < deadline:
            connection.settimeout(linger_s if _complete(data) else max(0.05, deadline - time.monotonic()))
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                break
            except OSError:
                closed = True
                break
            closed = not piece
            data += piece
    return RawAnswer(data, closed)


def _complete(data: bytes) -> bool:
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return len(rest) >= int(line.split(b":")[1])
    return False


def request(method: str, target: str, *headers: str, body: bytes = b"", host="localhost", version="HTTP/1.1") -> bytes:
    """A request as bytes; Host and Content-Length are added unless given or host is None."""
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += headers
    named = "\n".join(headers).lower()
    if body and "content-length" not in named and "transfer-encoding" not in named:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
