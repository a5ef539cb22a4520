"""Calls that wait in the spool for their recordings: who is asked, and what becomes of them when the wait ends.

A recording comes from an attachment, from the app's resolver, or in the end from the fallback. What waits belongs to
the process that spooled it, which touches the file now and then; once that has stopped, whoever is left takes it over.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the fields of a dataclass
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._delivery.answers import backoff
from roark_otel._delivery.attempt import finished_call
from roark_otel._delivery.resolver import Answered, Found, Never, NotYet, Resolving
from roark_otel._safety.guard import guarded, logger
from roark_otel._safety.log_ids import log_id
from roark_otel._spool import attachments
from roark_otel._spool.body import with_recording
from roark_otel._spool.claims import Spooled
from roark_otel._spool.names import CallName, Stage, is_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Protocol

    from roark_otel._model.hooks import FinishedCall, RecordingResolver
    from roark_otel._model.stats import Tally
    from roark_otel._spool.spool import Spool

    class _TakeUp(Protocol):
        def __call__(self, name: str, *, own: bool, has_rested: bool) -> None: ...


TOUCH_SECONDS = 30.0
"""How often a process says that it still looks after its waiting calls."""

TAKE_OVER_SECONDS = 120.0
"""A waiting call that was not touched for so long is anybody's."""

MAX_KEPT = 1_000
"""So many recordings are kept in memory for calls to come."""

RETRY_SECONDS = 1.0
"""After so long a file that somebody else had, or that could not be written, is looked at again."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Where recordings that come later are from.

    `root` is the spool's, whose attachments count; None in memory. `wait_seconds`: how long a call waits after its end.
    """

    root: Path | None = None
    wait_seconds: float = 86_400.0
    fallback_url: str | None = None
    resolver: RecordingResolver | None = None


@dataclass(slots=True)
class _Wait:
    """A call that waits. Times are monotonic seconds."""

    call: FinishedCall
    own: bool
    ask_at: float
    ends_at: float
    touch_at: float
    failures: int = 0


