"""Locks of files that several processes use: the kernel holds them, and frees those of a process that dies."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._spool.disk import OPEN_TO_READ, read

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there a 409 alone keeps two processes from creating a call twice
    fcntl = None  # type: ignore[assignment]

ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
"""What opening raises where there is no file, or a link in its place. All other errors leave that open."""


@dataclass(frozen=True, slots=True)
class Locked:
    """A file that no other thread or process can lock meanwhile."""

    path: Path
    content: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """The same, open and not read.

    `is_renamed`: the last holder of the lock has moved it; `has_lock`: whether the lock is one, or the file system has
    none: then a 409 is safeguard enough.
    """

    file: int
    status: os.stat_result
    is_renamed: bool
    has_lock: bool


@dataclass(frozen=True, slots=True)
class InUse:
    """Another thread or process holds the file's lock."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The path has no file, or lost it before it could be locked."""


@dataclass(frozen=True, slots=True)
class Inaccessible:
    """The file cannot be opened or read."""

    fault: OSError


Lock: TypeAlias = "Locked | InUse | Absent | Inaccessible"

FileLock: TypeAlias = "Opened | InUse | Absent | Inaccessible"


@contextmanager
def locked(path: Path) -> Generator[Lock]:
    """Locks and reads a file. The lock is held until the block ends, even if the file is renamed or removed in it."""
    found = open_locked((str(path),))
    if not isinstance(found, Opened):
        yield found
        return
    try:
        try:
            content: Lock = Locked(path, read(found.file, found.status))
        except OSError as fault:
            content = Inaccessible(fault)
        yield content
    finally:
        os.close(found.file)


def open_locked(paths: tuple[str, ...], directory: int | None = None) -> FileLock:
    """Opens and locks a regular file; a link is not followed. The caller closes it, which frees the lock.

    Args:
        paths: Where the file is, then to where the last holder of its lock may have moved it.
        directory: An open directory from which the paths lead; None from the process's own.
    """
    try:
        file = os.open(paths[0], OPEN_TO_READ, dir_fd=directory)
    except OSError as fault:
        return Absent() if fault.errno in ABSENT else Inaccessible(fault)
    try:
        found = _locked_at(file, paths, directory)
    except OSError as fault:
        found = Inaccessible(fault)
    if not isinstance(found, Opened):
        os.close(file)
    return found


def _locked_at(file: int, paths: tuple[str, ...], directory: int | None) -> FileLock:
    if (locked := lock(file)) is Flock.TAKEN:
        return InUse()
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        return Absent()
    for path in paths:
        with suppress(OSError):
            if os.path.samestat(status, os.stat(path, dir_fd=directory, follow_symlinks=False)):
                return Opened(file, status, is_renamed=path != paths[0], has_lock=locked is Flock.HELD)
    # The last holder of the lock has replaced or removed it.
    return Absent()


class Flock(Enum):
    """What became of an attempt to lock a file. The kernel frees the lock of a process that dies."""

    HELD = "this process has it"
    TAKEN = "another open file has it"
    UNKNOWN = "the file system or the machine has no locks"


def lock(file: int) -> Flock:
    """Locks an open file, if nothing else has its lock; again, if it has it already."""
    if fcntl is None:
        return Flock.UNKNOWN
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Flock.TAKEN
    except OSError:
        return Flock.UNKNOWN
    return Flock.HELD
