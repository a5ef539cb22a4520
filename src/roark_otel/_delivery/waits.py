"""How long one call waits for its recording: when to ask for it, to touch its file, to give up. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roark_otel._model.hooks import FinishedCall
    from roark_otel._spool.file import Header

TOUCH_SECONDS = 30.0
"""How often a process touches the files of its waiting calls."""

TAKE_OVER_SECONDS = 120.0
"""A waiting call that was not touched for this long may be taken over by any process."""

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Wait:
    """A waiting call. Times are in monotonic seconds.

    Args:
        call: What the resolver learns about it.
        own: Whether this process looks after it.
        ask_at: When the resolver is asked.
        ends_at: When the wait is over.
        touch_at: When its file is touched.
        failures: How often the resolver did not know its recording.
    """

    call: FinishedCall
    own: bool
    ask_at: float
    ends_at: float
    touch_at: float = NEVER
    failures: int = 0

    def next_at(self, *, has_resolver: bool) -> float:
        """Returns when there is something to do."""
        return min(self.ask_at if has_resolver else NEVER, self.ends_at, self.touch_at)

    def owned(self, now: float) -> Wait:
        """Returns the wait of a call that this process spooled, after all."""
        return replace(self, own=True, ask_at=now, touch_at=now + TOUCH_SECONDS)

    def left_alone(self, until: float) -> Wait:
        """Returns the wait of a call whose process still looked after it."""
        return replace(self, ask_at=max(self.ask_at, until))

    def touched(self, now: float) -> Wait:
        """Returns the wait after its file was touched."""
        return replace(self, touch_at=now + TOUCH_SECONDS)

    def asked(self, now: float) -> Wait:
        """Returns the wait while the resolver is asked: from then on this process looks after the call."""
        return replace(self, own=True, ask_at=NEVER, touch_at=min(self.touch_at, now))

    def unresolved(self, ask_at: float) -> Wait:
        """Returns the wait after the resolver did not know the recording."""
        return replace(self, ask_at=ask_at, failures=self.failures + 1)


def seconds_left(header: Header, wait_seconds: float, now: float) -> float:
    """Returns for how long a call still waits.

    Args:
        header: Of its file.
        wait_seconds: How long a call waits if its header sets no time. No wait is longer than the one that applies,
            even if the clock has been set back.
        now: The time, in seconds since the epoch.
    """
    wait = header.recording_wait or wait_seconds
    return max(0.0, min(header.finished_at + wait - now, wait))


def seconds_until_free(touched: float, now: float) -> float:
    """Returns in how many seconds a call may be taken over whose process touched it last at this time.

    Args:
        touched: The time of the touch, in seconds since the epoch.
        now: The time, likewise.
    """
    return min(TAKE_OVER_SECONDS, max(0.0, touched + TAKE_OVER_SECONDS - now))
