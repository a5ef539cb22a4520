"""Bounds the end of a worker. While the brokers are away the engine waits for them in its client, for minutes.

A Python signal handler does not run meanwhile, as it needs the main thread. So the interpreter is asked to write each
signal to a socket, which a thread reads.
"""

from __future__ import annotations

import os
import socket
import time
from signal import SIGINT, SIGTERM, Signals, set_wakeup_fd
from threading import Thread
from typing import TYPE_CHECKING, Final

from roark_otel._safety.guard import guarded, logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

ENDED_EARLY: Final = 1
"""The exit status of a worker that did not commit what it had read."""

ONE_STOP_SECONDS: Final = 0.5
"""Signals within this time are one: `timeout`, for one, sends to a process and to its group as well."""

_SAYING_SECONDS: Final = 1.0
_STOPS: Final = frozenset({SIGINT, SIGTERM})


class BoundedEnd:
    """Ends the process where a stop takes too long, or a second signal comes. For the main thread, as a context.

    Args:
        seconds: The longest that a stop takes.
        uncommitted: Returns how many records were read and are not committed.
    """

    def __init__(self, seconds: float, uncommitted: Callable[[], int]) -> None:
        self._seconds = seconds
        self._uncommitted = uncommitted

    def __enter__(self) -> Self:
        heard, self._written = socket.socketpair()
        self._written.setblocking(False)
        self._before = set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        Thread(target=self._watch, args=(heard,), name="roark-worker-end", daemon=True).start()
        return self

    def __exit__(self, *fault: object) -> None:
        set_wakeup_fd(self._before)
        self._written.close()

    def _watch(self, heard: socket.socket) -> None:
        try:
            _await_stop(heard, None)
            began = time.monotonic()
            again = _await_stop(heard, began + self._seconds)
            while time.monotonic() < began + ONE_STOP_SECONDS:
                again = _await_stop(heard, began + self._seconds)
        except TimeoutError:
            self._end(f"it had not ended {self._seconds:g} s after a signal, perhaps because the brokers are away")
        except EOFError:
            heard.close()
        else:
            self._end(f"a second signal came, {again.name}")

    def _end(self, why: str) -> None:
        # On a thread of its own: what stderr leads to may be full, or the main thread hang where it logs.
        saying = Thread(target=self._say, args=(why,), name="roark-worker-last-line", daemon=True)
        saying.start()
        saying.join(_SAYING_SECONDS)
        os._exit(ENDED_EARLY)

    @guarded(None)
    def _say(self, why: str) -> None:
        logger.error(
            "the worker was ended: %s; %d records that it read are not committed. Nothing is lost: "
            "they come again when a worker runs",
            why,
            self._uncommitted(),
        )


def _await_stop(heard: socket.socket, until: float | None) -> Signals:
    """Waits for a signal that asks for an end.

    Raises:
        TimeoutError: if none has come until then, in monotonic seconds.
        EOFError: if the worker has ended.
    """
    while True:
        heard.settimeout(None if until is None else max(0.001, until - time.monotonic()))
        number = heard.recv(1)
        if not number:
            raise EOFError
        if number[0] in _STOPS:
            return Signals(number[0])
