"""Which processes use a spool's directory: each holds a shared lock on the directory for as long as it lives."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows: there each process takes itself for the last one
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pathlib import Path

_OPEN = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


class Presence:
    """This process's part in a directory. The lock is on an open file of its own, which closes with the process.

    Args:
        directory: The directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None
        self._status: os.stat_result | None = None

    def join(self) -> None:
        """Takes part, if it does not yet. Where that is not possible, the process is not seen by others."""
        if self._file is None and fcntl is not None:
            with suppress(OSError):
                file = self._file = os.open(self._directory, _OPEN)
                self._status = os.fstat(file)
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def leave(self) -> None:
        """Takes part no longer. A forked child that inherited its parent's part leaves it to the parent."""
        file, status, self._file = self._file, self._status, None
        if file is not None and status is not None:
            with suppress(OSError):
                # An app may close files that are not its own, and the number may be that of another one by now.
                if os.path.samestat(status, os.fstat(file)):
                    os.close(file)

    def is_last(self) -> bool:
        """Takes part no longer, and returns whether no other process does."""
        if fcntl is None:
            return True
        self.join()
        file = self._file  # the courier's thread may leave at the same moment
        if file is None:
            return True
        try:
            # In two steps, or two that leave at once would each find the other.
            fcntl.flock(file, fcntl.LOCK_UN)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True
