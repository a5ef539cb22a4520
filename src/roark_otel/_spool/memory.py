"""Calls that no disk holds, by choice or because it takes none. They are lost with the process, and bounded."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel._spool.file import Stage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from roark_otel._spool.file import Header

MAX_IN_MEMORY = 1_000
"""So many calls are kept in memory."""

MAX_BYTES_IN_MEMORY = 64 * 1024 * 1024
"""So many bytes of them."""


@dataclass(slots=True)
class Kept:
    """A call in memory. `since`: when it was put there, in seconds since the epoch."""

    header: Header
    body: bytes
    stage: Stage
    since: float
    is_held: bool = False


class SpoolMemory:
    """The calls in memory, for one thread that puts and one that claims."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def items(self, stages: Iterable[Stage]) -> list[tuple[str, Kept]]:
        """The calls in these stages, the oldest first."""
        wanted = set(stages)
        with self._lock:
            return [(name, kept) for name, kept in self._kept.items() if kept.stage in wanted]

    def is_final(self, name: str) -> bool:
        """Whether this call is being sent or was tried."""
        kept = self._kept.get(name)
        return kept is not None and (kept.is_held or kept.stage is Stage.TRIED)

    def put(self, name: str, header: Header, body: bytes, stage: Stage) -> bool:
        """Keeps a call, in place of an earlier version. Returns whether there was room."""
        with self._lock:
            old = self._kept.get(name)
            total = self._bytes + len(body) - (len(old.body) if old else 0)
            if total > MAX_BYTES_IN_MEMORY or (old is None and len(self._kept) >= MAX_IN_MEMORY):
                return False
            self._bytes = total
            self._kept[name] = Kept(header, body, stage, old.since if old else time.time(), bool(old and old.is_held))
            return True

    @contextmanager
    def claim(self, name: str, stages: Iterable[Stage]) -> Generator[Kept | None]:
        """A call that nobody else may claim or replace meanwhile; None if somebody has it, or it is gone."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or kept.is_held or kept.stage not in set(stages):
                kept = None
            else:
                kept.is_held = True
        try:
            yield kept
        finally:
            if kept is not None and (now := self._kept.get(name)) is not None:
                now.is_held = False

    def mark_tried(self, name: str) -> None:
        """Notes that an attempt is about to be made."""
        self._kept[name].stage = Stage.TRIED

    def remove(self, name: str) -> None:
        """Lets a call go."""
        with self._lock:
            if (kept := self._kept.pop(name, None)) is not None:
                self._bytes -= len(kept.body)
