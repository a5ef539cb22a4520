"""The owner of open calls: a process, by the file that it locks for as long as it lives.

The kernel frees the lock however the process ends. A forked child inherits the open file, and with it the lock: it
closes the file, so that it does not keep its parent's calls from being delivered when the parent is killed.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from roark_otel._spool import disk, locks
from roark_otel._spool.file import head_of
from roark_otel._spool.names import TEMPORARY, owner_name

if TYPE_CHECKING:
    from pathlib import Path

BEAT_SECONDS: Final = 15.0
"""How often an owner touches its file: where a file system has no locks, that alone shows that it lives."""

MISSED_SECONDS: Final = 90.0
"""An owner without a lock that has not touched its file for as long is taken for dead."""


class Owner:
    """This process as the owner of its open calls in one directory.

    Args:
        directory: The directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None
        self._status: os.stat_result | None = None
        self._process = 0
        self._beat_at = 0.0
        self.token = ""
        """Names the owner in the headers of its calls; empty until it has some."""

    def hold(self) -> str:
        """Makes sure that the lock is held, and returns the token.

        Raises:
            OSError: if the file cannot be made.
        """
        if not self._is_held():
            if self._process != os.getpid():
                self._process, self.token = os.getpid(), os.urandom(8).hex()
            self._make()
        return self.token

    def beat(self) -> None:
        """Shows that the process lives, once in a while, however little it saves."""
        now = time.monotonic()
        if self._file is None or self._process != os.getpid() or now < self._beat_at:
            return
        self._beat_at = now + BEAT_SECONDS
        with suppress(OSError):
            self.hold()
            os.utime(self._path)

    def _is_held(self) -> bool:
        """Returns whether the lock is there: a daemon closes files that are not its own, and a directory may go."""
        if self._file is None or self._process != os.getpid():
            return False
        try:
            return self._is_own_file(self._file) and os.path.samestat(os.fstat(self._file), self._path.stat())
        except OSError:
            return False

    def _is_own_file(self, file: int) -> bool:
        return self._status is not None and os.path.samestat(self._status, os.fstat(file))

    @property
    def _path(self) -> Path:
        return self._directory / owner_name(self.token)

    def _make(self) -> None:
        """Locks a file before it gets its name, so that no file without a lock is ever seen."""
        self.let_go()
        begin, end = TEMPORARY
        temporary = self._directory / f"{begin}{os.urandom(8).hex()}{end}"
        file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if (group := disk.group_of(self._directory.stat())) is not None:
                disk.share(file, group)
            locks.lock(file)
            temporary.replace(self._path)  # under the same name again, so that what was saved is still owned
            self._file, self._status = file, os.fstat(file)
        except OSError:
            os.close(file)
            with suppress(OSError):
                temporary.unlink()
            raise

    def let_go(self) -> None:
        """Closes the file. In a forked child its parent keeps the lock; elsewhere the calls have no owner any more."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                if self._is_own_file(file):  # its number may be another file's by now
                    os.close(file)

    def remove(self) -> None:
        """Removes the file and lets go of it, because nothing is open any more."""
        if self._file is not None and self._process == os.getpid():
            with suppress(OSError):
                self._path.unlink()
        self.let_go()


def has_living_owner(call: Path) -> bool:
    """Returns whether the process lives whose open call is in this file."""
    header = head_of(disk.read_head(call))
    return header is not None and is_alive(call.parent, header.owner)


def is_alive(directory: Path, token: str) -> bool:
    """Returns whether the process with this token lives. The file of one that does not is removed."""
    if not token:
        return False
    path = directory / owner_name(token)
    match locks.open_locked((str(path),)):
        case locks.InUse() | locks.Inaccessible():
            return True
        case locks.Opened() as found:
            try:
                if not found.has_lock and time.time() - found.status.st_mtime < MISSED_SECONDS:
                    return True
                with suppress(OSError):
                    path.unlink()
                return False
            finally:
                os.close(found.file)
        case _:
            return False
