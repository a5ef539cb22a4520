"""Asks the app's own resolver for recordings, on its own thread: one call at a time, each within a deadline.

Deliveries go on whatever the resolver does: an attempt over its deadline is abandoned, and the next one gets a new
thread.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._model.formats import is_http_url
from roark_otel._model.hooks import NoRecording
from roark_otel._safety import own_threads
from roark_otel._safety.guard import guarded, log_once
from roark_otel._safety.threads import new_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._model.hooks import FinishedCall, RecordingResolver
    from roark_otel._model.stats import Tally
    from roark_otel._safety.threads import Thread

DEADLINE_SECONDS = 10.0
"""The longest that one attempt may take."""

MAX_ABANDONED = 8
"""The most abandoned attempts that may hang at a time; the resolver is not asked again until one of them ends."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The recording is at this URL."""

    url: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """The resolver does not know the recording yet, or it failed: it is asked again later."""


@dataclass(frozen=True, slots=True)
class Never:
    """There will be no recording."""


Resolution: TypeAlias = "Resolved | NotYet | Never"


@dataclass(frozen=True, slots=True)
class ResolverAnswer:
    """The resolution of a call. `attempt`: the number of the attempt that it belongs to."""

    name: str
    resolution: Resolution
    attempt: int


@dataclass(frozen=True, slots=True)
class _Attempt:
    name: str
    number: int
    thread: Thread
    deadline: float


class Resolver:
    """Asks the app's resolver. All methods are for the courier's thread.

    Args:
        resolver: The app's resolver.
        post: Takes the answers, on any thread.
        tally: Counts abandoned attempts.
    """

    def __init__(self, resolver: RecordingResolver, post: Callable[[ResolverAnswer], None], tally: Tally) -> None:
        self._resolver = resolver
        self._post = post
        self._tally = tally
        self._queue: deque[tuple[str, FinishedCall]] = deque()
        self._current: _Attempt | None = None
        self._abandoned: list[Thread] = []
        self._number = 0

    def ask(self, name: str, call: FinishedCall) -> None:
        """Queues a call, to ask for its recording after those queued before."""
        self._queue.append((name, call))

    def next_at(self) -> float:
        """Returns when the current attempt has to be abandoned, in monotonic seconds."""
        return self._current.deadline if self._current else float("inf")

    def has_ended(self, attempt: int) -> bool:
        """Notes that an attempt has ended. Returns whether it was the current one, and not abandoned before."""
        if self._current is None or self._current.number != attempt:
            return False
        self._current = None
        return True

    def round(self) -> list[str]:
        """Abandons an attempt over its deadline, and starts the next. Returns the names of those abandoned."""
        abandoned: list[str] = []
        if self._current is not None and time.monotonic() >= self._current.deadline:
            abandoned.append(self._current.name)
            self._abandoned.append(self._current.thread)
            self._current = None
            self._tally.add("abandoned_resolvers")
            message = "the recording resolver took more than %d s; the attempt is abandoned, and repeated later"
            log_once(logging.WARNING, (), message, int(DEADLINE_SECONDS))
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if self._current is None and self._queue and len(self._abandoned) < MAX_ABANDONED:
            self._begin(*self._queue.popleft())
        return abandoned

    def _begin(self, name: str, call: FinishedCall) -> None:
        self._number += 1
        number = self._number

        def attempt() -> None:
            with own_threads.entered():
                self._post(ResolverAnswer(name, self._resolve(call), number))

        thread = new_thread(attempt, "roark-otel-resolver")
        self._current = _Attempt(name, number, thread, time.monotonic() + DEADLINE_SECONDS)
        try:
            thread.start()
        except RuntimeError:  # the process is ending
            self._post(ResolverAnswer(name, NotYet(), number))

    @guarded(NotYet())
    def _resolve(self, call: FinishedCall) -> Resolution:
        try:
            found = self._resolver(call)
            url = _awaited(found) if isinstance(found, Awaitable) else found
        except NoRecording:
            return Never()
        if url is None:
            return NotYet()
        if is_http_url(url):
            return Resolved(url)
        message = "the recording resolver returned something that is not an http URL; ignoring it and asking again"
        log_once(logging.WARNING, (), message)
        return NotYet()


def _awaited(coroutine: Awaitable[str | None]) -> str | None:
    """Runs a coroutine of the app to its end, in an event loop of this thread; ends it at its deadline."""
    import asyncio

    try:
        return asyncio.run(asyncio.wait_for(coroutine, DEADLINE_SECONDS))
    except asyncio.TimeoutError:
        return None
