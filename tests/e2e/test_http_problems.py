"""A table of bad requests, each with the right problem: RFC 9457, stable type, and a daemon that lives on."""

import json
import socket
import threading

import pytest
from support.client import Http
from support.daemon import Daemon
from support.members import fill
from support.raw_http import exchange, request
from support.waiting import eventually

pytestmark = pytest.mark.sanitizers

STATUS = {
    "malformed-request": 400,
    "invalid-value": 422,
    "unknown-consumer": 404,
    "unknown-batch": 404,
    "unknown-path": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "unsupported-media-type": 415,
    "body-too-large": 413,
    "head-too-large": 431,
    "lease-gone": 410,
    "too-many-fetches": 429,
    "draining": 503,
    "forbidden-host": 403,
    "forbidden-origin": 403,
}
FETCH = "/v1/consumers/c/fetch"
NO_BATCH = "0123456789abcdef0123456789abcdef"
BATCH = f"/v1/consumers/c/batches/{NO_BATCH}"
JSON = "Content-Type: application/json"


def check_problem(answer, slug, field=None):
    assert answer.status == STATUS[slug], answer
    assert answer.headers["content-type"].startswith("application/problem+json"), answer
    problem = answer.json()
    assert problem["type"] == f"/problems/{slug}", answer
    assert problem["status"] == STATUS[slug]
    assert problem["title"] and problem["detail"], answer
    if field:
        assert field in json.dumps(problem), answer


@pytest.fixture(scope="module")
def daemon(kafka, tmp_path_factory):
    """One daemon for the whole table: whatever the table does to it, it has to go on."""
    topic = kafka.create_topic("http-problems", 1)
    fill(kafka.bootstrap, topic, 1, 100)
    made = Daemon(
        tmp_path_factory.mktemp("http-problems"),
        kafka.bootstrap,
        {"c": {"group.id": "http-problems", "topics": [topic]}},
        http={"max.waiting.fetches": 4},
    )
    made.topic = topic
    made.start()
    made.wait_assigned(1)
    yield made
    if made.alive():
        made.kill()
    made.check_log()


# ---------------------------------------------------------------------------------------------- well-formed HTTP

