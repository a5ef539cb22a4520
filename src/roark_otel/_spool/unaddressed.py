"""Takes over the calls of a key and project that waited without a usable address, for one that has one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from roark_otel._spool import disk, locks
from roark_otel._spool.census import Census
from roark_otel._spool.file import Readable, from_bytes
from roark_otel._spool.names import Stage, path_of
from roark_otel._spool.owner import has_living_owner

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._spool.census import SpoolItem
    from roark_otel._spool.file import Header

MOST_AT_ONCE: Final = 256
"""The most calls in each stage that are taken over at once."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What was taken over. `calls`: how many; `rest`: the seconds until more can be, None if none is left."""

    calls: int = 0
    rest: float | None = None


def take_over_unaddressed(directory: Path, source: Path) -> TakenOver:
    """Takes over the calls in a directory that nothing is sent from.

    The process that wrote one may still live: what it may still change, because it goes on or has just ended, stays
    until that is over. So does one that another process looks at, and one whose name is taken here.

    Raises:
        OSError: if a directory cannot be used.
    """
    if not disk.exists(source):
        return TakenOver()
    disk.refuse_foreign(source)
    disk.refuse_link(source)
    census = Census(source, room=(MOST_AT_ONCE, MOST_AT_ONCE)).finish()
    cut_off = [one for one in census.going_on if not has_living_owner(path_of(source, one.name, one.stage))]
    found = [*census.all(), *cut_off]
    if not found:
        return TakenOver()
    disk.make_directory(directory)
    rests = [_take_over(directory, source, one) for one in found]
    taken, left = rests.count(0.0), [seconds for seconds in rests if 0 < seconds < float("inf")]
    if taken:
        disk.sync_directory(directory)
    if census.has_more:
        left.append(0.0)
    return TakenOver(taken, min(left, default=None))


def _take_over(directory: Path, source: Path, one: SpoolItem) -> float:
    """Takes over a call. Returns 0, or in how many seconds it can be; infinity if it cannot be read, or has a twin."""
    path, taken_over = path_of(source, one.name, one.stage), path_of(directory, one.name, one.stage)
    with locks.locked(path) as file:
        match file:
            case locks.Locked():
                call = from_bytes(file.content)
            case locks.InUse():
                return 1.0
            case locks.Absent() | locks.Inaccessible():
                return float("inf")
        if not isinstance(call, Readable) or disk.exists(taken_over):
            return float("inf")
        rest = 0.0 if one.stage is Stage.OPEN else _rest(call.header)
        if rest <= 0:
            path.rename(taken_over)
        return max(0.0, rest)


def _rest(header: Header) -> float:
    """Returns for how many seconds a call is held back, at most as meant should the clock have been set back."""
    return min(header.not_before - time.time(), header.not_before - header.finished_at)
