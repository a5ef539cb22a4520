"""A signal from one thread to others that may be given, and waited for, wherever a signal handler can run."""

from __future__ import annotations

from roark_otel._safety.threads import Bell


class Answer:
    """Is set once. Unlike an `Event` it has no lock that the thread may hold which a signal handler interrupts."""

    __slots__ = ("_bell", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._bell = Bell()

    def set(self) -> None:
        """Ends the wait of every thread."""
        self.is_set = True
        self._bell.ring()

    def wait(self, seconds: float) -> bool:
        """Waits at most this long. Returns whether it is set."""
        return self._bell.wait(lambda: self.is_set, seconds)
