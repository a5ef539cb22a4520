"""Calls that are on no disk, by choice or because it takes none. They are lost with the process, and bounded."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel._spool.census import Counts
from roark_otel._spool.names import Stage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from roark_otel._spool.file import Header

MAX_IN_MEMORY = 1_000
"""The most calls that are kept in memory."""

MAX_BYTES_IN_MEMORY = 64 * 1024 * 1024
"""The most bytes that their bodies have together."""


@dataclass(slots=True)
class InMemory:
    """A call in memory. `since`: when it was put there, in seconds since the epoch."""

    header: Header
    body: bytes
    stage: Stage
    since: float
    is_held: bool = False


class SpoolMemory:
    """The calls in memory, for one thread that puts and one that claims."""

    def __init__(self) -> None:
        self._calls: dict[str, InMemory] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._calls

    def items(self, stages: Iterable[Stage]) -> list[tuple[str, InMemory]]:
        """Returns the calls in these stages, the oldest first."""
        wanted = set(stages)
        # Without the lock: a signal handler may interrupt the app's thread here, and wait for the thread that wants it.
        return [(name, call) for name, call in list(self._calls.items()) if call.stage in wanted]

    def counts(self) -> Counts:
        """Returns the calls in numbers."""
        with self._lock:
            calls, total = list(self._calls.values()), self._bytes
        waiting = sum(1 for call in calls if call.stage is Stage.WAITING)
        oldest = min((call.since for call in calls), default=0.0)
        return Counts(len(calls) - waiting, waiting, bytes=total, oldest=oldest)

    def is_final(self, name: str) -> bool:
        """Returns whether this call is being sent or was tried."""
        call = self._calls.get(name)
        return call is not None and (call.is_held or call.stage is Stage.TRIED)

    def put(self, name: str, header: Header, body: bytes, stage: Stage) -> bool:
        """Keeps a call, in place of an earlier version. Returns whether there was room."""
        with self._lock:
            old = self._calls.get(name)
            total = self._bytes + len(body) - (len(old.body) if old else 0)
            if total > MAX_BYTES_IN_MEMORY or (old is None and len(self._calls) >= MAX_IN_MEMORY):
                return False
            since, is_held = (old.since, old.is_held) if old else (time.time(), False)
            self._bytes = total
            self._calls[name] = InMemory(header, body, stage, since, is_held)
            return True

    @contextmanager
    def claim(self, name: str, stages: Iterable[Stage]) -> Generator[InMemory | None]:
        """Claims a call, so that no other thread claims or replaces it; None if another has, or it is gone."""
        with self._lock:
            call = self._calls.get(name)
            if call is None or call.is_held or call.stage not in set(stages):
                call = None
            else:
                call.is_held = True
        try:
            yield call
        finally:
            if call is not None and (now := self._calls.get(name)) is not None:
                now.is_held = False

    def mark_tried(self, name: str) -> None:
        """Notes that an attempt is about to be made."""
        self._calls[name].stage = Stage.TRIED

    def remove(self, name: str) -> None:
        """Removes a call, if it is here."""
        with self._lock:
            if (call := self._calls.pop(name, None)) is not None:
                self._bytes -= len(call.body)
