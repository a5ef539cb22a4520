"""Who saves what has ended, for those who end a conversation and want to wait for that: the engines register here."""

from __future__ import annotations

import time
import weakref
from typing import Protocol

from roark_otel._safety.guard import guarded


class Saver(Protocol):
    """Saves what has ended."""

    def wait_at_end_seconds(self, *, is_async: bool) -> float:
        """Returns how long the end of a conversation may wait in this process."""
        ...

    def save_what_ended(self, seconds: float) -> None:
        """Waits, at most this long, until what has ended is on disk."""
        ...


savers: weakref.WeakSet[Saver] = weakref.WeakSet()


@guarded(0.0)
def wait_at_end_seconds(*, is_async: bool) -> float:
    """Returns how long the end of a conversation may wait in this process; `is_async`: while an event loop goes on."""
    return max((saver.wait_at_end_seconds(is_async=is_async) for saver in list(savers)), default=0.0)


@guarded(None)
def save_what_ended(seconds: float) -> None:
    """Waits, at most this long for all together, until what has ended is on disk."""
    deadline = time.monotonic() + seconds
    for saver in list(savers):
        saver.save_what_ended(max(0.0, deadline - time.monotonic()))
