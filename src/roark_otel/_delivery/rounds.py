"""The courier's rounds: scans the spool, asks for recordings, and tries each call that is due once.

One bad call never blocks the others. When Roark does not answer at all, or refuses the key, every call waits. Calls
that other processes left in the directory are found within a minute, so any process delivers what another could not.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._delivery.answers import backoff
from roark_otel._delivery.attempt import Resting
from roark_otel._delivery.availability import Availability, Pause
from roark_otel._delivery.errands import Errand, Errands, Sweep
from roark_otel._delivery.waits import NEVER
from roark_otel._model.receipts import Delivered, Refused, Rejected, TryAgain
from roark_otel._safety.guard import guarded
from roark_otel._spool.claims import Gone, Held
from roark_otel._spool.names import SENDABLE, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roark_otel._delivery.attempt import Attempts
    from roark_otel._delivery.clock import Clock
    from roark_otel._delivery.recordings import WaitingCalls
    from roark_otel._model.receipts import Receipt
    from roark_otel._spool.directory import SpoolItem
    from roark_otel._spool.spool import Spool

LOOK_SECONDS = 5.0
"""How often the courier scans the directory while it holds more than calls that this process is sending."""

IDLE_LOOK_SECONDS = 60.0
"""How often it does so otherwise. A process that was killed may have left its calls there meanwhile."""

HELD_SECONDS = 1.0
"""How soon a file that another process held is tried again: that process may have died with it."""

MAX_AGE_SECONDS = 604_800.0
"""The longest that a call waits for a Roark that does not accept it; then it is set aside."""


class Rounds:
    """Does what is due, when it is called. All methods are for one thread, but for `is_any_due` and `availability`.

    Args:
        spool: Where the calls are.
        errands: The calls that are to be delivered.
        attempts: Makes attempts.
        waiting: The calls that wait for their recordings.
        has_new_key: Returns whether the key has changed since the client was made.
        max_age_seconds: How long a call waits for a Roark that does not accept it; then it is set aside.
        is_awaited: Returns whether another thread waits for this one: a pass over a backlog then ends early.
        clock: Supplies the time.
    """

    def __init__(
        self,
        spool: Spool,
        errands: Errands,
        attempts: Attempts,
        waiting: WaitingCalls,
        has_new_key: Callable[[], bool] = lambda: False,
        max_age_seconds: float = MAX_AGE_SECONDS,
        is_awaited: Callable[[], bool] = lambda: False,
        clock: Clock = time,
    ) -> None:
        self._spool = spool
        self._errands = errands
        self._attempts = attempts
        self._waiting = waiting
        self._has_new_key = has_new_key
        self._max_age_seconds = max_age_seconds
        self._is_awaited = is_awaited
        self._clock = clock
        self._look_at = 0.0
        self.availability = Availability()

    def is_any_due(self, *, own_only: bool) -> bool:
        """Returns whether a call is due, whatever its backoff. Any thread may ask."""
        return self._errands.is_any_due(self._clock.monotonic(), own_only=own_only)

    def pause(self) -> float:
        """Returns the seconds until something is due; `NEVER` if nothing is before the next message."""
        due = max(self._errands.next_at(), self.availability.paused_until)
        return max(0.0, min(due, self._look_at, self._waiting.next_at()) - self._clock.monotonic())

    def look_soon(self, seconds: float = 0.0) -> None:
        """Makes a round scan the directory in at most these seconds; by default the next one."""
        self._look_at = min(self._look_at, self._clock.monotonic() + seconds)

    def round(self, sweep: Sweep) -> None:
        """Does what is due, and makes one pass over the calls."""
        if sweep is Sweep.DRAIN:
            self.look_soon()
        self._look()
        self._waiting.round()
        self.sweep(sweep)

    def sweep(self, sweep: Sweep, deadline: float = NEVER) -> None:
        """Tries each due call that the pass is for once, until one shows that the others have to wait.

        No attempt begins after the deadline, in monotonic seconds, or takes longer.
        """
        now = self._clock.monotonic()
        if not self.availability.allows(now, in_flush=sweep is not Sweep.ROUTINE):
            return
        for name, errand in self._errands.in_order():
            if self._clock.monotonic() >= deadline:
                return
            if sweep is Sweep.ROUTINE and self._is_awaited():
                return  # a backlog must not delay a flush, nor this process's own calls
            if not errand.is_for(sweep, now):
                continue
            # Should the attempt fail in an unforeseen way, it is not repeated at once.
            pending = errand.backed_off(now + backoff(errand.failures + 1, random.random()))  # noqa: S311 - jitter
            self._errands.update(name, pending)
            if self._try(name, pending, deadline):
                return

    # Looking

    @guarded(None)
    def _look(self) -> None:
        """Takes in what other processes left in the directory, and lets go of what they took."""
        now = self._clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + IDLE_LOOK_SECONDS  # should it fail in an unforeseen way
        items = self._spool.items()
        self._look_at = now + self._pause_after(items, self._clock.monotonic() - now)
        self._errands.take_in({item.name: item.since for item in items if item.stage in SENDABLE}, now)
        self._waiting.take_in({item.name: item.since for item in items if item.stage is Stage.WAITING})
        self._set_aside_old()
        if self.availability.pause is Pause.REFUSED and self._has_new_key():
            self.availability = self.availability.with_new_key(now)

    def _pause_after(self, items: Sequence[SpoolItem], seconds: float) -> float:
        """Returns how long after a scan, which took so many seconds, the next one begins."""
        is_refused = self.availability.pause is Pause.REFUSED  # a new key is to be found soon
        if is_refused or not all(self._errands.is_own(item.name) for item in items):
            least = LOOK_SECONDS
        else:
            least = NEVER if self._spool.directory is None else IDLE_LOOK_SECONDS
        # A large directory is scanned less often, so that it takes at most one fiftieth of the time.
        return max(least, 50 * seconds)

    def _set_aside_old(self) -> None:
        """Sets aside calls that have waited too long, but only if they failed here or Roark was found down."""
        too_old = self._clock.time() - self._max_age_seconds
        for name, errand in self._errands.in_order():
            if errand.since < too_old and (errand.failures or self.availability.is_down):
                self._attempts.set_aside(name, "too_old")
                self._errands.remove(name)

    # Attempts

    @guarded(False)
    def _try(self, name: str, errand: Errand, deadline: float) -> bool:
        """Makes one attempt at one call. Returns whether the others have to wait."""
        attempt = self._attempts.attempt(name, has_rested=errand.has_rested, deadline=deadline)
        now = self._clock.monotonic()
        match attempt:
            case Held():
                self._errands.update(name, errand.backed_off(now + HELD_SECONDS))
                return False
            case Resting(seconds):
                self._errands.update(name, errand.resting(now + seconds))
                return False
            case Gone():  # another process took it, or has just rewritten it
                self._errands.remove(name)
                self._look_at = min(self._look_at, now + LOOK_SECONDS)
                return False
            case Delivered() | Rejected() | Refused() | TryAgain():
                return self._note(name, errand, attempt, now)
        assert_never(attempt)

    def _note(self, name: str, errand: Errand, receipt: Receipt, now: float) -> bool:
        match receipt:
            case Delivered() | Rejected():
                self._errands.remove(name)
            case TryAgain():
                pause = receipt.after or backoff(errand.failures + 1, random.random())  # noqa: S311 - jitter
                self._errands.update(name, errand.failed(now + pause))
            case Refused():
                self._look_at = min(self._look_at, now + LOOK_SECONDS)  # for a new key; the call is not at fault
            case _:
                assert_never(receipt)
        before = self.availability
        self.availability = before.after(receipt, now, random.random())  # noqa: S311 - jitter
        return before.holds_up(receipt)
