"""The process around engines: its forks, and its exit.

Forks. There is one hook for all engines, because a hook can never be removed. Engines also check the process id
themselves, because uWSGI forks without hooks.

Exit. The first of these delivers what has ended; all of them share one time limit:

1. an atexit handler. It is registered at the first span, and so runs before the provider's own shutdown, in which an
   exporter whose backend does not answer may use up the time that the process has left;
2. the provider's shutdown, which also closes what is open;
3. a finalizer of multiprocessing, whose children skip atexit. It closes what is open, and reports what is left.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from contextlib import contextmanager
from multiprocessing import util as multiprocessing_util
from typing import TYPE_CHECKING, Final

from roark_otel._engine.leftovers import report_what_is_left
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from roark_otel._engine.engine import Engine

TO_SAVE: Final = 0.3
"""The share of the exit time that each further hook has for saving, as far as it is left; the rest is for sending."""

OURS: Final = 0.95
"""The share of the exit time that all hooks together may take; the rest is for the interpreter."""

TO_REDACT: Final = 0.6
"""The share of the time for saving after which the app's `redact` hook is no longer waited for."""

_living: weakref.WeakSet[Engine] = weakref.WeakSet()
"""The engines in use, and those without a processor that still have something to do."""


def add(engine: Engine) -> None:
    """Takes an engine through the forks of this process. Its exit is `deliver_at_exit`'s."""
    _living.add(engine)


def living() -> list[Engine]:
    """Returns the engines in use, and those without a processor that still have something to do."""
    return list(_living)


# Forks


@guarded(None)
def _after_fork_in_child() -> None:
    for engine in living():
        engine.be_of_this_process()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


# Exit


class _Exit:
    """The exit of a process, in monotonic seconds.

    Attributes:
        began: When its first hook was called.
        spent: The seconds that this package has had of it. What others need is not ours, so each hook has some left.
    """

    __slots__ = ("began", "spent")

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.spent = 0.0

    def to_send(self, limit: float) -> float:
        """Returns until when calls may be sent: a Roark that does not answer leaves later hooks the time to save."""
        return self.began + limit * (1 - TO_SAVE)

    def to_save(self, limit: float) -> float:
        """Returns until when a hook may save."""
        return max(self.to_send(limit), time.monotonic() + self._left(limit))

    def to_export(self, limit: float) -> float:
        """Returns until when a hook may export traces."""
        return max(self.began + limit * OURS, time.monotonic() + self._left(limit))

    def _left(self, limit: float) -> float:
        """Returns how long a hook may take that comes late, because others have used up the time."""
        return max(0.0, min(limit * TO_SAVE, limit * OURS - self.spent))


_exits: dict[int, _Exit] = {}
"""The exits of processes, by process id: a forked child has one of its own."""

_is_registered: list[bool] = []


def is_exiting() -> bool:
    """Returns whether the interpreter is exiting: the main thread ends before exit handlers run."""
    return not threading.main_thread().is_alive()


def deliver_at_exit(engine: Engine) -> None:
    """Has an engine deliver at the exit of this process, without keeping it alive. Called at its first span.

    Not sooner: children of multiprocessing forget what was registered before they run, also in at-fork hooks.
    """
    if not _is_registered:
        _is_registered.append(True)
        atexit.register(_before_other_handlers)
    multiprocessing_util.Finalize(engine, _leave, (weakref.ref(engine),), exitpriority=10)


@contextmanager
def _exiting() -> Generator[_Exit]:
    """Counts the time that the block takes as spent on the exit of this process."""
    exiting, began = _exits.setdefault(os.getpid(), _Exit()), time.monotonic()
    try:
        yield exiting
    finally:
        exiting.spent += time.monotonic() - began


def leave(leaving: Iterable[Engine], close_idle: float | None) -> None:
    """Saves what engines have finished, then sends it, within their time limit since the exit began.

    Args:
        leaving: The engines. All of them save before any of them sends.
        close_idle: None to finish what has ended; 0 also to close, as incomplete, what has not.
    """
    used = [engine for engine in leaving if engine.is_used_here]
    with _exiting() as exiting:
        saving = [_begin_to_save(engine, exiting, close_idle) for engine in used]
        for engine, wait in zip(used, saving, strict=True):
            wait(exiting.to_save(engine.settings.exit_timeout_seconds))
        for engine in used:
            engine.send(exiting.to_send(engine.settings.exit_timeout_seconds))


def _begin_to_save(engine: Engine, exiting: _Exit, close_idle: float | None) -> Callable[[float], bool]:
    now, until = time.monotonic(), exiting.to_save(engine.settings.exit_timeout_seconds)
    for thread in engine.parts.hook_threads:
        thread.end_at(now + (until - now) * TO_REDACT)
    return engine.begin_to_save(until, close_idle)


def seconds_to_export(limit: float) -> float:
    """Returns how long a hook may export traces: until the limit since the exit began, as far as we have not spent it.

    Where the process does not end, that is the limit.
    """
    exiting = _exits.get(os.getpid())
    if exiting is None:
        return limit
    return max(0.0, exiting.to_export(limit) - time.monotonic())


@contextmanager
def exporting() -> Generator[None]:
    """Counts the time that an export takes in the block as spent, if the process ends."""
    if os.getpid() in _exits:
        with _exiting():
            yield
    else:
        yield


def _is_last_to_leave(engine: Engine) -> bool:
    """Returns whether no other process uses the directory, which from now on this one does not use any more."""
    for other in living():  # of this process, which ends
        if other is not engine and (presence := other.parts.spool.presence) is not None:
            presence.leave()
    presence = engine.parts.spool.presence
    return presence is None or presence.is_last()


@guarded(None)
def _before_other_handlers() -> None:
    leave(living(), close_idle=None)


@guarded(None)
def _leave(alive: weakref.ref[Engine]) -> None:
    engine = alive()
    if engine is not None and engine.is_used_here:
        leave([engine], close_idle=0.0)
        report_what_is_left(engine, is_last=_is_last_to_leave(engine))
        engine.parts.spool.leave()
