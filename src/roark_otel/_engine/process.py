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
from multiprocessing import util as multiprocessing_util
from typing import TYPE_CHECKING

from roark_otel._engine.leftovers import report_what_is_left
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._engine.engine import Engine

_TO_SAVE = 0.2
"""The share of the exit time that is reserved for saving; the rest is for sending."""

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

_exits: dict[int, float] = {}
"""When the exit of a process began, in monotonic seconds, by process id."""

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


def leave(leaving: Iterable[Engine], close_idle: float | None) -> None:
    """Saves what engines have finished, then sends it, within their time limit since the exit began.

    Args:
        leaving: The engines. All of them save before any of them sends.
        close_idle: None to finish what has ended; 0 also to close, as incomplete, what has not.
    """
    began = _exits.setdefault(os.getpid(), time.monotonic())
    used = [engine for engine in leaving if engine.is_used_here]
    for engine in used:
        save_at_exit(engine, began, close_idle)
    for engine in used:
        send_at_exit(engine, began)


def save_at_exit(engine: Engine, began: float, close_idle: float | None) -> None:
    """Puts what is finished into the spool. Several exit hooks and engines share the time since the exit began."""
    limit = engine.settings.exit_timeout_seconds
    engine.save(max(began + limit, time.monotonic() + limit * _TO_SAVE), close_idle)


def send_at_exit(engine: Engine, began: float) -> None:
    """Sends this process's own calls. A Roark that does not answer leaves later hooks the time to save."""
    engine.send(began + engine.settings.exit_timeout_seconds * (1 - _TO_SAVE))


@guarded(None)
def _before_other_handlers() -> None:
    leave(living(), close_idle=None)


@guarded(None)
def _leave(alive: weakref.ref[Engine]) -> None:
    engine = alive()
    if engine is not None and engine.is_used_here:
        leave([engine], close_idle=0.0)
        report_what_is_left(engine)
        engine.parts.spool.leave()
