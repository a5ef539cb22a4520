"""The owner of open calls: a process, by the file that it locks for as long as it lives.

The kernel frees the lock however the process ends. A forked child inherits the open file, and with it the lock: it
closes the file, so that it does not keep its parent's calls from being delivered when the parent is killed.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from roark_otel._spool import disk
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
        self._process = 0
        self._beat_at = 0.0
        self.token = ""
        """Names the owner in the headers of its calls; empty until it has some."""

    def hold(self) -> str:
        """Makes sure that the lock is held, and returns the token.

        Raises:
            OSError: if the file cannot be made.
        """
        now = time.monotonic()
        if self._file is None or self._process != os.getpid():
            self._make()
            self._beat_at = now + BEAT_SECONDS
        elif now >= self._beat_at:
            self._beat_at = now + BEAT_SECONDS
            try:
                os.utime(self._path)
            except OSError:  # the directory was deleted, and is made again
                self.let_go()
                self._make()
        return self.token

    @property
    def _path(self) -> Path:
        return self._directory / owner_name(self.token)

    def _make(self) -> None:
        """Locks a file before it gets its name, so that no file without a lock is ever seen."""
        token = os.urandom(8).hex()
        begin, end = TEMPORARY
        temporary = self._directory / f"{begin}{token}{end}"
        file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if (group := disk.group_of(self._directory.stat())) is not None:
                disk.share(file, group)
            disk.lock(file)
            temporary.rename(self._directory / owner_name(token))
        except OSError:
            os.close(file)
            with suppress(OSError):
                temporary.unlink()
            raise
        self._file, self._process, self.token = file, os.getpid(), token

    def let_go(self) -> None:
        """Closes the file. In a forked child its parent keeps the lock; elsewhere nobody owns the calls any more."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)

    def remove(self) -> None:
        """Removes the file and lets go of it, because nothing is open any more."""
        if self._file is not None and self._process == os.getpid():
            with suppress(OSError):
                self._path.unlink()
        self.let_go()


def is_alive(directory: Path, token: str) -> bool:
    """Returns whether the process with this token lives. The file of one that does not is removed."""
    path = directory / owner_name(token)
    match disk.open_locked((str(path),)):
        case disk.InUse() | disk.Inaccessible():
            return True
        case disk.Opened() as found:
            try:
                if not disk.has_locks(found.file) and time.time() - found.status.st_mtime < MISSED_SECONDS:
                    return True
                with suppress(OSError):
                    path.unlink()
                return False
            finally:
                os.close(found.file)
        case _:
            return False
