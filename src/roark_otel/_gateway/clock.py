"""The time in which the gateway was accepting: all waits for spans are counted in it.

A sender that was refused, or found no gateway, sends again later. So the time in which that could happen does not
count, and after it no conversation is closed before every sender has had its turn.
"""

from __future__ import annotations

import time
from typing import Final

GAP_SECONDS: Final = 5.0
"""After a longer pause between two ticks the process was frozen, or its machine: it accepted nothing meanwhile."""

LONGEST_HOLD_SECONDS: Final = 300.0
"""The longest that refusals of single requests, which may go on for hours, put off the end of a conversation."""

SPREAD: Final = 1.5
"""By how much a sender may exceed its interval: the Collector adds up to half of it, so that not all come at once."""


def passing_time() -> float:
    """Returns a time in seconds that goes on while the machine sleeps, where the system has one."""
    return time.monotonic() if _AWAKE_OR_NOT is None else time.clock_gettime(_AWAKE_OR_NOT)


_AWAKE_OR_NOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
"""The monotonic time of Linux stands still while the machine sleeps, and its senders go on."""


class AcceptingClock:
    """Counts the seconds in which requests were accepted.

    Args:
        retry_seconds: The longest interval after which senders send again.
        accepted: Where the count of an earlier process ended.
        monotonic: The `passing_time` now.
    """

    def __init__(self, retry_seconds: float, accepted: float, monotonic: float) -> None:
        self._wait = retry_seconds * SPREAD
        self._seen = monotonic
        self._is_open = True
        self._shut_until = self._held_until = accepted + self._wait
        self.now = accepted
        """The seconds counted so far, by this process and those before it."""

    def tick(self, monotonic: float) -> None:
        """Notes the time. Call it at least once a second."""
        passed, self._seen = monotonic - self._seen, monotonic
        if not self._is_open:
            return
        if passed > GAP_SECONDS:
            self._shut_until = self.now + self._wait
            return
        self.now += max(0.0, passed)

    def hold(self) -> None:
        """Notes that one sender was refused, and comes again."""
        self._held_until = self.now + self._wait

    def stop(self) -> None:
        """Notes that from now on all are refused, because the disk takes nothing."""
        self._is_open = False

    def go_on(self) -> None:
        """Notes that requests are accepted again."""
        if not self._is_open:
            self._is_open = True
            self._shut_until = self.now + self._wait

    def allows(self, due: float) -> bool:
        """Returns whether a conversation that is due at this time may be closed now."""
        if not self._is_open or self.now < max(due, self._shut_until):
            return False
        return self.now >= min(self._held_until, due + max(LONGEST_HOLD_SECONDS, self._wait))
