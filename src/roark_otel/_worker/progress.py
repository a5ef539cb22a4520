"""How far the log has been read: the time of the slowest partition of the source. Pure, and in memory only.

After a start nothing closes until each partition has spoken, so that what is still on its way is not overtaken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roark_otel._worker.records import Progress


class LogTime:
    """The progress of all partitions of the source, as one partition of the next topic hears of it."""

    def __init__(self) -> None:
        self._at_ms: dict[int, int] = {}
        self._partitions = 0

    def hear(self, progress: Progress) -> int | None:
        """Notes how far one partition is. Returns the time of the slowest; None while one has not spoken yet.

        A partition that was added later is waited for, too. What is repeated after a crash puts no time back.
        """
        self._partitions = max(self._partitions, progress.partitions)
        before = self._at_ms.get(progress.partition, 0)
        self._at_ms[progress.partition] = max(before, progress.at_ms)
        if len(self._at_ms) < self._partitions:
            return None
        return min(self._at_ms.values())
