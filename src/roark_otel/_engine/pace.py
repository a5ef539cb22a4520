"""Hands the interpreter over to the app's threads in the middle of long work."""

from __future__ import annotations

import time
from typing import Final

from roark_otel._safety.threads import is_patched

WORK_SECONDS: Final = 0.00015
"""How long a thread works before it looks for others. With twice as long a loop waits 0.6 ms longer (p99)."""

NAP_SECONDS: Final = 0.00005
"""How long it then sleeps. `sleep(0)` would take the lock again before another thread has woken."""

AWAKE_SECONDS: Final = 0.000003
"""The least CPU of other threads from which on one of them is taken to be awake. To wake and to wait for the
interpreter takes a thread three times as much."""


class Pace:
    """Keeps the time of one thread's work.

    A nap costs as much CPU as a third of the work before it, and is of no use while all others sleep. So a thread naps
    only if others have used CPU since it looked last: one that waits for the interpreter has, because it woke. Where
    the CPU clocks do not even show its own work, as in some sandboxes, it always naps; as it does where it is a
    greenlet, which uses the same thread's CPU as all others.
    """

    __slots__ = ("_began", "_of_all", "_own")

    def __init__(self) -> None:
        self._own = self._of_all = self._began = 0.0

    def begin(self) -> None:
        """Work begins, after a wait or a nap."""
        self._of_all, self._own, self._began = time.process_time(), time.thread_time(), time.perf_counter()

    def pause(self) -> None:
        """Naps if the thread has worked for long, and another one may wait for the interpreter."""
        if time.perf_counter() - self._began < WORK_SECONDS:
            return
        own = time.thread_time() - self._own
        of_others = time.process_time() - self._of_all - own
        if of_others >= AWAKE_SECONDS or own < WORK_SECONDS / 8 or is_patched():
            time.sleep(NAP_SECONDS)
        self.begin()
