"""A proxy in front of a broker that may change the answers to Fetch requests on their way."""

import socket
import struct
import threading

_FETCH = 1


class KafkaProxy:
    """`tamper`: bytes of a Fetch answer -> bytes of the same length, or None to leave it as it is."""

    def __init__(self, broker_port: int, port: int):
        self.tamper = lambda answer: None
        self.port = port
        self._broker_port = broker_port
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                return
            asked = {}
            for a, b, look in ((client, broker, self._note), (broker, client, self._change)):
                threading.Thread(target=_pump, args=(a, b, lambda frame, look=look: look(frame, asked)), daemon=True).start()

    def _note(self, frame, asked):
        key, _, correlation = struct.unpack_from(">hhi", frame)
        asked[correlation] = key
        return frame

    def _change(self, frame, asked):
        (correlation,) = struct.unpack_from(">i", frame)
        if asked.pop(correlation, None) != _FETCH:
            return frame
        changed = self.tamper(frame) or frame
        assert len(changed) == len(frame)
        return changed

    def close(self):
        self._listener.close()


def _pump(source, target, look):
    with source, target, source.makefile("rb") as reader:
        try:
            while head := reader.read(4):
                frame = reader.read(struct.unpack(">i", head)[0])
                target.sendall(head + look(frame))
        except (OSError, struct.error):
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