# (name, method, path, headers, body, slug, what the detail names)
REQUESTS = [
    ("unknown path", "GET", "/", {}, None, "unknown-path", None),
    ("unknown version", "GET", "/v2/consumers", {}, None, "unknown-path", None),
    ("path with a slash too many", "GET", "/v1/consumers/c/", {}, None, "unknown-path", None),
    ("doubled slash", "GET", "/v1//consumers", {}, None, "unknown-path", None),
    ("unknown part of a consumer", "GET", "/v1/consumers/c/nothing", {}, None, "unknown-path", None),
    ("unknown action on a batch", "POST", BATCH + "/eat", {}, None, "unknown-path", None),
    ("path in capitals", "GET", "/V1/consumers", {}, None, "unknown-path", None),
    ("unknown consumer, state", "GET", "/v1/consumers/nobody", {}, None, "unknown-consumer", "nobody"),
    ("unknown consumer, fetch", "POST", "/v1/consumers/nobody/fetch", {}, None, "unknown-consumer", "nobody"),
    ("unknown consumer, ack", "POST", "/v1/consumers/nobody/batches/b/ack", {}, None, "unknown-consumer", "nobody"),
    ("unknown batch, ack", "POST", BATCH + "/ack", {}, None, "unknown-batch", NO_BATCH),
    ("unknown batch, extend", "POST", BATCH + "/extend", {}, {"lease_ms": 5000}, "unknown-batch", NO_BATCH),
    ("unknown batch, release", "POST", BATCH + "/release", {}, None, "unknown-batch", NO_BATCH),
    ("unknown batch, shown", "GET", BATCH, {}, None, "unknown-batch", NO_BATCH),
    ("GET of fetch", "GET", FETCH, {}, None, "method-not-allowed", None),
    ("PUT of fetch", "PUT", FETCH, {}, {}, "method-not-allowed", None),
    ("DELETE of a batch's ack", "DELETE", BATCH + "/ack", {}, None, "method-not-allowed", None),
    ("POST of the list of consumers", "POST", "/v1/consumers", {}, {}, "method-not-allowed", None),
    ("PATCH of a consumer", "PATCH", "/v1/consumers/c", {}, {}, "method-not-allowed", None),
    ("a method of its own", "BREW", FETCH, {}, None, "method-not-allowed", None),
    ("Accept of an image", "POST", FETCH, {"Accept": "image/png"}, None, "not-acceptable", "application/json"),
    ("Accept of XML with q", "POST", FETCH, {"Accept": "text/xml;q=0.9"}, None, "not-acceptable", None),
    ("body in XML", "POST", FETCH, {"Content-Type": "text/xml"}, "<fetch/>", "unsupported-media-type", None),
    ("body as a form", "POST", FETCH, {"Content-Type": "application/x-www-form-urlencoded"}, "a=1", "unsupported-media-type", None),
    ("body as plain text", "POST", FETCH, {"Content-Type": "text/plain"}, "{}", "unsupported-media-type", None),
    ("compressed body", "POST", FETCH, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, "{}", "unsupported-media-type", None),
    ("no JSON", "POST", FETCH, {"Content-Type": "application/json"}, "{max", "malformed-request", None),
    ("JSON cut short", "POST", FETCH, {"Content-Type": "application/json"}, '{"max_records": 5', "malformed-request", None),
    ("JSON with an end too many", "POST", FETCH, {"Content-Type": "application/json"}, "{}}", "malformed-request", None),
    ("JSON with NaN", "POST", FETCH, {"Content-Type": "application/json"}, '{"wait_ms": NaN}', "malformed-request", None),
    ("JSON in a broken encoding", "POST", FETCH, {"Content-Type": "application/json"}, b'{"request_id": "\xff"}', "malformed-request", None),
    ("JSON too deep", "POST", FETCH, {"Content-Type": "application/json"}, "[" * 5000 + "]" * 5000, "malformed-request", None),
    ("JSON with a repeated key", "POST", FETCH, {"Content-Type": "application/json"}, '{"wait_ms": 1, "wait_ms": 2}', "malformed-request", None),
    ("a list instead of an object", "POST", FETCH, {}, [], "malformed-request", None),
    ("a number instead of an object", "POST", FETCH, {}, 5, "malformed-request", None),
    ("a body without a type", "POST", FETCH, {}, b"{}", "unsupported-media-type", None),
    ("misspelt field", "POST", FETCH, {}, {"max_record": 5}, "invalid-value", "max_record"),
    ("max_records 0", "POST", FETCH, {}, {"max_records": 0}, "invalid-value", "max_records"),
    ("max_records negative", "POST", FETCH, {}, {"max_records": -5}, "invalid-value", "max_records"),
    ("max_records as text", "POST", FETCH, {}, {"max_records": "5"}, "invalid-value", "max_records"),
    ("max_records with a fraction", "POST", FETCH, {}, {"max_records": 1.5}, "invalid-value", "max_records"),
    ("max_records beyond 64 bits", "POST", FETCH, {"Content-Type": "application/json"}, '{"max_records": 99999999999999999999}', "invalid-value", "max_records"),
    ("max_bytes 0", "POST", FETCH, {}, {"max_bytes": 0}, "invalid-value", "max_bytes"),
    ("max_bytes -2", "POST", FETCH, {}, {"max_bytes": -2}, "invalid-value", "max_bytes"),
    ("wait_ms negative", "POST", FETCH, {}, {"wait_ms": -1}, "invalid-value", "wait_ms"),
    ("wait_ms true", "POST", FETCH, {}, {"wait_ms": True}, "invalid-value", "wait_ms"),
    ("lease_ms 0", "POST", FETCH, {}, {"lease_ms": 0}, "invalid-value", "lease_ms"),
    ("lease_ms negative", "POST", FETCH, {}, {"lease_ms": -1}, "invalid-value", "lease_ms"),
    ("min_records negative", "POST", FETCH, {}, {"min_records": -1}, "invalid-value", "min_records"),
    ("min_bytes negative", "POST", FETCH, {}, {"min_bytes": -1}, "invalid-value", "min_bytes"),
    ("unknown mode", "POST", FETCH, {}, {"mode": "push"}, "invalid-value", "mode"),
    ("unknown encoding", "POST", FETCH, {}, {"encoding": {"value": "hex"}}, "invalid-value", "encoding"),
    ("encoding of an unknown part", "POST", FETCH, {}, {"encoding": {"body": "auto"}}, "invalid-value", "body"),
    ("topics as text", "POST", FETCH, {}, {"topics": "a"}, "invalid-value", "topics"),
    ("a topic that is not consumed", "POST", FETCH, {}, {"topics": ["elsewhere"]}, "invalid-value", "elsewhere"),
    ("request_id too long", "POST", FETCH, {}, {"request_id": "x" * 5000}, "invalid-value", "request_id"),
    ("request_id as a number", "POST", FETCH, {}, {"request_id": 5}, "invalid-value", "request_id"),
    ("query that is no number", "POST", FETCH + "?max_records=many", {}, None, "invalid-value", "max_records"),
    ("unknown query parameter", "POST", FETCH + "?max_recs=5", {}, None, "invalid-value", "max_recs"),
    ("ack inside a fetch without its batch", "POST", FETCH, {}, {"ack": {}}, "invalid-value", "batch_id"),
    ("ack with an unknown default", "POST", BATCH + "/ack", {}, {"default": "maybe"}, "invalid-value", "default"),
    ("ack with an unknown commit", "POST", BATCH + "/ack", {}, {"commit": "later"}, "invalid-value", "commit"),
    ("ack of an entry without a partition", "POST", BATCH + "/ack", {}, {"accept": [{"topic": "t", "offset": 1}]}, "invalid-value", "partition"),
    ("ack of a backward range", "POST", BATCH + "/ack", {}, {"accept": [{"topic": "t", "partition": 0, "from": 5, "to": 4}]}, "invalid-value", "from"),
    ("ack of a negative index", "POST", BATCH + "/ack", {}, {"accept": [-1]}, "invalid-value", "accept"),
    ("ack with accept as an object", "POST", BATCH + "/ack", {}, {"accept": {}}, "invalid-value", "accept"),
    ("ack with a misspelt field", "POST", BATCH + "/ack", {}, {"acept": []}, "invalid-value", "acept"),
    ("release with a negative delay", "POST", BATCH + "/release", {}, {"delay_ms": -1}, "invalid-value", "delay_ms"),
    ("extend by nothing", "POST", BATCH + "/extend", {}, {"lease_ms": 0}, "invalid-value", "lease_ms"),
    ("a page of another site", "POST", FETCH, {"Origin": "https://evil.example"}, None, "forbidden-origin", None),
    ("a name that was rebound to this address", "GET", "/v1/consumers", {"Host": "evil.example"}, None, "forbidden-host", None),
    ("a body above the limit", "POST", FETCH, {"Content-Type": "application/json"}, b" " * (9 << 20) + b"{}", "body-too-large", None),
]


