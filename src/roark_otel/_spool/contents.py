"""What is in a spool, on disk and in memory, listed or as this process knows it; and that this process uses it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roark_otel._spool.census import MAX_OLDEST, Census, Counts, SpoolItem
from roark_otel._spool.directory import SpoolDirectory
from roark_otel._spool.id_hash import ids_of
from roark_otel._spool.memory import SpoolMemory
from roark_otel._spool.names import FINISHED, Stage, call_name
from roark_otel._spool.open_calls import OpenCalls
from roark_otel._spool.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Contents:
    """The calls of a spool, without what becomes of them.

    Args:
        directory: Where the files are; None for memory alone.
        max_bytes: How many bytes of calls may wait there.
    """

    def __init__(self, directory: Path | None, max_bytes: int) -> None:
        self.directory = directory
        self._files = None if directory is None else SpoolDirectory(directory, max_bytes)
        self.ids = ids_of(None if directory is None else directory.parent)
        """What hashes external ids in the names of its files."""
        self.open_calls = None if self._files is None else OpenCalls(self._files, self.ids)
        """The conversations that go on; None in memory, where they would be lost with the process anyway."""
        self._memory = SpoolMemory()
        self.presence = None if directory is None else Presence(directory)
        """The processes that use the directory."""

    @property
    def is_new(self) -> bool:
        """Whether this process made the directory."""
        return self._files is not None and self._files.is_new

    def items(self, stages: Iterable[Stage] = FINISHED) -> list[SpoolItem]:
        """Returns the calls in these stages, on disk and in memory, the oldest first."""
        wanted = tuple(stages)
        kept = [SpoolItem(name, one.stage, len(one.body), one.since) for name, one in self._memory.items(wanted)]
        on_disk = [] if self._files is None else self._files.items(wanted)
        return sorted([*on_disk, *kept], key=lambda item: (item.since, item.name))

    def names(self, stages: Iterable[Stage]) -> list[str]:
        """Returns the names of the calls in these stages, the oldest first."""
        return [item.name for item in self.items(stages)]

    def name_of(self, external_id: str, root_span_id: int) -> str:
        """Returns the name of a call."""
        return call_name(self.ids.of(external_id), root_span_id)

    def names_of(self, external_id: str) -> list[str]:
        """Returns the names of the calls on disk of an external id, and of what came late for them."""
        return [] if self._files is None else self._files.names_of(external_id, self.ids)

    def counts(self) -> Counts:
        """Returns what is in the spool, on disk as far as this process knows, and in memory. Asks no disk."""
        kept = self.in_memory()
        if self._files is None or self.open_calls is None:
            return kept
        return replace(self._files.inventory.total() + kept, going_on=len(self.open_calls))

    @property
    def has_files(self) -> bool:
        """Whether finished calls are on disk, as far as this process knows."""
        found = Counts() if self._files is None else self._files.inventory.total()
        return bool(found.sendable or found.awaiting_recording)

    def recount(self) -> None:
        """Counts the directory anew, unless it has too many files for that."""
        if self._files is not None:
            self._files.measure()

    def in_memory(self) -> Counts:
        """Returns what is in memory, and lost with this process."""
        return self._memory.counts()

    def census(
        self, is_known: Callable[[str], bool] = lambda _: False, room: tuple[int, int] = (MAX_OLDEST, MAX_OLDEST)
    ) -> Census:
        """Begins to count the directory; `take_in` ends it. The arguments are those of a `Census`."""
        return Census(None) if self._files is None else self._files.census(is_known, room)

    def take_in(self, census: Census) -> None:
        """Takes over what a finished census has counted."""
        if self._files is not None:
            self._files.take_in(census)

    def forget(self, name: str) -> None:
        """Notes that another process has taken a call."""
        if self._files is not None:
            self._files.inventory.put(name, None)

    def is_in_memory(self, name: str) -> bool:
        """Returns whether a call is in memory."""
        return name in self._memory

    def awaits_in_memory(self, external_id: str) -> bool:
        """Returns whether a call of this external id waits in memory for its recording."""
        return any(call.header.external_id == external_id for _, call in self._memory.items((Stage.WAITING,)))

    # This process's part

    def leave_to_parent(self) -> None:
        """Lets go, in a forked child, of the lock that shows that the parent lives."""
        if self.open_calls is not None:
            self.open_calls.let_go()
        if self.presence is not None:
            self.presence.leave()

    def leave(self) -> None:
        """Removes what shows other processes that this one lives, because it ends."""
        if self.open_calls is not None:
            self.open_calls.leave()
