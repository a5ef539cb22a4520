"""What saving open conversations may cost: a share of one core, and bytes a second. The caller passes the time."""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.02
"""The most of one core that saving takes, of all open conversations together."""

BYTES_PER_SECOND: Final = 1_000_000
"""The most bytes that are written for it."""

_BURST_SECONDS: Final = 5.0
"""For how long what was not used may be saved up."""


class Budget:
    """Counts seconds of CPU and bytes. It may be overdrawn once, and then has to fill up again.

    Args:
        now: The time, in monotonic seconds.
    """

    def __init__(self, now: float) -> None:
        self._at = now
        self._seconds = SHARE * _BURST_SECONDS
        self._bytes = BYTES_PER_SECOND * _BURST_SECONDS

    def is_left(self, now: float) -> bool:
        """Returns whether anything is left at this time."""
        passed, self._at = max(0.0, now - self._at), now
        self._seconds = min(self._seconds + passed * SHARE, SHARE * _BURST_SECONDS)
        self._bytes = min(self._bytes + passed * BYTES_PER_SECOND, BYTES_PER_SECOND * _BURST_SECONDS)
        return self._seconds > 0 and self._bytes > 0

    def spend(self, seconds: float, written: int) -> None:
        """Takes the CPU and the bytes of what was saved."""
        self._seconds -= seconds
        self._bytes -= written
