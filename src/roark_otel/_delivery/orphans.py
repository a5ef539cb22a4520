"""Conversations that killed processes left open: each rests for as long as it may go on elsewhere, then is a call."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel._safety.guard import guarded, logger
from roark_otel._safety.log_ids import log_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel._model.clock import Clock
    from roark_otel._model.stats import Tally
    from roark_otel._spool.census import SpoolItem
    from roark_otel._spool.open_calls import Orphan
    from roark_otel._spool.spool import Spool

RETRY_SECONDS = 5.0
"""How soon a conversation is tried again that could not be finished."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """A conversation that rests until this monotonic time in seconds."""

    until: float
    files: Sequence[Orphan]


class Orphans:
    """Finishes the conversations of dead processes. But for `next_at`, all methods are for the courier's thread.

    Args:
        spool: Where they are.
        tally: Counts those that were finished.
        quiet_seconds: How long one rests after it was saved last.
        clock: Supplies the time.
    """

    def __init__(self, spool: Spool, tally: Tally, quiet_seconds: float, clock: Clock = time) -> None:
        self._open_calls = spool.open_calls
        self._tally = tally
        self._quiet_seconds = quiet_seconds
        self._clock = clock
        self._rests: dict[str, _Rest] = {}

    def __len__(self) -> int:
        return len(self._rests)

    def next_at(self) -> float:
        """Returns when the next of them has rested, in monotonic seconds."""
        return min((rest.until for rest in list(self._rests.values())), default=float("inf"))

    @guarded(None)
    def look(self, items: Iterable[SpoolItem]) -> None:
        """Takes in what dead processes left among these open calls, and forgets what is gone."""
        if self._open_calls is not None:
            self._take_in(self._open_calls.orphans(items))

    def _take_in(self, found: Mapping[str, Sequence[Orphan]]) -> None:
        now, wall = self._clock.monotonic(), self._clock.time()
        for key, files in found.items():
            known = self._rests.get(key)
            if known is None or known.files != files:
                rested = max(0.0, wall - max(one.since for one in files))
                self._rests[key] = _Rest(now + max(0.0, self._quiet_seconds - rested), files)
        for key in [key for key in self._rests if key not in found]:
            del self._rests[key]

    @guarded(False)
    def round(self) -> bool:
        """Finishes what has rested. Returns whether there are new files to deliver."""
        now = self._clock.monotonic()
        finished = 0
        for key, rest in list(self._rests.items()):
            if rest.until <= now:
                self._rests[key] = _Rest(now + RETRY_SECONDS, rest.files)
                finished += self._finish(key, rest)
        return finished > 0

    @guarded(False)
    def _finish(self, key: str, rest: _Rest) -> bool:
        if self._open_calls is None or (external_id := self._open_calls.finish(rest.files)) is None:
            return False
        del self._rests[key]
        self._tally.add("recovered")
        logger.warning(
            "the process that held conversation %s ended before it was complete; its call has what was saved by then",
            log_id(external_id),
        )
        return True
