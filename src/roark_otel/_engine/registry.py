"""Which processors share an engine: one for each base URL, key and project in a process."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeAlias

from roark_otel._engine import process
from roark_otel._engine.engine import Engine
from roark_otel._engine.metrics import watch
from roark_otel._safety.guard import log_once

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from opentelemetry.metrics import MeterProvider
    from pydantic import SecretStr

    from roark_otel._model.dialect import Dialect
    from roark_otel._model.hooks import Hooks
    from roark_otel._settings.settings import Settings

_Key: TypeAlias = "tuple[str, str, str | None]"

_engines: dict[_Key, Engine] = {}
"""The engines in use."""

_locks: dict[int, threading.RLock] = {}
"""The lock of each process: that of a parent may be held by a thread that its child does not have.

It is reentrant, because a signal handler, or a handler of the app's logging, may make or shut down a processor while
the same thread holds it.
"""


def acquire(
    settings: Settings,
    api_key: SecretStr,
    dialects: Sequence[Dialect],
    hooks: Hooks,
    meter_provider: MeterProvider | None = None,
) -> Engine:
    """Returns the engine of a base URL, key and project: the one that other processors use, or else a new one."""
    key = _key(settings, api_key)
    with _lock():
        engine = _engines.get(key)
        is_first = engine is None
        if engine is None:
            # Meanwhile a signal handler may have made one.
            engine = _engines.setdefault(key, Engine(settings, api_key, dialects, hooks, process.deliver_at_exit))
            process.add(engine)
        engine.users += 1
    if not is_first and not engine.is_like(settings, dialects, hooks):
        log_once(
            logging.WARNING,
            ("conflict",),
            "a second processor for %s has other settings, which are ignored: those of the first one apply",
            settings.address or "no address",
        )
    watch(engine, meter_provider)
    engine.start_with_backlog()
    return engine


def release(engine: Engine, api_key: SecretStr) -> None:
    """Gives back an engine when a processor is shut down.

    After the last one the next processor gets a new engine; this one still takes the spans that come.
    """
    key = _key(engine.settings, api_key)
    with _lock():
        if _engines.get(key) is not engine:
            return
        engine.users -= 1
        if engine.users <= 0:
            del _engines[key]
            engine.retire()


def engines() -> list[Engine]:
    """Returns the engines in use; while calls are captured, those that capture them."""
    capturing = captured_by()
    return list(_engines.values()) if capturing is None else capturing.engines()


class Capturing(Protocol):
    """Gives processors engines that keep calls, and send none."""

    def engine(self, settings: Settings, dialects: Sequence[Dialect], hooks: Hooks) -> Engine:
        """Returns the engine of a processor."""
        ...

    def engines(self) -> list[Engine]:
        """Returns those that it has made."""
        ...


_capturing: list[Capturing] = []


def captured_by() -> Capturing | None:
    """Returns what captures the calls of this process, instead of sending them; None if they are sent."""
    return _capturing[-1] if _capturing else None


@contextmanager
def capture_by(capturing: Capturing) -> Generator[None]:
    """Has calls captured in the block."""
    _capturing.append(capturing)
    try:
        yield
    finally:
        _capturing.remove(capturing)


def discard_all() -> None:
    """Discards every engine of this process, in use or not, with all that waits in it."""
    with _lock():
        _engines.clear()
    for engine in process.living():
        engine.discard()


def _key(settings: Settings, api_key: SecretStr) -> _Key:
    return settings.base_url, api_key.get_secret_value(), settings.project_id


def _lock() -> threading.RLock:
    return _locks.setdefault(os.getpid(), threading.RLock())
