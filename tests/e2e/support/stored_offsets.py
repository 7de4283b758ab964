"""What a group coordinator has stored, byte for byte: an OffsetFetch (version 2) written by hand.

librdkafka hands metadata on without its length, so what its Python binding shows may end in garbage.
"""

import socket
import struct


def stored(kafka, group: str, topic: str, partitions: int = 1) -> dict:
    """{partition: (next offset, text)}; nothing where nothing was ever committed."""
    body = _text(group) + struct.pack(">i", 1) + _text(topic)
    body += struct.pack(f">i{partitions}i", partitions, *range(partitions))
    request = struct.pack(">hhi", 9, 2, 1) + _text("stored-offsets") + body
    host, port = kafka.bootstrap.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", _read(connection, 4))
        answer = _read(connection, length)
    found, at = {}, 4 + 4  # the correlation id and the number of topics
    (name,) = struct.unpack_from(">h", answer, at)
    at += 2 + name
    (count,) = struct.unpack_from(">i", answer, at)
    at += 4
    for _ in range(count):
        partition, offset, size = struct.unpack_from(">iqh", answer, at)
        at += 14
        text = answer[at : at + max(size, 0)].decode("utf-8")
        at += max(size, 0)
        (code,) = struct.unpack_from(">h", answer, at)
        at += 2
        assert code == 0, f"OffsetFetch of {topic}-{partition}: error {code}"
        if offset >= 0:
            found[partition] = (offset, text)
    (code,) = struct.unpack_from(">h", answer, at)
    assert code == 0, f"OffsetFetch of {group}: error {code}"
    return found


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def _read(connection, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise AssertionError("the broker closed the connection")
        data += more
    return data
