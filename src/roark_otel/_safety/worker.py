"""A named daemon thread that starts when it is first needed, and ends when it has nothing left to do."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from roark_otel._safety import own_threads
from roark_otel._safety.guard import report_fault
from roark_otel._safety.threads import Orphaned, Thread, new_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

STOP_SECONDS: Final = 1.0
"""The longest that `stop` waits for a thread, which may be in the middle of a request."""

RETRY_SECONDS: Final = 1.0
"""How soon a thread that failed, or that the system did not start, goes on or is started again."""


class Worker:
    """Runs rounds on its own thread.

    The thread is a daemon, because waiting for it would keep the app from ending. It lives as long as the process until
    `retire` is called; from then on it ends whenever there is nothing to do, and `start` brings it back. Nothing that
    `work` raises ends it.

    No lock is held while it starts: a signal handler may run in the middle of that, and start it too.

    Args:
        name: The name of the thread.
        work: Does one round: what there is to do, then waits for more.
        is_busy: Returns whether there is anything to do or to wait for.
        put_away: Releases what an ended thread does not need. Called on the thread as it ends.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        is_busy: Callable[[], bool],
        put_away: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._work = work
        self._is_busy = is_busy
        self._put_away = put_away
        self._is_retired = self._is_stopped = self._is_wanted = False
        self._thread: Thread | None = None
        self._not_before = 0.0
        self._turn: dict[int, object] = {}
        self._fellow: Worker | None = None

    # On any thread

    @property
    def is_running(self) -> bool:
        """Whether the thread is alive."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    @property
    def is_retired(self) -> bool:
        """Whether the thread is to end when it has nothing to do."""
        return self._is_retired or self._is_stopped

    def start(self) -> bool:
        """Starts the thread unless it runs, or has failed to start within `RETRY_SECONDS`.

        Returns:
            Whether it runs, or is being started: a system out of threads starts none, nor does Python 3.12 at exit.
        """
        self._is_wanted = True
        if self.is_running:
            return True
        with self._taking_turns() as is_first:
            return not is_first or self.is_running or self._begin()

    def run_here(self, work: Callable[[], None]) -> bool:
        """Does work on the calling thread, in place of a thread that cannot be started.

        Returns:
            Whether it did: it does not while another thread does, or starts the one that is missing.
        """
        with self._taking_turns() as is_first:
            if not is_first or self.is_running:
                return False
            with own_threads.entered():
                work()
            return True

    def retire(self) -> None:
        """Lets the thread end as soon as it has nothing to do."""
        self._is_retired = True

    def stop(self, wake: Callable[[], None], seconds: float = STOP_SECONDS) -> None:
        """Ends the thread after its round, whatever is left to do, and waits for that.

        Args:
            wake: Ends the wait of a round.
            seconds: The longest that it waits.
        """
        self._is_stopped = True
        wake()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread() and thread.is_alive():
            thread.join(seconds)

    def look_after(self, fellow: Worker) -> None:
        """Has each of two workers start the thread of the other whenever that is missing."""
        self._fellow, fellow._fellow = fellow, self

    def at_most(self, seconds: float | None) -> float | None:
        """Returns for how long a round may wait that has this much time: less while the other's thread is missing."""
        if self._fellow is None or not self._fellow.is_missing:
            return seconds
        return RETRY_SECONDS if seconds is None else min(seconds, RETRY_SECONDS)

    @property
    def is_missing(self) -> bool:
        """Whether the thread was started, has not ended by itself, and is not there."""
        return self._is_wanted and not self.is_running

    @contextmanager
    def _taking_turns(self) -> Generator[bool]:
        """Yields whether no other thread is in such a block, and nothing that a signal handler interrupted."""
        me = object()
        try:
            yield self._turn.setdefault(0, me) is me
        finally:
            if self._turn.get(0) is me:
                self._turn.pop(0, None)

    def _begin(self) -> bool:
        if time.monotonic() < self._not_before:
            return False
        # It is ours before it runs: a signal may end `start` by an exception when it does.
        self._thread = thread = new_thread(lambda: self._run(thread), self._name)
        try:
            thread.start()
        except RuntimeError:
            self._thread, self._not_before = None, time.monotonic() + RETRY_SECONDS
            return False
        return True

    # On its thread

    def _run(self, me: Thread) -> None:
        pid = os.getpid()
        with own_threads.entered():
            while self._thread is me and os.getpid() == pid:  # a greenlet goes on in a forked child
                try:
                    self._work()
                except Orphaned:
                    return
                except BaseException as fault:  # noqa: BLE001 - the thread must live, whatever the app's hooks raise
                    report_fault(fault, self._name)
                    time.sleep(RETRY_SECONDS)
                if self._fellow is not None and self._fellow.is_missing:
                    self._fellow.start()
                if self._has_ended(me):
                    return

    def _has_ended(self, me: Thread) -> bool:
        if not self._is_stopped and not (self._is_retired and not self._is_busy()):
            return False
        self._put_away()
        self._is_wanted, self._thread = False, None
        # What came before that saw a thread, so it is looked for again; what comes after it starts a new one.
        if self._is_stopped or not self._is_busy() or self.start():
            return True
        self._thread = me
        return False
