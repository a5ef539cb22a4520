"""Files that others read and write at the same time: whole or not there, locked by the kernel, no link followed."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there a 409 alone keeps two processes from creating a call twice
    fcntl = None  # type: ignore[assignment]

STALE_SECONDS = 3_600.0
"""A temporary file that is older was left by a process that died."""

_TEMPORARY = ".tmp"
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def write(path: Path, content: bytes) -> None:
    """Writes a whole file or none; when it returns, the file and its name are on the disk.

    Raises:
        OSError: if the disk does not take it.
    """
    make_directory(path.parent)
    file, temporary = tempfile.mkstemp(prefix=".", suffix=_TEMPORARY, dir=path.parent)
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
    """Has the names in a directory written, so that a rename outlives a power failure."""
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
    """Raises where a directory of ours is a link: whoever made it could have our files written elsewhere.

    Raises:
        OSError: with ELOOP.
    """
    if directory.is_symlink():
        raise OSError(errno.ELOOP, "a link in the place of a directory", str(directory))


def _share(path: Path, directory: Path, mode: int) -> None:
    """Gives a new path to the group of its directory, where that is the group's and not everybody's."""
    found = directory.stat()
    if not found.st_mode & stat.S_IWGRP or found.st_mode & stat.S_IWOTH:
        return
    with suppress(OSError, AttributeError):  # no member of the group: then its own group has to do
        os.chown(path, -1, found.st_gid)
    path.chmod(mode)


def open_file(path: Path) -> int | None:
    """A file, open for reading; None if there is none, or something that is no file: a link is not followed.

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
    """Whether nobody else has this file now. The kernel frees the lock of a process that dies."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: a 409 is safeguard enough
    return True


def read(file: int) -> bytes:
    """All of an open file."""
    with os.fdopen(os.dup(file), "rb") as reader:
        reader.seek(0)
        return reader.read()


def exists(path: Path) -> bool:
    """Whether anything is there; False also where nobody can tell."""
    try:
        return path.exists()
    except OSError:
        return False


def is_at(path: Path, file: int) -> bool:
    """Whether an open file is the one at this path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except OSError:
        return False


def clean(directory: Path) -> None:
    """Removes the temporary files that processes left when they died."""
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(_TEMPORARY):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE_SECONDS:
                        Path(entry.path).unlink()
