"""A signal from one thread to others that may be given, and waited for, wherever a signal handler can run."""

from __future__ import annotations

import threading
from contextlib import suppress


class Answer:
    """Is set once.

    An `Event` has a lock inside. A signal handler that runs while the app's thread holds it, and waits for a thread
    that wants it, would wait for itself.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Ends the wait of every thread."""
        with suppress(RuntimeError):  # it is set already
            self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Waits at most this long. Returns whether it is set."""
        if not self._lock.acquire(timeout=min(max(0.0, seconds), threading.TIMEOUT_MAX)):
            return False
        self.set()
        return True
