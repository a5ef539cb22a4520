"""The folder of the calls that will not be sent, with the reason next to each, and the ways out of it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel._spool import disk, locks
from roark_otel._spool.body import recording_of, with_recording
from roark_otel._spool.file import Readable, from_bytes, to_bytes
from roark_otel._spool.folder import write_file
from roark_otel._spool.id_hash import id_at, ids_of
from roark_otel._spool.names import CallName, Stage, file_name, parse_rejected_name, reason_name, rejected_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

UNANSWERED = "accepts_unanswered"
"""Why a call was set aside of which the app's `accepts` hook did not say whose it is."""

FOLDER = "rejected"
"""Its name in a directory of the spool."""


MAX_REJECTED = 10_000
"""The most rejected calls that a directory keeps. Beyond it the oldest are deleted."""

MAX_REJECTED_BYTES = 256 * 1024 * 1024
"""The most bytes of them."""

MAX_REJECTED_SECONDS = 7 * 86_400.0
"""How long one is kept."""

LIMITS = (
    f"a directory keeps at most {MAX_REJECTED:,} of them and {MAX_REJECTED_BYTES // 1024**2} MiB, each for "
    f"{MAX_REJECTED_SECONDS / 86_400:.0f} days"
)
"""The same in words."""

MAX_STATUS = 999
"""The highest status that an answer can have."""

_ROOM = 0.9
"""The share of these bounds that is kept when calls are deleted, so that it is not done again for each one."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Why a call was set aside. `status` is Roark's, 0 if Roark was not asked; `reason` is our word, or fields."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A rejected call, without its content. `size` in bytes; `since`: when it was set aside, in epoch seconds."""

    name: str
    size: int
    since: float


def rejected_files(directory: Path) -> list[RejectedFile]:
    """Returns the rejected calls of a directory, in no order. Reads none; none if the folder is a link."""
    return list(rejected_entries(directory))


def rejected_entries(directory: Path) -> Iterator[RejectedFile]:
    """Yields the same, one after the other."""
    folder = directory / FOLDER
    with suppress(OSError):
        if not folder.is_symlink():
            for name, status in disk.stat_files(folder, parse_rejected_name):
                yield RejectedFile(name, status.st_size, status.st_mtime)


def names_of(directory: Path, is_wanted: Callable[[str], bool]) -> list[str]:
    """Returns the names of the rejected calls that are wanted, in no order; none if the folder is a link."""
    folder = directory / FOLDER
    with suppress(OSError):
        found = [] if folder.is_symlink() else disk.names(folder)
        return [name for text in found if (name := parse_rejected_name(text)) and is_wanted(name)]
    return []


def rejected_path(directory: Path, name: str) -> Path:
    """Returns the path of a rejected call's file."""
    return directory / FOLDER / rejected_name(name)


def reason_for(directory: Path, name: str) -> Aside:
    """Returns why a call was rejected, as far as that can be read."""
    try:
        document = json.loads(disk.read_path(_reason_path(directory, name)) or b"{}")
        status = int(document.get("status", 0))
        return Aside(status if 0 <= status <= MAX_STATUS else 0, str(document.get("reason", "unknown"))[:1_000])
    except (ValueError, AttributeError, TypeError, RecursionError, OverflowError):  # infinity is JSON to Python
        return Aside(0, "unknown")


# Into the folder


def keep(directory: Path, name: str, content: bytes, why: Aside) -> None:
    """Writes a call that is not in the directory into the folder.

    Raises:
        OSError: if writing fails.
    """
    _make_folder(directory)
    _write_reason(directory, name, why)
    write_file(rejected_path(directory, name), content)


def set_aside(directory: Path, name: str, file: Path, why: Aside) -> None:
    """Moves a call's file into the folder.

    Raises:
        OSError: if writing fails; then the file stays where it is.
    """
    _make_folder(directory)
    with suppress(OSError):  # a full disk still takes the move
        _write_reason(directory, name, why)
    file.rename(rejected_path(directory, name))
    with suppress(OSError):  # a week from now on
        os.utime(rejected_path(directory, name))


def take_over(directory: Path, source: Path) -> int:
    """Moves what was rejected in another directory here, unless its name is taken. Returns how many calls it moved."""
    ids, count = ids_of(directory.parent), 0
    for one in rejected_files(source):
        name = ids.renamed(one.name, id_at(rejected_path(source, one.name)))
        path = rejected_path(directory, name)
        _make_folder(directory)
        if not disk.exists(path):
            with suppress(OSError):
                _reason_path(source, one.name).rename(_reason_path(directory, name))
            rejected_path(source, one.name).rename(path)
            count += 1
    return count


# Out of it


def bring_back(directory: Path, name: str, stage: Stage) -> None:
    """Moves a rejected call, whose lock is held, to a stage of the directory.

    Raises:
        OSError: if writing fails.
    """
    rejected_path(directory, name).rename(directory / file_name(name, stage))
    _reason_path(directory, name).unlink(missing_ok=True)
    disk.sync_directory(directory)


def revive(directory: Path, name: str, url: str) -> bool:
    """Gives a rejected call a recording to be sent with, if it was rejected for its recording or has none.

    Returns:
        Whether it is sent after all.

    Raises:
        OSError: if its file is another user's, or writing fails.
    """
    with locks.locked(rejected_path(directory, name)) as file:
        if isinstance(file, locks.Inaccessible):
            raise file.fault
        call = from_bytes(file.content) if isinstance(file, locks.Locked) else None
        if not isinstance(call, Readable) or not _lacks_recording(directory, name, call.body):
            return False
        content = to_bytes(call.header, with_recording(call.body, url))
        write_file(directory / file_name(name, Stage.READY), content)
        purge(directory, name)
    return True


def trim(directory: Path, older_than: float) -> int:
    """Deletes the rejected calls of a directory that has more than it may keep: the old ones, then the oldest.

    `older_than`: since when, in epoch seconds, one is not old.

    Returns:
        How many were deleted.
    """
    files = sorted(rejected_entries(directory), key=lambda one: (one.since, one.name))
    count, total, deleted = len(files), sum(one.size for one in files), 0
    room = 1.0 if count <= MAX_REJECTED and total <= MAX_REJECTED_BYTES else _ROOM
    for one in files:
        has_room = count <= MAX_REJECTED * room and total <= MAX_REJECTED_BYTES * room
        if has_room and one.since >= older_than:
            break
        count, total = count - 1, total - one.size
        with suppress(OSError):
            purge(directory, one.name)
            deleted += 1
    return deleted


def purge(directory: Path, name: str) -> None:
    """Deletes a rejected call and its reason.

    Raises:
        OSError: if writing fails.
    """
    rejected_path(directory, name).unlink()
    _reason_path(directory, name).unlink(missing_ok=True)


def _lacks_recording(directory: Path, name: str, body: bytes) -> bool:
    is_call = not CallName.parse(name).late and reason_for(directory, name).reason != UNANSWERED
    return is_call and (recording_of(body) is None or "recordingUrl" in reason_for(directory, name).reason)


def _reason_path(directory: Path, name: str) -> Path:
    return directory / FOLDER / reason_name(name)


def _write_reason(directory: Path, name: str, why: Aside) -> None:
    document = {"status": why.status, "reason": why.reason}
    write_file(_reason_path(directory, name), json.dumps(document).encode())


def _make_folder(directory: Path) -> None:
    disk.refuse_link(directory / FOLDER)
    disk.make_directory(directory / FOLDER)
