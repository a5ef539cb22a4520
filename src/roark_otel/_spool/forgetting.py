"""Erases what a spool has of an external id: what goes on, waits or was rejected, and the recordings kept for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from roark_otel._spool import attachments, locks, rejected
from roark_otel._spool.census import scan
from roark_otel._spool.id_hash import id_at, ids_of
from roark_otel._spool.listing import directories
from roark_otel._spool.names import Stage, path_of
from roark_otel._spool.owner import has_living_owner

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of the files of an id.

    Args:
        erased: How many were deleted.
        busy: How many are being sent right now.
        going_on: How many are those of a living process, which saves the conversation again as long as it goes on.
    """

    erased: int = 0
    busy: int = 0
    going_on: int = 0

    def __add__(self, other: Forgotten) -> Forgotten:
        return Forgotten(self.erased + other.erased, self.busy + other.busy, self.going_on + other.going_on)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left."""
        return not (self.busy or self.going_on)


def forget(root: Path, external_id: str) -> Forgotten:
    """Deletes every file of an id in all directories of a spool.

    Raises:
        OSError: if a file cannot be deleted.
    """
    is_its = ids_of(root).finder(external_id)
    found = Forgotten(int(attachments.kept_for(root, external_id) is not None))
    attachments.drop(root, external_id)
    for directory in directories(root):
        for item in scan(directory):
            path = path_of(directory, item.name, item.stage)
            if is_its(item.name, partial(id_at, path)):
                found += _erase(directory, item.name, item.stage)
        for aside in rejected.rejected_files(directory):
            if is_its(aside.name, partial(id_at, rejected.rejected_path(directory, aside.name))):
                rejected.purge(directory, aside.name)
                found += Forgotten(1)
    return found


def _erase(directory: Path, name: str, stage: Stage) -> Forgotten:
    path = path_of(directory, name, stage)
    if stage is Stage.OPEN and has_living_owner(path):
        return Forgotten(going_on=1)
    with locks.locked(path) as file:
        if isinstance(file, locks.InUse):
            return Forgotten(busy=1)
        if isinstance(file, locks.Absent):
            return Forgotten()
        path.unlink()
    return Forgotten(1)
