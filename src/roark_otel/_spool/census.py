"""What is in a directory of the spool, counted in steps: however many files it has, no other thread waits for it.

A census keeps the oldest files only; of the others it keeps their number and their bytes.
"""

from __future__ import annotations

import errno
import heapq
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._spool import disk
from roark_otel._spool.names import FINISHED, Stage, is_temporary, parse_file_name, parse_owner_name
from roark_otel._spool.owner import is_alive
from roark_otel._spool.rejected import rejected_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

STEP = 64
"""How many entries of a directory are read in a row: half a millisecond."""

REST_SECONDS = 0.0005
"""The pause after them, in which another thread gets the interpreter."""

MAX_OLDEST = 4_096
"""The most files of other processes that are worked on at a time, the oldest first."""

OwnFile: TypeAlias = "tuple[Stage, int, float]"
"""The stage of a file of this process, its bytes, and when it was written, in epoch seconds."""

_NO_DIRECTORY = {errno.ENOENT, errno.ENOTDIR}


@dataclass(frozen=True, slots=True)
class SpoolItem:
    """A call in the spool, without its content. `size` in bytes; `since`: when it was written, in epoch seconds."""

    name: str
    stage: Stage
    size: int
    since: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Files in numbers.

    `going_on`: conversations that had not ended when they were saved; `oldest`: when the oldest that has ended and is
    not rejected was written, and `oldest_rejected` when the oldest was rejected, in epoch seconds; 0 if none is.
    """

    sendable: int = 0
    awaiting_recording: int = 0
    going_on: int = 0
    bytes: int = 0
    oldest: float = 0.0
    rejected: int = 0
    rejected_bytes: int = 0
    oldest_rejected: float = 0.0

    def with_one(self, stage: Stage, size: int, number: int = 1) -> Counts:
        """Returns the counts with a file more in this stage, or with `number` -1 one less."""
        waits = stage is Stage.WAITING
        return replace(
            self,
            sendable=max(0, self.sendable + (0 if waits else number)),
            awaiting_recording=max(0, self.awaiting_recording + (number if waits else 0)),
            bytes=max(0, self.bytes + number * size),
        )

    def with_rejected(self, size: int) -> Counts:
        """Returns the counts with a rejected call more."""
        return replace(self, rejected=self.rejected + 1, rejected_bytes=self.rejected_bytes + size)

    def __add__(self, other: Counts) -> Counts:
        sums = {name: getattr(self, name) + getattr(other, name) for name in _SUMS}
        return Counts(
            **sums,
            oldest=_first(self.oldest, other.oldest),
            oldest_rejected=_first(self.oldest_rejected, other.oldest_rejected),
        )


def _first(*times: float) -> float:
    return min((at for at in times if at), default=0.0)


_SUMS = ("sendable", "awaiting_recording", "going_on", "bytes", "rejected", "rejected_bytes")


class Census:
    """One count of a directory.

    Args:
        directory: Where the files are; None counts nothing, because it must not be read.
        is_counted: Returns whether a call is counted by this census, and not by this process as its own.
        is_known: Returns whether a call is worked on already: it is looked for, and is not among the oldest.
        own: The files that this process wrote, by name, as they are now. They are looked for, too.
        room: How many of the files that may be sent are kept, the oldest, and how many of those that wait.

    Attributes:
        present: The files that were looked for and are there.
        going_on: The conversations that had not ended when they were saved.
        has_more: Whether there are files to send that are neither known nor kept.
        has_failed: Whether the directory could not be read to its end: then nothing is known of it.
        is_whole: Whether it has been read to its end.
    """

    def __init__(
        self,
        directory: Path | None,
        is_counted: Callable[[str], bool] = lambda _: True,
        is_known: Callable[[str], bool] = lambda _: False,
        own: Mapping[str, OwnFile] | None = None,
        room: tuple[int, int] = (MAX_OLDEST, MAX_OLDEST),
    ) -> None:
        self.own = own or {}
        self.present: dict[tuple[str, Stage], SpoolItem] = {}
        self.has_more = False
        self.has_failed = directory is None
        self.is_whole = False
        self._is_counted = is_counted
        self._is_known = is_known
        self._room = room
        self._counts = [0, 0, 0, 0, 0]
        self._oldest = float("inf")
        self._oldest_rejected = 0.0
        self._sendable: list[_Aged] = []
        self._waiting: list[_Aged] = []
        self.going_on: list[SpoolItem] = []
        self._entries = iter(()) if directory is None else self._read(directory)

    def step(self) -> bool:
        """Reads the next entries. Returns whether none is left."""
        return any(next(self._entries, _END) is _END for _ in range(STEP))

    def finish(self) -> Census:
        """Takes all steps, with a pause after each."""
        while not self.step():
            time.sleep(REST_SECONDS)
        return self

    @property
    def counts(self) -> Counts:
        """What has been counted so far."""
        sendable, waiting, size, rejected, rejected_size = self._counts
        oldest = self._oldest if sendable or waiting else 0.0
        return Counts(
            sendable, waiting, len(self.going_on), size, oldest, rejected, rejected_size, self._oldest_rejected
        )

    @property
    def sendable(self) -> list[SpoolItem]:
        """The oldest files that may be sent, in no order."""
        return [_item(one) for one in self._sendable]

    @property
    def waiting(self) -> list[SpoolItem]:
        """The oldest files that lack their recordings, in no order."""
        return [_item(one) for one in self._waiting]

    def all(self) -> list[SpoolItem]:
        """Returns both, the oldest first."""
        return sorted([*self.sendable, *self.waiting], key=lambda one: (one.since, one.name))

    @property
    def has_found_calls(self) -> bool:
        """Whether there are files to send, that wait, or of conversations that a dead process may have left."""
        return bool(self._sendable or self._waiting or self.going_on)

    def _read(self, directory: Path) -> Iterator[None]:
        try:
            for found in _entries(directory):
                if found is not None:
                    self._take(*found)
                yield
        except OSError as fault:
            self.has_failed = fault.errno not in _NO_DIRECTORY
            return
        for one in rejected_entries(directory):
            self._counts[3] += 1
            self._counts[4] += one.size
            self._oldest_rejected = _first(self._oldest_rejected, one.since)
            yield
        self.is_whole = True

    def _take(self, name: str, stage: Stage, status: os.stat_result) -> None:
        size, since, waits = status.st_size, status.st_mtime, stage is Stage.WAITING
        if stage is Stage.OPEN:
            self._counts[2] += size
            self.going_on.append(SpoolItem(name, stage, size, since))
            return
        if self._is_counted(name):
            self._counts[waits] += 1
            self._counts[2] += size
            self._oldest = min(self._oldest, since)
        is_known = self._is_known(name)
        if is_known or name in self.own:
            self.present[name, stage] = SpoolItem(name, stage, size, since)
        if is_known:
            return
        kept, room = (self._waiting if waits else self._sendable), self._room[waits]
        if len(kept) < room:
            heapq.heappush(kept, (-since, name, stage.value, size))
            return
        self.has_more |= not waits
        if kept and -since > kept[0][0]:
            heapq.heapreplace(kept, (-since, name, stage.value, size))


_Aged: TypeAlias = "tuple[float, str, str, int]"
"""A file in a heap that has the youngest on top: its negative time, name, stage and bytes."""

_END = object()


def _item(one: _Aged) -> SpoolItem:
    return SpoolItem(one[1], Stage(one[2]), one[3], -one[0])


def scan(directory: Path, stages: Iterable[Stage] = Stage) -> list[SpoolItem]:
    """Returns the files in these stages, in no order; none if the directory cannot be read. Reads none of them."""
    wanted, items = tuple(stages), list[SpoolItem]()
    with suppress(OSError):
        for found in _entries(directory):
            if found is not None and found[1] in wanted:
                items.append(SpoolItem(found[0], found[1], found[2].st_size, found[2].st_mtime))
    return items


def list_others(directory: Path, stage: Stage, own: Container[str]) -> list[str]:
    """Returns the calls in a stage but for these, in no order; none if the directory cannot be read: see `scan`.

    It asks the disk about no file, so with ten thousand it takes a tenth of the time.
    """
    end = stage.value
    names = [file[: -len(end)] for file in disk.names(directory) if file.endswith(end)]
    return [name for name in names if name not in own]


def count_older(directory: Path, than: float) -> int:
    """Counts the finished calls that were written before a time, in epoch seconds; it pauses after each step."""
    count = 0
    with suppress(OSError):
        for number, found in enumerate(_entries(directory)):
            count += found is not None and found[1] in FINISHED and found[2].st_mtime < than
            if number % STEP == STEP - 1:
                time.sleep(REST_SECONDS)
    return count


def _entries(directory: Path) -> Iterator[tuple[str, Stage, os.stat_result] | None]:
    """Yields the calls in a directory, and None for each other entry; what dead processes were writing is removed.

    Raises:
        OSError: if it cannot be read.
    """
    with os.scandir(directory) as entries:
        for entry in entries:
            parsed = parse_file_name(entry.name)
            if parsed is None:
                _remove_stale(entry)
                _remove_dead(directory, entry.name)
                yield None
                continue
            try:
                is_file = entry.is_file(follow_symlinks=False)
                yield (*parsed, entry.stat(follow_symlinks=False)) if is_file else None
            except OSError:  # another process took it meanwhile
                yield None


def _remove_dead(directory: Path, name: str) -> None:
    """Removes the file of an owner that is dead."""
    if (token := parse_owner_name(name)) is not None:
        is_alive(directory, token)


def _remove_stale(entry: os.DirEntry[str]) -> None:
    if is_temporary(entry.name):
        with suppress(OSError):
            is_file = entry.is_file(follow_symlinks=False)
            if is_file and entry.stat(follow_symlinks=False).st_mtime < time.time() - disk.STALE_SECONDS:
                Path(entry.path).unlink()
