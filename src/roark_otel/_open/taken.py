"""Remembers the ends that were taken: two processors report one right after the other.

A span is one of its ids and its start: where an app seeds `random`, ids come again, and are those of other spans.
"""

from __future__ import annotations

from typing import Final

MAX_TAKEN: Final = 1_024
"""The most ends that are remembered, to take none twice."""


class Taken:
    """Remembers the spans whose ends were taken last: the newer half of them, and the older."""

    __slots__ = ("newer", "older")

    def __init__(self) -> None:
        self.newer: set[tuple[object, ...]] = set()
        """The trace ids, span ids and starts of the newer half. More may be added, until `turn` is called."""
        self.older: set[tuple[object, ...]] = set()

    def __len__(self) -> int:
        """Returns how many are remembered."""
        return len(self.newer) + len(self.older)

    def was_taken(self, key: tuple[object, ...]) -> bool:
        """Returns whether the end of a span, by its ids and its start, came before, and remembers it."""
        if key in self.newer or key in self.older:
            return True
        self.newer.add(key)
        return False

    def turn(self) -> None:
        """Forgets the older half if the newer one is full."""
        if len(self.newer) >= MAX_TAKEN // 2:
            self.older = self.newer
            self.newer = set()
