"""Threads whose stack has room for deep values, also where the app has very many threads and sets less for all."""

from __future__ import annotations

import threading
from typing import Final

STACK_BYTES: Final = 1 << 20
"""The least stack of a thread of ours: what overflows one ends the process."""


class RoomyThread(threading.Thread):
    """A thread with a stack of `STACK_BYTES` at least. One of the app that starts at the same moment has that too."""

    def start(self) -> None:
        """Starts the thread.

        Raises:
            RuntimeError: if no thread can be started.
        """
        size = threading.stack_size()  # which sets it to the system's own
        if size:
            threading.stack_size(max(size, STACK_BYTES))
        try:
            super().start()
        finally:
            if size:
                threading.stack_size(size)
