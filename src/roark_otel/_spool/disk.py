"""Files that several processes read and write at once: whole or absent, locked by the kernel, no link followed."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from roark_otel._spool.names import TEMPORARY, is_temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

try:
    import fcntl
except ImportError:  # Windows: there a 409 alone keeps two processes from creating a call twice
    fcntl = None  # type: ignore[assignment]

STALE_SECONDS = 3_600.0
"""A temporary file that is older was left by a process that died."""

_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class Locked:
    """A file that no other thread or process can lock meanwhile. `path`: where it is now."""

    path: Path
    content: bytes


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

# Writing


def write_file(path: Path, content: bytes) -> None:
    """Writes a whole file or none; when it returns, the file and its name are on the disk.

    Raises:
        OSError: if the disk does not take it.
    """
    make_directory(path.parent)
    prefix, suffix = TEMPORARY
    file, temporary = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
    try:
        with os.fdopen(file, "wb") as writer:
            _share(Path(temporary), path.parent, 0o660)
            writer.write(content)
            writer.flush()
            os.fsync(writer.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Writes the names in a directory to the disk, so that a rename outlives a power failure."""
    with suppress(OSError):  # Windows opens no directory, and some file systems sync none
        file = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def make_directory(directory: Path) -> None:
    """Makes a directory that only the user can enter, or the group where the one above is the group's.

    Raises:
        OSError: if it cannot be made.
    """
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(exist_ok=True)
    directory.chmod(0o700)
    _share(directory, directory.parent, 0o770)


def refuse_link(directory: Path) -> None:
    """Raises if a directory is a link: the user who made it could have our files written elsewhere.

    Raises:
        OSError: with ELOOP.
    """
    if directory.is_symlink():
        raise OSError(errno.ELOOP, "a link in the place of a directory", str(directory))


def _share(path: Path, directory: Path, mode: int) -> None:
    """Gives a new path to the group of its directory, if the group and not everyone can write there."""
    found = directory.stat()
    if not found.st_mode & stat.S_IWGRP or found.st_mode & stat.S_IWOTH:
        return
    with suppress(OSError, AttributeError):  # the user is not in that group: the user's own group has to do
        os.chown(path, -1, found.st_gid)
    path.chmod(mode)


# Reading


def read_path(path: Path) -> bytes | None:
    """Reads a file; None if there is none, or it cannot be read, or is a link."""
    try:
        file = open_file(path)
        if file is None:
            return None
        try:
            return _read(file)
        finally:
            os.close(file)
    except OSError:
        return None


@contextmanager
def locked(path: Path, renamed: Path | None = None) -> Generator[Lock]:
    """Locks and reads a file. The lock is held until the block ends, even if the file is renamed or removed in it.

    Args:
        path: The file.
        renamed: A second path to accept: the last holder of the lock may have moved the file there.
    """
    file: int | None = None
    found: Lock = Absent()
    try:
        file = open_file(path)
        if file is not None:
            found = _lock_and_read(file, path, renamed)
    except OSError as fault:
        found = Inaccessible(fault)
    try:
        yield found
    finally:
        if file is not None:
            os.close(file)


def _lock_and_read(file: int, path: Path, renamed: Path | None) -> Lock:
    if not lock(file):
        return InUse()
    # The last holder of the lock may have moved, replaced or removed the file.
    now = next((one for one in (path, renamed) if one is not None and is_at(one, file)), None)
    return Absent() if now is None else Locked(now, _read(file))


def open_file(path: Path) -> int | None:
    """Opens a file for reading; None if there is none, or it is not a regular file: a link is not followed.

    Raises:
        PermissionError: if it is another user's.
    """
    try:
        file = os.open(path, _OPEN)
    except PermissionError:
        raise
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def lock(file: int) -> bool:
    """Locks an open file. Returns whether it could: the kernel frees the lock of a process that dies."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: a 409 is safeguard enough
    return True


def _read(file: int) -> bytes:
    with os.fdopen(os.dup(file), "rb") as reader:
        reader.seek(0)
        return reader.read()


def exists(path: Path) -> bool:
    """Returns whether anything is at a path; False if the disk does not answer that."""
    try:
        return path.exists()
    except OSError:
        return False


def is_at(path: Path, file: int) -> bool:
    """Returns whether an open file is the one at this path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except OSError:
        return False


# Directories


def stat_files(directory: Path, parse: Callable[[str], _Parsed | None]) -> list[tuple[_Parsed, os.stat_result]]:
    """Returns the regular files of a directory: what `parse` makes of the name, and the file's status.

    Files whose name it makes None of are left out, as are links, and all files if the directory cannot be read.
    """
    found: list[tuple[_Parsed, os.stat_result]] = []
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            parsed = parse(entry.name)
            if parsed is not None:
                with suppress(OSError):
                    if entry.is_file(follow_symlinks=False):
                        found.append((parsed, entry.stat(follow_symlinks=False)))
    return found


def clean(directory: Path) -> None:
    """Removes the temporary files that processes left when they died."""
    too_old = time.time() - STALE_SECONDS
    for name, status in stat_files(directory, lambda name: name if is_temporary(name) else None):
        if status.st_mtime < too_old:
            with suppress(OSError):
                (directory / name).unlink()
