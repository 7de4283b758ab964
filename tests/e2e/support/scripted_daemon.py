"""A stand-in for sluiced that answers fetches from a script, for what a real one does only by accident: an answer that
gets lost, a moment in which it is not there."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UNAVAILABLE = "answer 503, Retry-After: 1"
LOST = "take the request and close the connection"


class ScriptedDaemon:
    """steps: for each fetch UNAVAILABLE, LOST, or a function that returns (batch_id, records). Other calls get {}.
    What was asked is in `requests`: [(path, body)]."""

    def __init__(self, port: int, steps: list):
        self.requests = []
        self._steps = iter(steps)
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                scripted.requests.append((self.path, body))
                step = next(scripted._steps) if self.path.endswith("/fetch") else None
                if step == LOST:
                    self.close_connection = True
                elif step == UNAVAILABLE:
                    self.answer(503, json.dumps({"status": 503, "retryable": True}))
                elif step:
                    self.answer(200, _written(*step(), body, "ndjson" in self.headers.get("Accept", "")))
                else:
                    self.answer(200, "{}")

            def answer(self, status, text):
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                if status == 503:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def _written(batch_id, records, request, lines: bool) -> str:
    """As sluiced writes it: members in its order, no white space."""

    def text(value):
        return json.dumps(value, separators=(",", ":"))

    if request.get("encoding", {}).get("value") == "base64":
        records = [{**r, "value": r["value"] and base64.b64encode(r["value"].encode()).decode()} for r in records]
    if lines:
        return "".join(text(line) + "\n" for line in [{"batch_id": batch_id}, *records])
    return text({"batch_id": batch_id, "records": records})
