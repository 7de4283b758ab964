"""A TCP proxy before the daemon that breaks connections off in the middle of an answer."""

import asyncio
import socket
import struct
import threading
from collections import Counter, deque
from dataclasses import dataclass

from .client import Consumer

_PIECE = 64 * 1024
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"
_CHUNKED_SIZE = 3_000_000  # about what an answer in chunks has in these tests


def reset_on_close(connection: socket.socket):
    """Its close() will send RST and drop what is still to be sent or read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass(frozen=True)
class Cut:
    """Where an answer breaks off, and how.

    where: "request" (as soon as the request is passed on), "nothing" (at the answer's first byte, which does not
    get through), "head" (the head is all that does), "middle" (after `part` of it), "last" (before its last byte).
    how: "fin" or "rst", towards client and daemon; "503" with "nothing": that is what the client gets instead.
    """

    where: str
    how: str
    part: float = 0.5


def _frame(message: bytearray):
    """(size of the head or 0 while it is not complete, Content-Length or None)."""
    head = message.find(b"\r\n\r\n") + 4
    if head < 4:
        return 0, None
    lines = message[:head].lower().split(b"\r\n")
    return head, next((int(line[15:]) for line in lines if line[:15] == b"content-length:"), None)


class CuttingProxy:
    """Passes everything on; each Cut given to cut_next() breaks off the answer of one request, in their order."""

    def __init__(self, daemon_address: str):
        self._daemon_address = daemon_address
        host, port = daemon_address.rsplit(":", 1)
        self._daemon = host, int(port)
        self._cuts = deque()
        self.done = Counter()  # (where, how) of the cuts that were made
        self._listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._listening.wait(10)

    def consumer(self, name: str, timeout: float = 30.0) -> Consumer:
        """A worker of an application whose connections go through here."""
        return Consumer(self.address, name, timeout)

    def cut_next(self, *cuts: Cut):
        self._cuts.extend(cuts)

    def close(self):
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self):
        self._loop.run_until_complete(self._serve())

    async def _serve(self):
        self._ending = asyncio.Event()
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        listener.setblocking(False)
        self.address = "127.0.0.1:%d" % listener.getsockname()[1]
        self._listening.set()
        accepting = asyncio.create_task(self._accept(listener))
        await self._ending.wait()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        accepting.cancel()
        listener.close()

    async def _accept(self, listener):
        loop, tasks = asyncio.get_running_loop(), set()
        while True:
            client, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(_Pair(self, client).run(self._daemon))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def renamed(self, data: bytes) -> bytes:
        """The daemon answers to its own name only: in the Host header, this proxy's becomes the daemon's."""
        return data.replace(self.address.encode(), self._daemon_address.encode())

    def take_cut(self):
        return self._cuts.popleft() if self._cuts else None


class _Pair:
    """The two sockets of one client's connection."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket):
        self._proxy, self._client = proxy, client
        self._server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Small, so that a large answer is still being written when its connection breaks.
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE)
        self._cut = None
        self._request = bytearray()  # of a request whose answer is to be cut, what has come of it
        self._answer = bytearray()
        self._passed = 0

    async def run(self, daemon):
        for side in (self._client, self._server):
            side.setblocking(False)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = asyncio.get_running_loop()
        ways = []
        try:
            await self._loop.sock_connect(self._server, daemon)
            ways = [asyncio.create_task(self._requests()), asyncio.create_task(self._answers())]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._client.close()
            self._server.close()

    async def _requests(self):
        while data := await self._loop.sock_recv(self._client, _PIECE):
            self._cut = self._cut or self._proxy.take_cut()
            await self._loop.sock_sendall(self._server, self._proxy.renamed(data))
            if self._cut and self._cut.where == "request":
                self._request += data
                head, length = _frame(self._request)
                if head and len(self._request) >= head + (length or 0):
                    return self._break()

    async def _answers(self):
        while data := await self._loop.sock_recv(self._server, _PIECE):
            if self._cut is None:
                await self._loop.sock_sendall(self._client, data)
                continue
            self._answer += data
            let_through, done = self._limit()
            piece = bytes(self._answer[self._passed : let_through])
            self._passed += len(piece)
            await self._loop.sock_sendall(self._client, piece)
            if done:
                return self._break()

    def _limit(self):
        """(how many bytes of the answer may pass as far as is known, whether that is where it breaks off)."""
        have, where = len(self._answer), self._cut.where
        if where in ("request", "nothing"):
            return 0, where == "nothing"
        head, length = _frame(self._answer)
        if not head:
            return 0, False
        if where == "head":
            return head, True
        if length is None:  # in chunks: its size is known when it is complete
            complete = self._answer.endswith(_LAST_CHUNK)
            limit = have if where == "last" else int(self._cut.part * _CHUNKED_SIZE)
            return min(limit, have - 1), complete or have > limit
        limit = head + length - 1 if where == "last" else int(self._cut.part * (head + length))
        return min(limit, have), have >= limit

    def _break(self):
        self._proxy.done[self._cut.where, self._cut.how] += 1
        if self._cut.how == "rst":
            for side in (self._client, self._server):
                reset_on_close(side)
        else:
            if self._cut.how == "503":
                self._client.send(_UNAVAILABLE)
            for side in (self._client, self._server):
                try:
                    side.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