class Recordings:
    """The waiting calls of a spool. Everything here happens on the courier's thread.

    Args:
        spool: Where they are.
        tally: Counts.
        policy: Where recordings are from.
        tell: Takes the resolver's answers to this thread.
        take_up: Takes a call that has its recording.
    """

    def __init__(
        self,
        spool: Spool,
        tally: Tally,
        policy: Policy | None,
        tell: Callable[[Answered], None],
        take_up: _TakeUp,
    ) -> None:
        self._spool = spool
        self._tally = tally
        self._policy = policy or Policy()
        self._take_up = take_up
        resolver = self._policy.resolver
        self._resolving = None if resolver is None else Resolving(resolver, tell, tally)
        self._waits: dict[str, _Wait] = {}
        self._kept: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        """How many calls wait."""
        return len(self._waits)

    def due(self) -> float:
        """When there is something to do, monotonic."""
        soonest = min((min(w.ask_at, w.ends_at, w.touch_at) for w in self._waits.values()), default=float("inf"))
        return min(soonest, self._resolving.due() if self._resolving else float("inf"))

    def add(self, name: str, *, own: bool, since: float | None = None) -> None:
        """A call waits. One of another process is asked for only when that has let go of it."""
        known = self._waits.get(name)
        if known is not None:
            if own:
                known.own, known.ask_at = True, self._asked_at(time.monotonic())
                known.touch_at = time.monotonic() + TOUCH_SECONDS
            elif not known.own and since is not None:
                known.ask_at = max(known.ask_at, self._asked_at(self._free_at(since)))
            return
        with self._spool.claim(name, (Stage.WAITING,)) as call:
            if not isinstance(call, Spooled):
                return
            header = call.header
        now = time.monotonic()
        # Never longer than was meant, should the clock have been set back.
        wait = header.recording_wait or self._policy.wait_seconds
        left = max(0.0, min(header.finished_at + wait - time.time(), wait)) + (0.0 if own else TAKE_OVER_SECONDS)
        self._waits[name] = _Wait(
            call=finished_call(header),
            own=own,
            ask_at=self._asked_at(now if since is None else self._free_at(since)),
            ends_at=now + left,
            touch_at=now + TOUCH_SECONDS if own else float("inf"),
        )
        self._attach_kept(name)

    def _free_at(self, since: float) -> float:
        return time.monotonic() + min(TAKE_OVER_SECONDS, max(0.0, since + TAKE_OVER_SECONDS - time.time()))

    def _asked_at(self, at: float) -> float:
        return at if self._resolving else float("inf")

    def look(self, present: Collection[str]) -> None:
        """Lets go of what waits no longer, and gives the others what was attached for them."""
        for name in [name for name in self._waits if name not in present]:
            del self._waits[name]
        if self._waits and self._policy.root is not None:
            kept = attachments.kept(self._policy.root)
            for name in list(self._waits):
                if CallName.parse(name).id_hash in kept:
                    self._attach_kept(name)

    def attach(self, id_hash: str, url: str) -> None:
        """Gives the calls of an id a recording, if they wait here; in memory it is kept for one that is yet to come."""
        names = [name for name in self._waits if is_of(name, id_hash)]
        for name in names:
            self._give(name, url)
        if not names and self._policy.root is None:
            self._kept[id_hash] = url
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)

    def answered(self, answered: Answered) -> None:
        """The resolver has answered."""
        is_awaited = self._resolving is not None and self._resolving.has_ended(answered.attempt)
        match answered.answer:
            case Found(url):
                self._give(answered.name, url)
            case Never():
                self._end(answered.name)
            case NotYet():
                if is_awaited:
                    self._ask_later(answered.name)
            case _:
                assert_never(answered.answer)

    @guarded(None)
    def round(self) -> None:
        """Does what is due."""
        now = time.monotonic()
        for name, wait in list(self._waits.items()):
            if wait.ends_at <= now:
                self._end(name)
                continue
            if wait.touch_at <= now:
                self._spool.touch(name)
                wait.touch_at = now + TOUCH_SECONDS
            if wait.ask_at <= now and self._resolving is not None:
                wait.own, wait.touch_at = True, min(wait.touch_at, now)
                wait.ask_at = float("inf")
                self._resolving.ask(name, wait.call)
        if self._resolving is not None:
            for name in self._resolving.round():
                self._ask_later(name)

    def _ask_later(self, name: str) -> None:
        if (wait := self._waits.get(name)) is not None:
            wait.failures += 1
            pause = RETRY_SECONDS + backoff(wait.failures, random.random())  # noqa: S311 - jitter
            wait.ask_at = time.monotonic() + pause

    def _attach_kept(self, name: str) -> None:
        root, key = self._policy.root, CallName.parse(name).id_hash
        url = self._kept.pop(key, None) if root is None else attachments.kept_for(root, key)
        if url is not None:
            self._give(name, url)

    def _give(self, name: str, url: str) -> None:
        """A waiting call has its recording, and may be sent."""
        wait = self._waits.get(name)
        if wait is None or not self._given(name, url):
            return
        del self._waits[name]
        if self._policy.root is not None:
            attachments.drop(self._policy.root, CallName.parse(name).id_hash)
        self._take_up(name, own=wait.own, has_rested=False)

    @guarded(False)
    def _given(self, name: str, url: str) -> bool:
        try:
            return attachments.give(self._spool, name, url)
        except OSError:
            self._ask_later(name)
            return False

    @guarded(None)
    def _end(self, name: str) -> None:
        """There will be no recording: the fallback is sent, or the call is set aside."""
        wait = self._waits.get(name)
        if wait is None:
            return
        wait.ends_at = time.monotonic() + RETRY_SECONDS  # should somebody else have it
        with self._spool.claim(name, (Stage.WAITING,)) as call:
            if not isinstance(call, Spooled):
                return
            del self._waits[name]
            if self._policy.fallback_url is None:
                self._spool.reject(call, 0, "no_recording")
                self._tally.add("rejected", error_type="no_recording")
                logger.warning(
                    "call external_id=%s has no recording and is kept in %s/rejected; attach_recording() "
                    "still sends it",
                    log_id(call.header.external_id),
                    self._spool.place,
                )
                return
            body = with_recording(call.body, self._policy.fallback_url, is_fallback=True)
            self._spool.rewrite(call, call.header, body, Stage.READY)
        self._take_up(name, own=wait.own, has_rested=False)
