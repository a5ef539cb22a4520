"""The inbox: app threads append entries to it for the assembler. Appending never blocks and takes no lock."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from roark_otel._safety.threads import Bell

if TYPE_CHECKING:
    from roark_otel._safety.answer import Answer

MAX_SPANS = 100_000
"""The most entries that may wait."""

SAMPLED = 16
"""One row in this number is measured, and counts for all of them: mostly little waits."""

MAX_BYTES = 64 * 1024 * 1024
"""The most characters of attributes and events that may wait, roughly."""

MANY_SPANS = 256
"""The number of waiting entries that wakes the assembler."""

MANY_BYTES = 1024 * 1024
"""The number of waiting characters that wakes it, roughly."""

Entry: TypeAlias = "tuple[Any, ...]"
"""The number of a group, the resource, the values of `call_attributes` or None, and a row as `Captured`."""


class Request:
    """A request of a thread to the assembler, answered in the order of the inbox.

    Args:
        done: Set when it is done.
        close_idle: None to finish what has ended; else also to close, as incomplete, what has been idle for this many
            seconds.
    """

    __slots__ = ("close_idle", "done")

    def __init__(self, done: Answer, close_idle: float | None = None) -> None:
        self.done = done
        self.close_idle = close_idle


class Inbox:
    """A bounded queue of entries from many threads to one.

    Only bodies are dropped: over the bounds `has_room` is False, and capture leaves the ids and times of a span in its
    place, so that its conversation knows what it lost. What roots say is always taken. The count of characters is kept
    without a lock, so it may drift under threads; it starts at 0 again whenever the inbox is empty.
    """

    def __init__(self, max_spans: int = MAX_SPANS, max_bytes: int = MAX_BYTES) -> None:
        self._entries: deque[Entry | Request] = deque()
        self.entries = self._entries
        """What waits. Fewer than `rings_at` entries may be appended without asking."""
        self._bell = Bell()
        self._max_spans = max_spans
        self._max_bytes = max_bytes
        self._bytes = 0
        self._rings_at = 1
        self.rings_at = MANY_SPANS
        self._is_asleep = self.is_urgent = False
        self.is_rung = False
        """Whether it rang since the assembler attended last."""

    def __len__(self) -> int:
        """How many entries wait."""
        return len(self._entries)

    def is_sample(self) -> bool:
        """Returns whether the next row is to be measured."""
        return (len(self._entries) + 1) % SAMPLED == 0

    def has_room(self) -> bool:
        """Returns whether a row with a body may be appended."""
        return len(self._entries) < self._max_spans and self._bytes < self._max_bytes

    def is_flooded(self) -> bool:
        """Returns whether events of open spans had better stay with the SDK, which counts those that it drops."""
        return len(self._entries) >= 2 * self._max_spans

    def measured(self, characters: int) -> None:
        """Notes that an entry was appended that has this many characters: see `is_sample`."""
        self._bytes += SAMPLED * characters
        if self._bytes > MANY_BYTES and self._is_asleep:
            self.ring()

    def append(self, entry: Entry | Request, size: int = 0) -> None:
        """Leaves an entry of this many characters. Many of them wake the assembler, one if it sleeps."""
        self._entries.append(entry)
        if size:
            self._bytes += size
        if self._is_asleep and (len(self._entries) >= self._rings_at or self._bytes > MANY_BYTES):
            self.ring()

    def ring(self) -> None:
        """Wakes the assembler, or keeps it from going to sleep."""
        self.is_rung = True
        self.rings_at = MANY_SPANS
        if self._is_asleep:
            self._is_asleep = False
            self._bell.ring()

    def hurry(self) -> None:
        """Wakes the assembler, which is not to wait for more."""
        self.is_urgent = True
        self.ring()

    def attend(self) -> None:
        """Hears what rang so far. Called by the assembler before it takes what waits."""
        self.is_rung = self.is_urgent = False

    def pop(self, most: int) -> list[Entry] | Request | None:
        """Takes the oldest entries, at most `most`, or the oldest request; returns None if there is nothing."""
        entries = self._entries
        count = min(most, len(entries))
        taken = [entries.popleft() for _ in range(count)]
        if Request in map(type, taken):
            at = next(place for place, one in enumerate(taken) if type(one) is Request)
            rest = taken[at + 1 :] if at == 0 else taken[at:]
            entries.extendleft(reversed(rest))
            return cast("Request", taken[0]) if at == 0 else cast("list[Entry]", taken[:at])
        if not taken:
            self._bytes = 0
        return cast("list[Entry]", taken) or None

    def wait(self, seconds: float | None, entries: int = MANY_SPANS) -> None:
        """Waits for this number of entries or a ring, at most this long. None: however long that takes."""
        self._rings_at = entries
        self.rings_at = entries
        self._is_asleep = True
        self._bell.wait(lambda: self.is_rung or len(self._entries) >= entries, seconds)
        self._is_asleep = False
        self.rings_at = MANY_SPANS
