"""Hands the interpreter over to the app's threads in the middle of long work."""

from __future__ import annotations

import time
from typing import Final

from roark_otel._safety.threads import is_patched

WORK_SECONDS: Final = 0.0001
"""How long a thread works before it looks for others."""

NAP_SECONDS: Final = 0.0002
"""How long it then sleeps. `sleep(0)`, and often 50 µs, are over before another thread has woken."""

WAKING_SECONDS: Final = 0.000001
"""The least CPU that another thread uses to wake up. Two clocks that are read together differ by less."""

AWAKE_SECONDS: Final = 0.005
"""How long another thread is then taken to be awake: one that waits for the interpreter uses no CPU, and may not get it
during the first nap. After that time the interpreter itself hands it over."""


class Pace:
    """Keeps the time of one thread's work.

    A nap costs as much CPU as a third of the work before it, and is of no use while all others sleep. So a thread naps
    only if others have used CPU lately: one that waits for the interpreter has, because it woke. Where the CPU clocks
    do not even show its own work, as in some sandboxes, it always naps; as it does where it is a greenlet, which uses
    the same thread's CPU as all others.
    """

    __slots__ = ("_awake_until", "_began", "_of_all", "_own")

    def __init__(self) -> None:
        self._own = self._of_all = self._began = self._awake_until = 0.0

    def begin(self) -> None:
        """Work begins, after a wait. Who gave the interpreter away may want it back already."""
        self._of_all, self._own, self._began = time.process_time(), time.thread_time(), time.perf_counter()
        self._awake_until = self._began + AWAKE_SECONDS

    def pause(self) -> None:
        """Naps if the thread has worked for long, and another one may wait for the interpreter."""
        now = time.perf_counter()
        if now - self._began < WORK_SECONDS:
            return
        of_all, own = time.process_time(), time.thread_time()
        worked = own - self._own
        if of_all - self._of_all - worked >= WAKING_SECONDS or worked < WORK_SECONDS / 8 or is_patched():
            self._awake_until = now + AWAKE_SECONDS
        self._of_all, self._own = of_all, own
        if now < self._awake_until:
            time.sleep(NAP_SECONDS)
        self._began = time.perf_counter()
