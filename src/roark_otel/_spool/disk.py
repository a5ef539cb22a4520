"""Files that several processes read and write at once: whole or absent, and no link is followed."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from roark_otel._safety.threads import beside_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STALE_SECONDS = 3_600.0
"""A temporary file that is older was left by a process that died."""

HEAD_BYTES = 4_096
"""The most bytes that a header has."""

MAX_FILE_BYTES = 256 * 1024 * 1024
"""The most bytes of a file that is read: a call is far smaller, and a larger file would take the app's memory."""

OPEN_TO_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How files of a spool are opened: no link is followed, and nothing waits for the other end of a pipe."""


_Parsed = TypeVar("_Parsed")


# Directories


def sync_directory(directory: Path) -> None:
    """Writes the names in a directory to the disk, so that a rename outlives a power failure."""
    with suppress(OSError):  # Windows opens no directory, and some file systems sync none
        file = os.open(directory, os.O_RDONLY)
        try:
            beside_hub(os.fsync, file)
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
    try:
        directory.mkdir(0o700)
    except FileExistsError:  # another process made it, or another user a link
        return
    directory.chmod(0o700)  # whatever the umask is
    _share_directory(directory, directory.parent)


def refuse_foreign(directory: Path) -> None:
    """Raises if another user may have made a directory, or one above it, or can put others in its place.

    Names in a directory that everyone may write to, such as /tmp, can be guessed and taken. What is there must be the
    user's own, or root's, and no link.

    Raises:
        OSError: with EPERM; or if that cannot be found out.
    """
    if not hasattr(os, "geteuid"):
        return
    path = Path(os.path.abspath(directory))  # noqa: PTH100 - `resolve` would follow the links
    for one in (path, *path.parents[:-1]):
        try:
            status = one.lstat()
        except FileNotFoundError:
            continue
        if one.parent.stat().st_mode & stat.S_IWOTH and _is_foreign(status, is_last=one == path):
            raise PermissionError(errno.EPERM, f"{one} is not this user's alone", str(directory))


def _is_foreign(found: os.stat_result, *, is_last: bool) -> bool:
    is_own = found.st_uid == os.geteuid()
    if stat.S_ISLNK(found.st_mode) or not (is_own or found.st_uid == 0):
        return True
    is_open = bool(found.st_mode & stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    return is_open and (is_own or is_last)


def refuse_link(directory: Path) -> None:
    """Raises if a directory is a link: the user who made it could have our files written elsewhere.

    Raises:
        OSError: with ELOOP.
    """
    if directory.is_symlink():
        raise link_error(directory)


def link_error(directory: Path) -> OSError:
    """Returns the error for a link in the place of a directory."""
    return OSError(errno.ELOOP, "a link in the place of a directory", str(directory))


def _share_directory(directory: Path, above: Path) -> None:
    if (group := group_of(above.stat())) is not None:
        with suppress(OSError, AttributeError):  # the user is not in that group: the user's own group has to do
            os.chown(directory, -1, group)
        directory.chmod(0o770)


def group_of(directory: os.stat_result) -> int | None:
    """Returns the group that new files of a directory are given to: its own, if it can write and not everyone can."""
    is_shared = directory.st_mode & stat.S_IWGRP and not directory.st_mode & stat.S_IWOTH
    return directory.st_gid if is_shared else None


def share(file: int, group: int) -> None:
    """Lets a group read and write an open file.

    Raises:
        OSError: if it cannot.
    """
    with suppress(OSError):  # the user is not in that group: the user's own group has to do
        os.fchown(file, -1, group)
    os.fchmod(file, 0o660)


# Reading


def read_head(path: Path) -> bytes:
    """Reads the first bytes of a file, with its header; none if there is none, or it cannot be read, or is a link."""
    try:
        file = os.open(path, OPEN_TO_READ)
    except OSError:
        return b""
    try:
        return os.read(file, HEAD_BYTES)
    except OSError:
        return b""
    finally:
        os.close(file)


def read_path(path: Path) -> bytes | None:
    """Reads a file; None if there is none, or it cannot be read, or is a link."""
    try:
        file = os.open(path, OPEN_TO_READ)
    except OSError:
        return None
    try:
        status = os.fstat(file)
        return read(file, status) if stat.S_ISREG(status.st_mode) else None
    except OSError:
        return None
    finally:
        os.close(file)


def read(file: int, status: os.stat_result) -> bytes:
    """Reads an open file of this status from its beginning; nothing of one that is too large to be a call's.

    Raises:
        OSError: if it cannot.
    """
    if status.st_size > MAX_FILE_BYTES:
        return b""
    content = os.read(file, status.st_size + 1)
    while len(content) < status.st_size and (more := os.read(file, status.st_size + 1)):
        content += more
    return content


def exists(path: Path) -> bool:
    """Returns whether anything is at a path; False if the disk does not answer that."""
    try:
        return path.exists()
    except OSError:
        return False


# Listing


def stat_files(directory: Path, parse: Callable[[str], _Parsed | None]) -> Iterator[tuple[_Parsed, os.stat_result]]:
    """Yields the regular files of a directory: what `parse` makes of the name, and the file's status.

    Files whose name it makes None of are left out, as are links, and all files if the directory cannot be read.
    """
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            parsed = parse(entry.name)
            if parsed is not None:
                with suppress(OSError):
                    if entry.is_file(follow_symlinks=False):
                        yield parsed, entry.stat(follow_symlinks=False)


def names(directory: Path) -> list[str]:
    """Returns the names in a directory; none if it cannot be read."""
    with suppress(OSError):
        return os.listdir(directory)  # noqa: PTH208 - names, and no paths of them
    return []
