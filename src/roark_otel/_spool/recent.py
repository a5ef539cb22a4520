"""The content of files that this process has just written, so that the courier need not read them again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from roark_otel._spool.file import Readable

MAX_RECENT_BYTES = 8 * 1024 * 1024
"""The most bytes that their bodies have together; beyond it the oldest are left to be read."""


class RecentFiles:
    """What files hold, by the names of their calls, each until it is asked for once."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, tuple[tuple[int, ...], Readable]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, name: str, status: os.stat_result, content: Readable) -> None:
        """Remembers what a file of this status holds, in place of what an earlier one of the call held."""
        with self._lock:
            self._remove(name)
            self._files[name] = _identity(status), content
            self._bytes += len(content.body)
            while self._bytes > MAX_RECENT_BYTES:
                self._remove(next(iter(self._files)))

    def take(self, name: str, status: os.stat_result) -> Readable | None:
        """Returns what the call's file holds, and forgets it; None if the file of this status is another."""
        with self._lock:
            found = self._remove(name)
        return found[1] if found and found[0] == _identity(status) else None

    def _remove(self, name: str) -> tuple[tuple[int, ...], Readable] | None:
        found = self._files.pop(name, None)
        if found is not None:
            self._bytes -= len(found[1].body)
        return found


def _identity(status: os.stat_result) -> tuple[int, ...]:
    # A file is replaced and never changed, so a changed one is another file. A rename keeps all of these.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
