"""The app's own resolver of recordings, asked on a thread of its own: one call at a time, each within a deadline.

Whatever it does, deliveries go on: an attempt over its deadline is abandoned, and the next one gets a new thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._model.formats import is_http_url
from roark_otel._model.hooks import NoRecording
from roark_otel._safety.guard import guarded, log_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._model.hooks import FinishedCall, RecordingResolver
    from roark_otel._model.stats import Tally

DEADLINE_SECONDS = 10.0
"""How long one attempt may take."""

MAX_ABANDONED = 8
"""So many abandoned attempts may hang at a time; with more the resolver is not asked until one of them ends."""


@dataclass(frozen=True, slots=True)
class Found:
    """The recording is here."""

    url: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nobody knows yet, or the attempt failed."""


@dataclass(frozen=True, slots=True)
class Never:
    """There will be no recording."""


Answer: TypeAlias = "Found | NotYet | Never"


@dataclass(frozen=True, slots=True)
class Answered:
    """What the resolver said of a call; `attempt` tells one question from another."""

    name: str
    answer: Answer
    attempt: int


@dataclass(slots=True)
class _Attempt:
    name: str
    number: int
    thread: threading.Thread
    deadline: float


class Resolving:
    """Asks the resolver. All methods are for the courier's thread.

    Args:
        resolver: The app's.
        tell: Takes the answers, on whatever thread.
        tally: Counts abandoned attempts.
    """

    def __init__(self, resolver: RecordingResolver, tell: Callable[[Answered], None], tally: Tally) -> None:
        self._resolver = resolver
        self._tell = tell
        self._tally = tally
        self._queue: deque[tuple[str, FinishedCall]] = deque()
        self._current: _Attempt | None = None
        self._abandoned: list[threading.Thread] = []
        self._number = 0

    def ask(self, name: str, call: FinishedCall) -> None:
        """Asks for the recording of a call, after those asked for before."""
        self._queue.append((name, call))

    def due(self) -> float:
        """When an attempt has to be abandoned, monotonic."""
        return self._current.deadline if self._current else float("inf")

    def has_ended(self, attempt: int) -> bool:
        """Takes note of an answer. Returns whether anybody still waited for it."""
        if self._current is None or self._current.number != attempt:
            return False
        self._current = None
        return True

    def round(self) -> list[str]:
        """Abandons an attempt that is over its deadline, and makes the next. Returns the names of those abandoned."""
        given_up: list[str] = []
        if self._current is not None and time.monotonic() >= self._current.deadline:
            given_up.append(self._current.name)
            self._abandoned.append(self._current.thread)
            self._current = None
            self._tally.add("abandoned_resolvers")
            message = "the recording resolver took more than %d s and is not waited for"
            log_once(logging.WARNING, (), message, int(DEADLINE_SECONDS))
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if self._current is None and self._queue and len(self._abandoned) < MAX_ABANDONED:
            self._begin(*self._queue.popleft())
        return given_up

    def _begin(self, name: str, call: FinishedCall) -> None:
        self._number += 1
        number = self._number

        def attempt() -> None:
            answer = self._asked(call)
            self._tell(Answered(name, answer or NotYet(), number))

        thread = threading.Thread(target=attempt, name="roark-otel-resolver", daemon=True)
        self._current = _Attempt(name, number, thread, time.monotonic() + DEADLINE_SECONDS)
        try:
            thread.start()
        except RuntimeError:  # the process is ending
            self._tell(Answered(name, NotYet(), number))

    @guarded(None)
    def _asked(self, call: FinishedCall) -> Answer:
        try:
            url = self._resolver(call)
        except NoRecording:
            return Never()
        if url is None:
            return NotYet()
        if is_http_url(url):
            return Found(url)
        log_once(logging.WARNING, (), "the recording resolver gave something that is no http URL")
        return NotYet()
