"""Which processes use a spool's directory: each holds a shared lock on one file in it for as long as it lives."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from roark_otel._spool import disk

try:
    import fcntl
except ImportError:  # Windows: there each process takes itself for the last one
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = ".in-use"
"""The name of the file."""

_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Presence:
    """This process's part in a directory, which exists.

    Args:
        directory: The directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None

    def join(self) -> None:
        """Takes part, if it does not yet. Where that is not possible, the process is not seen by others."""
        if self._file is None and fcntl is not None:
            with suppress(OSError):
                self._file = self._opened()
                fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def leave(self) -> None:
        """Takes part no longer. A forked child that inherited its parent's part leaves it to the parent."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)

    def is_last(self) -> bool:
        """Takes part no longer, and returns whether no other process does."""
        if fcntl is None:
            return True
        self.join()
        if self._file is None:
            return True
        try:
            # In two steps, or two that leave at once would each find the other.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(self._file, fcntl.LOCK_UN)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True

    def _opened(self) -> int:
        group = disk.group_of(self._directory.stat())
        file = os.open(self._directory / NAME, _OPEN, 0o600)
        if group is not None:
            with suppress(OSError):  # it is another user's, who has shared it
                disk.share(file, group)
        return file
