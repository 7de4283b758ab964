"""A small client of the daemon's HTTP API, as an application would write one: one kept-alive connection."""

import http.client
import socket
from urllib.parse import quote, urlencode

import orjson


class Answer:
    """Status, headers and body of one response."""

    def __init__(self, status: int, headers, body: bytes):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def content_type(self) -> str:
        return (self.headers.get("content-type") or "").split(";")[0].strip()

    def json(self):
        return orjson.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.content_type} {self.body[:600]!r}>"


class Refused(AssertionError):
    """The daemon answered with a problem where the test expected success."""

    def __init__(self, answer: Answer):
        super().__init__(repr(answer))
        self.answer = answer


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Http:
    """One connection to `address` (host:port or unix:/path); reconnects after a failure."""

    def __init__(self, address: str, timeout: float = 60.0):
        self._address = address
        self._timeout = timeout
        self._connection = None

    def _open(self):
        if self._address.startswith("unix:"):
            return UnixConnection(self._address[5:], self._timeout)
        host, port = self._address.rsplit(":", 1)
        return http.client.HTTPConnection(host, int(port), timeout=self._timeout)

    def request(self, method: str, path: str, body=None, headers=None) -> Answer:
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = orjson.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if self._connection is None:
            self._connection = self._open()
        try:
            self._connection.request(method, path, body=body, headers=headers)
            response = self._connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, data)

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Consumer:
    """One consumer of one daemon, as seen by one worker of an application."""

    def __init__(self, address: str, name: str, timeout: float = 90.0):
        self.http = Http(address, timeout)
        self.name = name
        self.path = f"/v1/consumers/{quote(name, safe='')}"

    def call(self, method: str, path: str, body=None, headers=None) -> Answer:
        return self.http.request(method, self.path + path, body, headers)

    def _ok(self, answer: Answer, *statuses):
        if answer.status not in (statuses or (200,)):
            raise Refused(answer)
        return answer.json() if answer.body else None

    def fetch(self, headers=None, **limits) -> dict:
        """POST …/fetch; keyword arguments become the body."""
        return self._ok(self.call("POST", "/fetch", limits, headers))

    def fetch_by_query(self, **limits) -> dict:
        return self._ok(self.call("POST", "/fetch?" + urlencode(limits)))

    def batch_path(self, batch) -> str:
        batch_id = batch if isinstance(batch, str) else batch["batch_id"]
        return f"/batches/{quote(batch_id, safe='')}"

    def ack(self, batch, **settlement) -> dict:
        """POST …/ack; no keyword: an empty body, all records."""
        return self._ok(self.try_ack(batch, **settlement), 200, 202)

    def try_ack(self, batch, **settlement) -> Answer:
        return self.call("POST", self.batch_path(batch) + "/ack", settlement or None)

    def extend(self, batch, **body) -> dict:
        return self._ok(self.try_extend(batch, **body))

    def try_extend(self, batch, **body) -> Answer:
        return self.call("POST", self.batch_path(batch) + "/extend", body or None)

    def release(self, batch, **body) -> dict:
        return self._ok(self.try_release(batch, **body))

    def try_release(self, batch, **body) -> Answer:
        return self.call("POST", self.batch_path(batch) + "/release", body or None)

    def state(self) -> dict:
        return self._ok(self.call("GET", ""))

    def batches(self):
        return self._ok(self.call("GET", "/batches"))

    def batch(self, batch, records=False) -> dict:
        return self._ok(self.call("GET", self.batch_path(batch) + ("?records=true" if records else "")))

    def close(self):
        self.http.close()
