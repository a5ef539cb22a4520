"""Calls in a spool that only a person can have delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._spool import records
from roark_otel._spool.listing import siblings

if TYPE_CHECKING:
    from pathlib import Path


def stranded(root: Path, own: Path, address: str) -> dict[Path, int]:
    """Returns the other directories of a root in which calls have waited for a while, and how many in each.

    Those of keys that Roark has never accepted are left out: the first key that it accepts may take them over.
    """
    found = {directory: (count, records.read(directory)) for directory, count in siblings(root, own).items()}
    return {
        directory: count
        for directory, (count, record) in found.items()
        if not (record.is_orphaned and record.address == address)
    }
