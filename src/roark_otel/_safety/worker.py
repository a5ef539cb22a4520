"""A named daemon thread that starts when it is first needed, and ends when it has nothing left to do."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from roark_otel._safety.threads import Thread, new_thread

if TYPE_CHECKING:
    from collections.abc import Callable

STOP_SECONDS: Final = 1.0
"""The longest that `stop` waits for a thread, which may be in the middle of a request."""


class Worker:
    """Runs rounds on its own thread.

    The thread is a daemon, because waiting for it would keep the app from ending. It lives as long as the process until
    `retire` is called; from then on it ends whenever there is nothing to do, and `start` brings it back.

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
        self._is_retired = False
        self._is_stopped = False
        self._thread: Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> bool:
        """Starts the thread unless it runs. Returns whether it runs: Python 3.12 starts no thread at exit."""
        with self._lock:
            if self._thread is not None:
                return True
            thread = self._thread = new_thread(self._run, self._name)
        try:
            thread.start()  # without the lock: a greenlet that starts lets others run
        except RuntimeError:
            self._thread = None
            return False
        return True

    def retire(self) -> None:
        """Lets the thread end as soon as it has nothing to do."""
        self._is_retired = True

    @property
    def is_retired(self) -> bool:
        """Whether the thread is to end when it has nothing to do."""
        return self._is_retired or self._is_stopped

    def stop(self, wake: Callable[[], None]) -> None:
        """Ends the thread after its round, whatever is left to do, and waits for that at most `STOP_SECONDS`.

        Args:
            wake: Ends the wait of a round.
        """
        self._is_stopped = True
        wake()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(STOP_SECONDS)

    def _run(self) -> None:
        pid = os.getpid()
        while os.getpid() == pid:  # a greenlet goes on in a forked child
            self._work()
            # Under the lock: this check sees what came before it, and what comes after it starts a new thread.
            with self._lock:
                if self._is_stopped or (self._is_retired and not self._is_busy()):
                    self._put_away()
                    self._thread = None
                    return
