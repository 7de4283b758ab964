"""Record batches (magic 2) made byte by byte, right or wrong, and sent to a broker as they are."""

import gzip
import socket
import struct

_HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_SIZE = _HEADER.size
CRC_AT, ATTRIBUTES_AT = 17, 21
GZIP, ZSTD = 1, 4


def _table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


_CRC32C = list(_table())


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(number: int) -> bytes:
    number = number << 1 ^ number >> 63
    out = bytearray()
    while number & ~0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def record(delta: int, value: bytes, length_is_wrong_by: int = 0) -> bytes:
    body = b"\x00" + varint(0) + varint(delta) + varint(-1) + varint(len(value)) + value + varint(0)
    return varint(len(body) + length_is_wrong_by) + body


def batch(records: list, codec: int = 0) -> bytes:
    """A batch of encoded records, with the right checksum."""
    payload = b"".join(records)
    if codec == GZIP:
        payload = gzip.compress(payload)
    count = len(records)
    length = HEADER_SIZE - 12 + len(payload)
    header = _HEADER.pack(0, length, -1, 2, 0, codec, count - 1, 1_700_000_000_000, 1_700_000_000_000, -1, -1, -1, count)
    return with_right_checksum(header + payload)


def with_right_checksum(whole: bytes) -> bytes:
    return whole[:CRC_AT] + struct.pack(">I", crc32c(whole[ATTRIBUTES_AT:])) + whole[ATTRIBUTES_AT:]


def find_batch(frame: bytes, base_offset: int, marker: bytes):
    """(begin, end) of the uncompressed batch at that offset that holds the marker; nothing when there is none."""
    begin = -1
    while True:
        begin = frame.find(struct.pack(">q", base_offset), begin + 1)
        if begin < 0 or begin + HEADER_SIZE > len(frame):
            return None
        (length,) = struct.unpack_from(">i", frame, begin + 8)
        end = begin + 12 + length
        if frame[begin + 16] != 2 or not begin + HEADER_SIZE <= end <= len(frame):
            continue
        if marker in frame[begin:end] and frame[begin:end] == with_right_checksum(frame[begin:end]):
            return begin, end


def produce(bootstrap: str, topic: str, partition: int, whole: bytes) -> tuple:
    """Produce v7 with this batch as it is. Gives (error code, base offset)."""

    def text(string):
        return struct.pack(">h", len(string)) + string.encode()

    request = (
        struct.pack(">hhi", 0, 7, 1) + text("raw") + struct.pack(">hhii", -1, -1, 10_000, 1) + text(topic)
        + struct.pack(">iii", 1, partition, len(whole)) + whole
    )  # fmt: skip
    host, port = bootstrap.split(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.makefile("rb")
        (size,) = struct.unpack(">i", answer.read(4))
        body = answer.read(size)
    return struct.unpack_from(">hq", body, 4 + 4 + len(text(topic)) + 4 + 4)
