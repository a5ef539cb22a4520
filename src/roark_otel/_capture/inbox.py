"""The inbox: app threads append entries to it for the assembler. Appending never blocks and takes no lock."""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from roark_otel._model.spans import Entry

MAX_SPANS = 100_000
"""The most entries that may wait."""

FEW_SPANS = 64
"""The number of waiting entries from which the size of records is measured."""

MAX_BYTES = 64 * 1024 * 1024
"""The most characters of attributes and events that may wait, roughly."""


class Request:
    """A request of a thread to the assembler, answered in the order of the inbox.

    Args:
        done: Set when it is done.
        close_idle: None to finish what has ended; else also to close, as incomplete, what has been idle for this many
            seconds.
    """

    __slots__ = ("close_idle", "done")

    def __init__(self, done: threading.Event, close_idle: float | None = None) -> None:
        self.done = done
        self.close_idle = close_idle


class Inbox:
    """A bounded queue of entries from many threads to one.

    Bodies are dropped first: over the bounds `has_room` is False, and capture leaves a note in a record's place. The
    count of characters is kept without a lock, so it may drift under threads; it starts at 0 again whenever the inbox
    is empty.
    """

    def __init__(self, max_spans: int = MAX_SPANS, max_bytes: int = MAX_BYTES) -> None:
        self._entries: deque[Entry | Request] = deque()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._max_spans = max_spans
        self._max_bytes = max_bytes
        self._bytes = 0
        self._is_awaited = False

    def __len__(self) -> int:
        """How many entries wait."""
        return len(self._entries)

    def is_filling(self) -> bool:
        """Returns whether so many entries wait that the size of a record counts."""
        return len(self._entries) >= FEW_SPANS

    def has_room(self) -> bool:
        """Whether a record with a body may be appended."""
        return len(self._entries) < self._max_spans and self._bytes < self._max_bytes

    def is_flooded(self) -> bool:
        """Returns whether there is room left for the end of a root only."""
        return len(self._entries) >= 2 * self._max_spans

    def append(self, entry: Entry | Request, size: int = 0) -> None:
        """Leaves an entry of this many characters, and wakes the assembler if it sleeps for lack of any."""
        self._entries.append(entry)
        self._bytes += size
        if self._is_awaited:
            self._is_awaited = False
            self._wake.put(None)

    def pop(self) -> Entry | Request | None:
        """The oldest entry; None if there is none."""
        try:
            return self._entries.popleft()
        except IndexError:
            self._bytes = 0
            return None

    def pause(self, seconds: float) -> None:
        """Waits this long whatever comes: a poll costs the app's threads nothing, a wake-up for each entry would."""
        try:
            self._wake.get(timeout=seconds)
        except Empty:
            return

    def hurry(self) -> None:
        """Ends the pause."""
        self._wake.put(None)

    def wait(self, seconds: float) -> None:
        """Waits this long, or until an entry comes."""
        self._is_awaited = True
        if not self._entries:
            self.pause(seconds)
        self._is_awaited = False
