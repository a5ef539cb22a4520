"""The courier's rounds: scans the spool, asks for recordings, and tries each call that is due once.

One bad call never blocks the others. When Roark does not answer at all, or refuses the key, every call waits. Calls
that other processes left in the directory are found within a minute, so any process delivers what another could not.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._delivery.answers import backoff
from roark_otel._delivery.attempt import Resting, Unconnected
from roark_otel._delivery.availability import Availability, Pause
from roark_otel._delivery.errands import Errand, Errands, Sweep
from roark_otel._delivery.keys import OwnKey
from roark_otel._delivery.looking import Look, ages
from roark_otel._delivery.waits import NEVER
from roark_otel._model.receipts import Delivered, Refused, Rejected, TryAgain
from roark_otel._safety.guard import guarded
from roark_otel._spool.census import MAX_OLDEST, REST_SECONDS
from roark_otel._spool.claims import Gone, Held
from roark_otel._spool.rejected import MAX_REJECTED_SECONDS
from roark_otel._spool.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._delivery.attempt import Attempts
    from roark_otel._delivery.orphans import Orphans
    from roark_otel._delivery.recordings import WaitingCalls
    from roark_otel._model.clock import Clock
    from roark_otel._model.receipts import Receipt
    from roark_otel._spool.spool import Spool

LOOK_SECONDS = 5.0
"""How often the courier scans the directory while it holds more than calls that this process is sending."""

IDLE_LOOK_SECONDS = 60.0
"""How often it does so otherwise. A process that was killed may have left its calls there meanwhile."""

HELD_SECONDS = 1.0
"""How soon a file that another process held is tried again: that process may have died with it."""

MAX_AGE_SECONDS = 604_800.0
"""The longest that a call waits for a Roark that does not accept it; then it is set aside."""

FEW = 64
"""With fewer calls of other processes at hand, the courier looks for more where the directory has more."""


class Rounds:
    """Does what is due, when it is called. All methods but `is_any_due`, `availability` and `end` are for one thread.

    Args:
        spool: Where the calls are.
        errands: The calls that are to be delivered.
        attempts: Makes attempts.
        waiting: The calls that wait for their recordings.
        orphans: The conversations that killed processes left open.
        has_new_key: Returns whether the key has changed since the client was made.
        max_age_seconds: How long a call waits for a Roark that does not accept it; then it is set aside.
        is_awaited: Returns whether another thread waits for this one: a pass over a backlog then ends early.
        clock: Supplies the time.
        key: Takes over what wrong keys have left.
    """

    def __init__(
        self,
        spool: Spool,
        errands: Errands,
        attempts: Attempts,
        waiting: WaitingCalls,
        orphans: Orphans,
        has_new_key: Callable[[], bool] = lambda: False,
        max_age_seconds: float = MAX_AGE_SECONDS,
        is_awaited: Callable[[], bool] = lambda: False,
        clock: Clock = time,
        key: OwnKey | None = None,
    ) -> None:
        self._spool = spool
        self._key = key or OwnKey(None, "")
        self._witness = Witness(None if spool.directory is None else spool.directory.parent, clock)
        self._errands = errands
        self._attempts = attempts
        self._waiting = waiting
        self._orphans = orphans
        self._has_new_key = has_new_key
        self._max_age_seconds = max_age_seconds
        self._is_awaited = is_awaited
        self._clock = clock
        self._look_at = 0.0
        self._look: Look | None = None
        self._has_changed = False
        self._more_at = NEVER
        self._has_more = False
        self._is_resting = False
        self._is_over = False
        self.availability = Availability()

    def is_any_due(self, *, own_only: bool) -> bool:
        """Returns whether a call is due, whatever its backoff. Any thread may ask."""
        has_more = (self._has_more or self._has_changed) and not own_only
        return has_more or self._errands.is_any_due(self._clock.monotonic(), own_only=own_only)

    @property
    def is_looking(self) -> bool:
        """Whether the directory may hold calls that have not been taken in."""
        return self._has_more or self._look is not None

    def pause(self) -> float:
        """Returns the seconds until something is due; `NEVER` if nothing is before the next message."""
        if self._look is not None:
            return 0.0
        due = max(self._errands.next_at(), self.availability.paused_until)
        return max(
            0.0, min(due, self._look_at, self._waiting.next_at(), self._orphans.next_at()) - self._clock.monotonic()
        )

    def rest(self) -> None:
        """Has the first scan wait for `begin`, but for a minute at most: the thread starts before it has a call.

        Only before it starts.
        """
        if self._look_at == 0.0:
            self._look_at, self._is_resting = self._clock.monotonic() + IDLE_LOOK_SECONDS, True

    def begin(self) -> None:
        """Notes that this process has a call."""
        if self._is_resting:
            self._look_at, self._is_resting = 0.0, False

    def look_soon(self, seconds: float = 0.0) -> None:
        """Makes a round scan the directory in at most these seconds; by default the next one.

        The next one does so even if a scan that is under way may have seen what is new.
        """
        self._look_at = min(self._look_at, self._clock.monotonic() + seconds)
        self._has_changed |= seconds <= 0

    def end(self) -> None:
        """Lets a pass that is under way end after the call that it is sending. Any thread may ask."""
        self._is_over = True

    def round(self, sweep: Sweep) -> None:
        """Does what is due, and makes one pass over the calls."""
        if sweep is Sweep.DRAIN:
            self._look_at, self._look = 0.0, None
        self._key.write_down()
        self._go_on_looking(to_its_end=sweep is Sweep.DRAIN)
        if self._orphans.round():
            self._look_at, self._look = 0.0, None
            self._go_on_looking(to_its_end=True)
        self._waiting.round()
        self.sweep(sweep)
        is_short = self._has_more and self._errands.count_others() <= FEW
        if self._key.take_news() or is_short:
            self.look_soon()

    def sweep(self, sweep: Sweep, deadline: float = NEVER) -> None:
        """Tries each due call that the pass is for once, until one shows that the others have to wait.

        No attempt begins after the deadline, in monotonic seconds, or takes longer.
        """
        now = self._clock.monotonic()
        if not self.availability.allows(now, in_flush=sweep is not Sweep.ROUTINE):
            return
        for name, errand in self._errands.in_order():
            if self._is_over or self._clock.monotonic() >= deadline:
                return
            if sweep is Sweep.ROUTINE and self._is_awaited():
                return  # a backlog must not delay a flush, nor this process's own calls
            if not errand.is_for(sweep, now):
                continue
            # Should the attempt fail in an unforeseen way, it counts as one that failed.
            pending = errand.failed(now + backoff(errand.failures + 1, random.random()))  # noqa: S311 - jitter
            self._errands.update(name, pending)
            if self._try(name, errand, deadline):
                return

    # Looking

    @guarded(None)
    def _go_on_looking(self, *, to_its_end: bool) -> None:
        """Looks for what other processes left in the directory, for as long as no thread waits for this one."""
        now = self._clock.monotonic()
        if self._look is None:
            if now < self._look_at:
                return
            self._look_at = now + IDLE_LOOK_SECONDS  # should it fail in an unforeseen way
            self._has_changed = self._key.take_over() > 0
            rest = self._key.take_over_unaddressed().rest
            self._more_at = now + (NEVER if rest is None else rest)
            self._waiting.believe_since(self._witness.believed_since())
            known = Look(now, self._errands.names(), self._waiting.names())
            room = MAX_OLDEST - self._errands.count_others(), MAX_OLDEST - self._waiting.count_others()
            census = self._spool.census(known.looks_for, room)
            self._look = replace(known, census=census)
        look = self._look
        while not look.census.step():
            if self._is_awaited() and not to_its_end:
                return
            time.sleep(REST_SECONDS)
        self._look = None
        self._look_at = self._clock.monotonic() + self._pause_after(look, self._clock.monotonic() - look.began)
        self._look_at = min(self._look_at, self._more_at)
        if not look.census.has_failed:
            self._take_in(look, now)
            self._orphans.look(look.census.going_on)
        if self._spool.has_files:
            self._key.begin()
            self._witness.keep()
        self._set_aside_old()
        if (dropped := self._spool.trim_rejected(self._witness.ago(MAX_REJECTED_SECONDS))) > 0:
            self._attempts.note_dropped(dropped)
        if self.availability.pause is Pause.REFUSED and self._has_new_key():
            self.availability = self.availability.with_new_key(now)

    def _take_in(self, look: Look, now: float) -> None:
        """Takes in what other processes left in the directory, and lets go of what they took."""
        census = look.census
        self._spool.take_in(census)
        self._has_more = census.has_more
        sendable, waiting = look.found()
        self._errands.take_in(ages(sendable), look.errands - {one.name for one in sendable}, now)
        gone = look.waiting - {one.name for one in waiting}
        self._waiting.take_in(ages(waiting), {name for name in gone if not self._spool.is_in_memory(name)})

    def _pause_after(self, look: Look, seconds: float) -> float:
        """Returns how long after a scan that took this many seconds the next one begins."""
        if self._has_changed:
            return 0.0
        sendable, waiting = look.found()
        is_refused = self.availability.pause is Pause.REFUSED  # a new key is to be found soon
        if is_refused or waiting or not all(self._errands.is_own(item.name) for item in sendable):
            least = LOOK_SECONDS
        else:
            least = NEVER if self._spool.directory is None else IDLE_LOOK_SECONDS
        # A large directory is scanned less often, so that it takes at most one fiftieth of the time.
        return max(least, 50 * seconds)

    def _set_aside_old(self) -> None:
        """Sets aside calls that have waited too long, but only if they failed here or Roark was found down.

        The time before a jump of the clock does not count: it may have been a minute or a month.
        """
        too_old = self._witness.ago(self._max_age_seconds)
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
            case Unconnected():
                self.availability = self.availability.unconnected(now, random.random())  # noqa: S311 - jitter
                self._errands.update(name, errand.failed(self.availability.paused_until))
                return True
            case Gone():  # another process took it, or has just rewritten it
                self._errands.remove(name)
                self._spool.forget(name)
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
                self._errands.update(name, errand)  # the call is not at fault
                self._look_at = min(self._look_at, now + LOOK_SECONDS)  # for a new key
            case _:
                assert_never(receipt)
        before = self.availability
        self.availability = before.after(receipt, now, random.random())  # noqa: S311 - jitter
        return before.holds_up(receipt)
