"""A directory that is opened once, and its files by their names in it, so that no path is looked up for each of them.

What is written is whole or absent, and on the disk before it counts as written.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from roark_otel._safety.threads import beside_hub
from roark_otel._spool import disk, locks
from roark_otel._spool.names import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

_HAS_DIRECTORIES = {os.open, os.rename, os.unlink, os.stat, os.access} <= os.supports_dir_fd  # not on Windows

_OPEN_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

_LOST = {errno.ENOENT, errno.ENOTDIR, errno.EBADF}
"""What writing raises where the directory was deleted, or the app has closed files that are not its own."""


def _write_all(file: int, content: bytes) -> None:
    written = os.write(file, content)
    while written < len(content):
        written += os.write(file, content[written:])


def _write_and_sync(file: int, content: bytes) -> None:
    _write_all(file, content)
    beside_hub(os.fsync, file)


class _Opened:
    """An open directory, which is closed when no thread uses it any more.

    Args:
        path: Where it is.

    Attributes:
        file: The open file; None where its files are found by their paths.
        process: The process that opened it.
        group: The group that its files are given to; None for the user's alone.
        is_link: Whether a link led to it.

    Raises:
        OSError: if there is none, or it cannot be used.
    """

    __slots__ = ("_path", "_status", "file", "group", "is_link", "process")

    def __init__(self, path: Path) -> None:
        self.file: int | None = None
        self.process = os.getpid()
        self._path = str(path)
        disk.refuse_foreign(path)
        self.is_link = path.is_symlink()
        self._status = os.stat(path)  # noqa: PTH116 - as those below
        self.group = disk.group_of(self._status)
        if _HAS_DIRECTORIES:
            with suppress(PermissionError):  # one that cannot be listed, in which files can be made and opened
                self.file = os.open(path, _OPEN_DIRECTORY)
                self._status = os.fstat(self.file)

    def __del__(self) -> None:
        if self.file is not None and self.process == os.getpid():
            with suppress(OSError):
                # A daemon closes files that are not its own, and the number may be that of another one by now.
                if os.path.samestat(self._status, os.fstat(self.file)):
                    os.close(self.file)

    def at(self, name: str) -> str:
        """Returns a file's path, from the directory where the system can look it up from there."""
        return name if self.file is not None else os.path.join(self._path, name)  # noqa: PTH118 - fast

    def sync(self) -> None:
        """Writes the names in it to the disk."""
        if self.file is not None:
            with suppress(OSError):  # some file systems sync no directory
                beside_hub(os.fsync, self.file)

    def is_still_at(self, path: Path) -> bool:
        """Returns whether it is the directory at this path, and notes whose it is now."""
        try:
            found = os.stat(path)  # noqa: PTH116 - as those below
            self.group = disk.group_of(found)
            return self.file is None or os.path.samestat(found, os.fstat(self.file))
        except OSError:
            return False


