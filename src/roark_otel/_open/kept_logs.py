"""The logs of calls that were made and still wait: what comes late is read together with them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MAX_KEPT_BYTES: Final = 32 * 1024 * 1024
"""The most bytes of all kept logs. Over it, the oldest ones go."""


class KeptLogs:
    """Keeps the logs of closed groups by their numbers. The bound holds for what `size` counts: the bytes of the logs.

    Args:
        max_bytes: The most bytes of all of them; 0 to keep none.
    """

    def __init__(self, max_bytes: int | None = None) -> None:
        self._max_bytes = MAX_KEPT_BYTES if max_bytes is None else max_bytes
        self._logs: OrderedDict[int, bytearray] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        """The number of logs."""
        return len(self._logs)

    def keep(self, number: int, log: bytearray) -> None:
        """Keeps the log of a group, which must not change any more."""
        self.drop(number)
        self._logs[number] = log
        self.size += len(log)
        self._make_room()

    def add(self, number: int, more: bytes | bytearray) -> bytearray | None:
        """Adds rows, packed as a log, to the log of a group. Returns all of it; None if it is not kept (any more)."""
        log = self._logs.get(number)
        if log is not None:
            log += more
            self.size += len(more)
            self._make_room()
        return self._logs.get(number)

    def drop(self, number: int) -> None:
        """Lets go of the log of a group, if it is kept."""
        self.size -= len(self._logs.pop(number, b""))

    def _make_room(self) -> None:
        while self.size > self._max_bytes:
            self.drop(next(iter(self._logs)))
