"""The life of engines: one for each base URL and key in a process, through forks and to the exit.

Forks. One hook for all engines, because none can ever be taken back; engines also look at the process id themselves,
because uWSGI forks without hooks. The lock is that of this process: the parent's may be held by a thread that the child
does not have.

Exit. What has ended is delivered by whichever comes first, within one time limit for all of them:

1. an atexit handler, registered at the first span and so before the provider's own shutdown, in which an exporter that
   nobody answers may use up the time that the process has left;
2. the provider's shutdown, which also closes what is open;
3. a finalizer of multiprocessing, whose children skip atexit. It closes what is open, and tells what is left.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from multiprocessing import util as multiprocessing_util
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._engine.engine import Engine
from roark_otel._engine.metrics import watch
from roark_otel._safety.guard import guarded, log_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.metrics import MeterProvider
    from pydantic import SecretStr

    from roark_otel._model.dialect import Dialect
    from roark_otel._model.hooks import Hooks
    from roark_otel._settings.settings import Settings

_Key: TypeAlias = "tuple[str, str, str | None]"

_engines: dict[_Key, Engine] = {}
"""The engines in use."""

_living: weakref.WeakSet[Engine] = weakref.WeakSet()
"""These, and those that nobody uses but that still serve."""

_locks: dict[int, threading.Lock] = {}


def acquire(
    settings: Settings,
    api_key: SecretStr,
    dialects: Sequence[Dialect],
    hooks: Hooks,
    meter_provider: MeterProvider | None = None,
) -> Engine:
    """The engine of a base URL and key: the one that other processors use already, or a new one."""
    key = _key(settings, api_key)
    with _lock():
        engine = _engines.get(key)
        if engine is None:
            engine = Engine(settings, api_key, dialects, hooks, _deliver_at_exit)
            _engines[key] = engine
            _living.add(engine)
        elif (engine.settings, engine.dialects, engine.hooks) != (settings, tuple(dialects), hooks):
            log_once(
                logging.WARNING,
                ("conflict",),
                "a second processor for %s has other settings; those of the first one hold",
                settings.base_url,
            )
        engine.users += 1
    watch(engine, meter_provider)
    engine.start_with_backlog()
    return engine


def release(engine: Engine, api_key: SecretStr) -> None:
    """A processor was shut down. After the last one the next processor gets a new engine; this one goes on serving."""
    key = _key(engine.settings, api_key)
    with _lock():
        if _engines.get(key) is not engine:
            return
        engine.users -= 1
        if engine.users <= 0:
            del _engines[key]
            engine.retire()


def engines() -> list[Engine]:
    """The engines in use."""
    return list(_engines.values())


def is_exiting() -> bool:
    """Whether the interpreter is on its way out: the main thread is done before exit handlers run."""
    return not threading.main_thread().is_alive()


def _key(settings: Settings, api_key: SecretStr) -> _Key:
    return settings.base_url, api_key.get_secret_value(), settings.project_id


def _lock() -> threading.Lock:
    return _locks.setdefault(os.getpid(), threading.Lock())


# Forks


@guarded(None)
def _after_fork_in_child() -> None:
    for engine in list(_living):
        engine.be_of_this_process()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


# Exit

_exits: dict[int, float] = {}
"""When the exit of a process began, by its id, monotonic."""


def leave(engines: Iterable[Engine], close_idle: float | None) -> None:
    """Saves what engines have finished, then sends it, within their time limit since the exit began."""
    began = _exits.setdefault(os.getpid(), time.monotonic())
    leaving = list(engines)
    for engine in leaving:
        engine.save_at_exit(began, close_idle)
    for engine in leaving:
        engine.send_at_exit(began)


def _deliver_at_exit(engine: Engine) -> None:
    """Sees to the exit of this process, without keeping the engine alive. Called at the first span that matters.

    Not sooner: multiprocessing's children forget what was registered before they run, in at-fork hooks too.
    """
    _register_once()
    multiprocessing_util.Finalize(engine, _leave, (weakref.ref(engine),), exitpriority=10)


_is_registered: list[bool] = []


def _register_once() -> None:
    if not _is_registered:
        _is_registered.append(True)
        atexit.register(_before_the_others)


@guarded(None)
def _before_the_others() -> None:
    leave(_living, close_idle=None)


@guarded(None)
def _leave(alive: weakref.ref[Engine]) -> None:
    if (engine := alive()) is not None:
        leave([engine], close_idle=0.0)
        engine.tell_what_is_left()