@pytest.mark.parametrize("name, method, path, headers, body, slug, field", REQUESTS, ids=[row[0] for row in REQUESTS])
def test_bad_request(daemon, name, method, path, headers, body, slug, field):
    lines = [f"{key}: {value}" for key, value in headers.items() if key != "Host"]
    if body is not None and not isinstance(body, (bytes, str)):
        lines.append(JSON)
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body or b""
    answer = exchange(daemon.address, request(method, path, *lines, body=data, host=headers.get("Host", daemon.address)))

    check_problem(answer, slug, field)
    if slug == "method-not-allowed":
        assert answer.headers["allow"]


# ---------------------------------------------------------------------------------------------- malformed HTTP

LIST = "/v1/consumers"
GOOD = request("GET", LIST)

# (name, bytes); each is answered 400 with a problem and the connection is closed, so that nothing can be smuggled.
MALFORMED = [
    ("no Host", request("GET", LIST, host=None)),
    ("two Hosts", request("GET", LIST, "Host: localhost")),
    ("an empty Host", request("GET", LIST, host="")),
    ("two equal Content-Lengths", request("POST", FETCH, "Content-Length: 2", "Content-Length: 2", JSON, body=b"{}")),
    ("two different Content-Lengths", request("POST", FETCH, "Content-Length: 2", "Content-Length: 3", JSON, body=b"{}")),
    ("a list as Content-Length", request("POST", FETCH, "Content-Length: 2, 2", JSON, body=b"{}")),
    ("a signed Content-Length", request("POST", FETCH, "Content-Length: +2", JSON, body=b"{}")),
    ("a hexadecimal Content-Length", request("POST", FETCH, "Content-Length: 0x2", JSON, body=b"{}")),
    ("a Content-Length beyond 64 bits", request("POST", FETCH, "Content-Length: 99999999999999999999", JSON, body=b"{}")),
    ("Content-Length and Transfer-Encoding", request("POST", FETCH, "Content-Length: 2", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    ("an unknown Transfer-Encoding", request("POST", FETCH, "Transfer-Encoding: xchunked", body=b"0\r\n\r\n")),
    ("chunked before identity", request("POST", FETCH, "Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n")),
    ("gzip before chunked", request("POST", FETCH, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    ("two Transfer-Encodings", request("POST", FETCH, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    ("Transfer-Encoding in HTTP/1.0", request("POST", FETCH, "Transfer-Encoding: chunked", body=b"0\r\n\r\n", version="HTTP/1.0")),
    ("a folded header", request("GET", LIST, "X-A: b\r\n c")),
    ("a space before the colon", request("GET", LIST, "X-A : b")),
    ("a header without a name", request("GET", LIST, ": b")),
    ("a header without a colon", request("GET", LIST, "nonsense")),
    ("an underscore in a framing header", request("POST", FETCH, "Content_Length: 2", "Content-Length: 2", JSON, body=b"{}")),
    ("NUL in a header", request("GET", LIST, "X-A: b\0c")),
    ("a bare CR in a header", request("GET", LIST, "X-A: b\rc")),
    ("bare line feeds", GOOD.replace(b"\r\n", b"\n")),
    ("a double space in the request line", GOOD.replace(b"GET ", b"GET  ")),
    ("a tab in the request line", GOOD.replace(b"GET ", b"GET\t")),
    ("a control character in the target", GOOD.replace(b"/v1", b"/v1\x01")),
    ("a raw byte above ASCII in the target", GOOD.replace(b"/v1", b"/v1\x80")),
    ("a fragment in the target", GOOD.replace(LIST.encode(), LIST.encode() + b"#x")),
    ("dots in the path", GOOD.replace(b"/v1", b"/v1/../v1")),
    ("an encoded NUL in the path", GOOD.replace(b"consumers", b"consumers%00")),
    ("an incomplete escape in the path", GOOD.replace(b"consumers", b"consumers%4")),
    ("the absolute form", GOOD.replace(b"GET /", b"GET http://localhost/")),
    ("TRACE", request("TRACE", LIST)),
    ("CONNECT", request("CONNECT", "localhost:80")),
    ("HTTP/2.0 in the line", GOOD.replace(b"HTTP/1.1", b"HTTP/2.0")),
    ("HTTP/1.9 in the line", GOOD.replace(b"HTTP/1.1", b"HTTP/1.9")),
    ("lower-case http", GOOD.replace(b"HTTP/1.1", b"http/1.1")),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a TLS greeting", bytes.fromhex("160301020001000001fc0303") + b"\0" * 500),
    ("noise", b"\x00\xff\xfe\x01" * 64 + b"\r\n\r\n"),
    ("a method of 6000 letters", b"G" * 6000 + GOOD[3:]),
    ("a chunk of a negative size", request("POST", FETCH, "Transfer-Encoding: chunked", JSON, body=b"-1\r\n{}\r\n0\r\n\r\n")),
    ("a huge chunk", request("POST", FETCH, "Transfer-Encoding: chunked", JSON, body=b"ffffffffffffffffff\r\n{}")),
    ("a chunk without its end", request("POST", FETCH, "Transfer-Encoding: chunked", JSON, body=b"2\r\n{}XX0\r\n\r\n")),
    ("a long chunk extension", request("POST", FETCH, "Transfer-Encoding: chunked", JSON, body=b"2;" + b"x" * 20000 + b"\r\n{}\r\n0\r\n\r\n")),
]


@pytest.mark.parametrize("name, data", MALFORMED, ids=[row[0] for row in MALFORMED])
def test_malformed_request(daemon, name, data):
    answer = exchange(daemon.address, data)

    assert answer.closed, answer
    if answer.status == 431:
        check_problem(answer, "head-too-large")
    else:
        check_problem(answer, "malformed-request")


TOO_LARGE = [
    ("a header of 100 kB", request("GET", LIST, "X-A: " + "b" * 100_000)),
    ("2000 headers", request("GET", LIST, *[f"X-{n}: {n}" for n in range(2000)])),
    ("a target of 100 kB", request("GET", LIST + "?a=" + "b" * 100_000)),
]


@pytest.mark.parametrize("name, data", TOO_LARGE, ids=[row[0] for row in TOO_LARGE])
def test_head_too_large(daemon, name, data):
    answer = exchange(daemon.address, data)

    check_problem(answer, "head-too-large")
    assert answer.closed


# ---------------------------------------------------------------------------------------------- what must be borne


def test_an_upgrade_to_http2_is_ignored(daemon):
    answer = exchange(daemon.address, request("GET", LIST, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"))

    assert answer.status == 200, answer


def test_a_short_chunk_extension_is_borne(daemon):
    body = b"2;a=b\r\n{}\r\n0\r\n\r\n"
    answer = exchange(daemon.address, request("POST", FETCH + "?wait_ms=0", "Transfer-Encoding: chunked", JSON, body=body))

    assert answer.status == 200, answer


def test_expect_100_continue_is_answered(daemon):
    head = request("POST", FETCH + "?wait_ms=0", "Expect: 100-continue", "Content-Length: 2", JSON)
    answer = exchange(daemon.address, head, timeout_s=3)

    assert answer.status == 100, answer


def test_head_is_answered_without_a_body(daemon):
    answer = exchange(daemon.address, request("HEAD", LIST))

    assert answer.status in (200, 405), answer
    assert answer.data.endswith(b"\r\n\r\n")


def test_too_many_waiting_fetches(daemon):
    consumer = daemon.consumer()
    for _ in range(100):  # everything that is there is taken, so that fetches wait
        batch = consumer.fetch(wait_ms=0, max_records=1000, lease_ms=120000)
        if batch["batch_id"] is None:
            break
    waiting = [threading.Thread(target=lambda: daemon.consumer().call("POST", "/fetch", {"wait_ms": 4000})) for _ in range(4)]
    for thread in waiting:
        thread.start()
    eventually("four fetches wait", lambda: consumer.state()["waiting_fetches"] == 4)
    answer = consumer.call("POST", "/fetch", {"wait_ms": 4000})
    for thread in waiting:
        thread.join()

    check_problem(answer, "too-many-fetches")
    assert answer.json()["retryable"] is True


def test_slow_heads_do_not_hold_up_others(daemon):
    host, port = daemon.address.split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"POST /v1/consumers/c/fetch HTTP/1.1\r\nHost: local")
    try:
        assert Http(daemon.address, timeout=5).request("GET", LIST).status == 200
    finally:
        for connection in slow:
            connection.close()


def test_the_daemon_is_well_after_all_of_this(daemon):
    assert daemon.admin("/livez").status == 200
    assert daemon.consumer().state()
    assert daemon.memory()["VmRSS"] < (1 << 30)


def test_the_table_is_long_enough():
    assert len(REQUESTS) + len(MALFORMED) + len(TOO_LARGE) >= 60
