"""Remembers the ends that were taken: two processors report one right after the other."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MAX_TAKEN: Final = 1_024
"""The most ends that are remembered, to take none twice."""


class Taken:
    """Remembers the spans whose ends were taken last."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: OrderedDict[tuple[int, int], None] = OrderedDict()

    def __len__(self) -> int:
        """Returns how many are remembered."""
        return len(self._keys)

    def was_taken(self, trace_id: int, span_id: int) -> bool:
        """Returns whether this end came before, and remembers it."""
        key = trace_id, span_id
        if key in self._keys:
            return True
        self._keys[key] = None
        if len(self._keys) > MAX_TAKEN:
            self._keys.popitem(last=False)
        return False
