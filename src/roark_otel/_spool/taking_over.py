"""Takes over the calls of another directory of the same or another spool: a person's `adopt`, and a courier's.

Every file is moved under its lock, so that none moves while a courier sends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._spool import disk, locks, rejected
from roark_otel._spool.census import Census, scan
from roark_otel._spool.file import Readable, from_bytes, id_in
from roark_otel._spool.id_hash import ids_of
from roark_otel._spool.names import FINISHED, Stage, path_of
from roark_otel._spool.owner import has_living_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from pathlib import Path

    from roark_otel._spool.census import SpoolItem

MAX_AT_ONCE = 256
"""The most calls in each stage that one step of a courier takes over."""


def take_over_calls(directory: Path, source: Path, services: Container[str]) -> int:
    """Takes over the oldest calls of these services that wait in another directory, a few hundred at most.

    Conversations that a dead process left open are among them. A call that is being sent stays, as do one that goes on,
    one that cannot be read, and one whose name is taken here.

    Returns:
        How many.

    Raises:
        OSError: if writing fails.
    """
    disk.make_directory(directory)
    disk.refuse_foreign(source)
    found = Census(source, room=(MAX_AT_ONCE, MAX_AT_ONCE)).finish()
    cut_off = sorted(found.going_on, key=lambda one: one.since)[:MAX_AT_ONCE]

    def is_wanted(content: bytes) -> bool:
        call = from_bytes(content)
        return isinstance(call, Readable) and call.header.service in services

    return _move(directory, source, [*found.all(), *cut_off], is_wanted)


def adopt(directory: Path, source: Path) -> int:
    """Takes over the calls that wait in another directory, and what was rejected there. Returns how many.

    A call that is being sent stays, as do one that goes on and one whose name is taken here.

    Raises:
        OSError: if writing fails.
    """
    disk.make_directory(directory)
    return _move(directory, source, scan(source), lambda _: True) + rejected.take_over(directory, source)


def _move(directory: Path, source: Path, calls: Iterable[SpoolItem], is_wanted: Callable[[bytes], bool]) -> int:
    """Moves calls to a directory, those that nothing keeps where they are. Returns how many.

    A name that was hashed under the key of another root becomes one under the key of this.
    """
    ids = ids_of(directory.parent)
    count = 0
    for one in sorted(calls, key=lambda call: call.stage is not Stage.OPEN):  # before its finished version is gone
        if one.stage is Stage.OPEN and has_living_owner(path_of(source, one.name, one.stage)):
            continue
        with locks.locked(path_of(source, one.name, one.stage)) as file:
            if not isinstance(file, locks.Locked) or not is_wanted(file.content):
                continue
            taken_over = path_of(directory, ids.renamed(one.name, id_in(file.content)), one.stage)
            if disk.exists(taken_over):
                continue
            if one.stage is Stage.OPEN and _has_ended(source, one.name):
                file.path.unlink()
                continue
            file.path.rename(taken_over)
            count += 1
    if count:
        disk.sync_directory(directory)
    return count


def _has_ended(source: Path, name: str) -> bool:
    """Returns whether an open call is there as a finished one too: its process died as it finished it."""
    return any(disk.exists(path_of(source, name, stage)) for stage in FINISHED)
