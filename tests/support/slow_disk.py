"""A directory that is slow to open: the kernel asks this process before it lets any process open it."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

_CONTENT, _OPEN_PERMISSION, _ON_DIRECTORIES, _ADD, _FLUSH, _ALLOW = 4, 0x10000, 0x40000000, 1, 0x80, 1
_HERE = -100
_EVENT = struct.Struct("=IBBHQii")

LONGEST_SECONDS = 60.0
"""The longest that a process is kept waiting: a test that waits for itself fails, and does not hang."""


class SlowToOpen:
    """Keeps every process that opens a directory waiting until `let_go`, by fanotify, which needs root."""

    def __init__(self, directory: Path) -> None:
        self.is_asked = threading.Event()
        self.took_too_long = False
        self._may_go_on = threading.Event()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.fanotify_init(_CONTENT, os.O_RDONLY) if hasattr(self._libc, "fanotify_init") else -1
        wanted = ctypes.c_uint64(_OPEN_PERMISSION | _ON_DIRECTORIES)
        path = os.fsencode(directory)
        if self._file < 0 or self._libc.fanotify_mark(self._file, _ADD, wanted, _HERE, path) < 0:
            pytest.skip("the kernel does not ask this user before it opens a directory")
        self._thread = threading.Thread(target=self._answer, daemon=True)

    def let_go(self) -> None:
        """Lets all that wait, and those that come, open the directory."""
        self._may_go_on.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self.let_go()
        self._libc.fanotify_mark(
            self._file, _FLUSH, ctypes.c_uint64(0), _HERE, b"/"
        )  # the thread reads on, and hears nothing

    def _answer(self) -> None:
        while events := os.read(self._file, 4_096):
            for at in range(0, len(events), _EVENT.size):
                *_, file, _process = _EVENT.unpack_from(events, at)
                self.is_asked.set()
                self.took_too_long |= not self._may_go_on.wait(LONGEST_SECONDS)
                os.write(self._file, struct.pack("=iI", file, _ALLOW))
                os.close(file)