class Folder:
    """A directory by its path, which is made when something is written, and opened again after a fork.

    If another directory takes its place, files go on to be written to the old one until the next `refresh`.

    Attributes:
        is_new: Whether it was made here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_new = False
        self._directory: _Opened | None = None
        self._batch: tuple[int, set[_Opened]] | None = None

    def refresh(self) -> None:
        """Lets go of the directory if it is no longer the one at the path."""
        directory = self._directory
        if directory is not None and not directory.is_still_at(self.path):
            self._directory = None

    def _opened(self) -> _Opened | None:
        """Returns the open directory; None if there is none.

        Raises:
            OSError: if it cannot be used.
        """
        directory = self._directory
        if directory is None or directory.process != os.getpid():
            self._directory = None
            try:
                directory = self._directory = _Opened(self.path)
            except (FileNotFoundError, NotADirectoryError):
                return None
        return directory

    def fault(self) -> OSError | None:
        """Returns why the directory cannot be used; None if it can, or has yet to be made."""
        try:
            self._opened()
        except OSError as fault:
            return fault
        return None

    # Files by their names

    def has(self, name: str) -> bool:
        """Returns whether there is anything by this name; False if the disk does not answer that."""
        with suppress(OSError):
            directory = self._opened()
            return directory is not None and os.access(directory.at(name), os.F_OK, dir_fd=directory.file)
        return False

    def lock(self, name: str, renamed: str) -> locks.FileLock:
        """Opens and locks a file, which the last holder of the lock may have renamed."""
        try:
            directory = self._opened()
        except OSError as fault:
            return locks.Inaccessible(fault)
        if directory is None:
            return locks.Absent()
        return locks.open_locked((directory.at(name), directory.at(renamed)), directory.file)

    def rename(self, name: str, other: str) -> None:
        """Renames a file; when it returns, the new name is on the disk.

        Raises:
            OSError: if it cannot.
        """
        directory = self._needed()
        file = directory.file
        os.replace(directory.at(name), directory.at(other), src_dir_fd=file, dst_dir_fd=file)
        directory.sync()

    def unlink(self, name: str) -> bool:
        """Deletes a file. Returns whether there was one.

        Raises:
            OSError: if it cannot.
        """
        directory = self._opened()
        if directory is None:
            return False
        try:
            os.unlink(directory.at(name), dir_fd=directory.file)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _needed(self) -> _Opened:
        directory = self._opened()
        if directory is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))
        return directory

    # Writing

    def write(self, name: str, content: bytes) -> os.stat_result:
        """Writes a whole file or none; when it returns, the file and its name are on the disk.

        Returns:
            The file's status.

        Raises:
            OSError: if writing fails, or the directory is a link.
        """
        status = self.write_unsynced(name, content, _write_and_sync)
        self._sync(self._needed())
        return status

    def write_unsynced(
        self, name: str, content: bytes, write: Callable[[int, bytes], None] = _write_all
    ) -> os.stat_result:
        """Writes a whole file or none, which outlives the process, though not a power failure.

        `write`: writes the content of the open file.

        Returns:
            The file's status.

        Raises:
            OSError: if writing fails, or the directory is a link.
        """
        try:
            return self._write(self._needed(), name, content, write)
        except OSError as fault:
            if fault.errno not in _LOST:
                raise
        self.make()
        return self._write(self._needed(), name, content, write)

    def make(self) -> None:
        """Makes the directory.

        Raises:
            OSError: if it cannot be made.
        """
        self.is_new = not disk.exists(self.path)
        disk.make_directory(self.path)
        self._directory = None

    def _write(
        self, directory: _Opened, name: str, content: bytes, write: Callable[[int, bytes], None]
    ) -> os.stat_result:
        if directory.is_link:
            raise disk.link_error(self.path)
        begin, end = TEMPORARY
        temporary = directory.at(f"{begin}{os.urandom(8).hex()}{end}")
        try:
            status = _write_new(temporary, directory, content, write)
            path, file = directory.at(name), directory.file
            os.replace(temporary, path, src_dir_fd=file, dst_dir_fd=file)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=directory.file)
            raise
        return status

    def _sync(self, directory: _Opened) -> None:
        batch = self._batch
        if batch is not None and batch[0] == threading.get_ident():
            batch[1].add(directory)
        else:
            directory.sync()

    @contextmanager
    def together(self) -> Generator[None]:
        """Has the names of all files that this thread writes in the block put on the disk at its end, at once."""
        unsynced: set[_Opened] = set()
        self._batch = threading.get_ident(), unsynced
        try:
            yield
        finally:
            self._batch = None
            for directory in unsynced:
                directory.sync()


def _write_new(path: str, directory: _Opened, content: bytes, write: Callable[[int, bytes], None]) -> os.stat_result:
    file = os.open(path, _CREATE, 0o600, dir_fd=directory.file)
    try:
        if directory.group is not None:
            disk.share(file, directory.group)
        write(file, content)
        return os.fstat(file)
    finally:
        os.close(file)


def write_file(path: Path, content: bytes) -> None:
    """Writes a whole file or none, in a directory that is made for it; when it returns, it is on the disk.

    Raises:
        OSError: if writing fails.
    """
    Folder(path.parent.resolve()).write(path.name, content)
