"""What is in a spool, for the commands and the metrics that look at it. Nothing here needs a key, or changes a file.

A spool's root (`ROARK_SPOOL_DIR`) has a directory for each base URL and project.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the field of a dataclass

from roark_otel._spool import disk
from roark_otel._spool.census import Census, Counts, SpoolItem, count_older, scan
from roark_otel._spool.file import Content, Header, Readable, from_bytes
from roark_otel._spool.names import Stage, path_of
from roark_otel._spool.owner import has_living_owner
from roark_otel._spool.rejected import Aside, reason_for, rejected_files, rejected_path

ADOPT_AFTER_SECONDS = 60.0
"""A sibling's files that are younger are not counted: a process of its own is likely to be sending them."""


@dataclass(frozen=True, slots=True)
class InStage:
    """A file that waits or is being sent."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the spool. `header` is None where it is damaged or of a newer version; `since` in epoch seconds."""

    path: Path
    name: str
    state: InStage | Aside
    header: Header | None
    size: int
    since: float

    @property
    def external_id(self) -> str | None:
        """The external id of the call."""
        return None if self.header is None else self.header.external_id


@dataclass(frozen=True, slots=True)
class Measure:
    """A directory in numbers.

    `going_on`: conversations that had not ended when they were saved; `oldest_seconds`: the age of the oldest file that
    is not rejected, 0 if there is none.
    """

    sendable: int = 0
    awaiting_recording: int = 0
    going_on: int = 0
    rejected: int = 0
    bytes: int = 0
    rejected_bytes: int = 0
    oldest_seconds: float = 0.0

    @classmethod
    def of(cls, counts: Counts) -> Measure:
        """Makes it of what was counted, with the age of the oldest."""
        return cls(
            counts.sendable,
            counts.awaiting_recording,
            counts.going_on,
            counts.rejected,
            counts.bytes,
            counts.rejected_bytes,
            max(0.0, time.time() - counts.oldest) if counts.oldest else 0.0,
        )


def directories(root: Path) -> list[Path]:
    """Returns the directories of a spool's root that have, or had, calls."""
    with suppress(OSError):
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink() and _is_ours(path))
    return []


def _is_ours(directory: Path) -> bool:
    return len(directory.name) == 16 and all(letter in "0123456789abcdef" for letter in directory.name)


def list_files(directory: Path) -> list[Listed]:
    """Reads every file of a directory, the oldest first; those that were rejected with their reason."""
    found = [
        Listed(path, one.name, InStage(one.stage), _header(path), one.size, one.since)
        for one in scan(directory)
        for path in (path_of(directory, one.name, one.stage),)
    ]
    found += [
        Listed(path, one.name, reason_for(directory, one.name), _header(path), one.size, one.since)
        for one in rejected_files(directory)
        for path in (rejected_path(directory, one.name),)
    ]
    return sorted(found, key=lambda one: (one.since, one.name))


def measure(directory: Path) -> Measure:
    """Counts the files of a directory by what they wait for, with their bytes and the oldest one's age. Reads none."""
    return Measure.of(Census(directory).finish().counts)


def cut_off(directory: Path) -> list[SpoolItem]:
    """Returns the conversations in a directory whose processes ended before they did."""
    found = scan(directory, (Stage.OPEN,))
    return [one for one in found if not has_living_owner(path_of(directory, one.name, one.stage))]


def siblings(root: Path, own: Path) -> dict[Path, int]:
    """Returns the other directories of a root in which calls have waited for a while, and how many in each."""
    too_young = time.time() - ADOPT_AFTER_SECONDS
    counts = {directory: count_older(directory, too_young) for directory in directories(root) if directory != own}
    return {directory: count for directory, count in counts.items() if count}


def read_body(path: Path) -> bytes | None:
    """Returns the body of a file as it is sent; None if it cannot be read."""
    content = _content(path)
    return content.body if isinstance(content, Readable) else None


def _header(path: Path) -> Header | None:
    content = _content(path)
    return content.header if isinstance(content, Readable) else None


def _content(path: Path) -> Content:
    return from_bytes(disk.read_path(path) or b"")
