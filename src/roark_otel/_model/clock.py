"""The clock that waits go by."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Two times in seconds. The module `time` is one; tests bring one that they can wind forward."""

    def monotonic(self) -> float:
        """Returns a time that never goes back."""
        ...

    def time(self) -> float:
        """Returns the time since the epoch."""
        ...
