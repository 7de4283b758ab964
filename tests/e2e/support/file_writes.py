"""How often files are written, as the kernel tells it (inotify)."""

import collections
import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_CLOSE_WRITE = 0x8
_HEAD = struct.Struct("iIII")  # watch, mask, cookie, size of the name


class FileWrites:
    """Counts each time that a file of the directory is closed after it was open for writing. Not for more than about
    10,000 of them: the kernel's queue has an end."""

    def __init__(self, directory):
        self._queue = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._queue >= 0 and _libc.inotify_add_watch(self._queue, os.fsencode(directory), _CLOSE_WRITE) >= 0

    def end(self) -> collections.Counter:
        """Name of the file -> how often."""
        counts = collections.Counter()
        while True:
            try:
                events = os.read(self._queue, 65536)
            except BlockingIOError:
                os.close(self._queue)
                return counts
            while events:
                size = _HEAD.unpack_from(events)[3]
                counts[os.fsdecode(events[_HEAD.size : _HEAD.size + size].rstrip(b"\0"))] += 1
                events = events[_HEAD.size + size :]
