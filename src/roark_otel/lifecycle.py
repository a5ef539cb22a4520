"""The life of engines: one for each base URL and key in a process, through forks and to the exit."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, TypeAlias

from roark_otel.engine import Engine
from roark_otel.guard import guarded, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from roark_otel.settings import Settings
    from roark_otel.types import Dialect, Redactor

_Key: TypeAlias = "tuple[str, str, str | None]"

_engines: dict[_Key, Engine] = {}
_users: dict[_Key, int] = {}
_lock = threading.Lock()


def acquire(
    settings: Settings,
    api_key: SecretStr,
    dialects: Sequence[Dialect],
    recording_url: str | None,
    redact: Redactor | None = None,
) -> Engine:
    """The engine of a base URL and key: the one that other processors use already, or a new one."""
    key = _key(settings, api_key)
    with _lock:
        engine = _engines.get(key)
        if engine is None:
            engine = _engines[key] = Engine(settings, api_key, dialects, recording_url, redact)
            _outlive(engine)
        elif (engine.settings, engine.dialects, engine.redact) != (settings, tuple(dialects), redact):
            say(
                logging.WARNING,
                ("conflict",),
                "roark_otel: a second processor for %s has other settings; those of the first one hold",
                settings.base_url,
            )
        _users[key] = _users.get(key, 0) + 1
    engine.start_with_backlog()
    return engine


def release(engine: Engine, api_key: SecretStr) -> None:
    """A processor was shut down. After the last one the next processor gets a new engine; this one goes on serving."""
    key = _key(engine.settings, api_key)
    with _lock:
        if _engines.get(key) is not engine:
            return
        _users[key] -= 1
        if not _users[key]:
            del _engines[key], _users[key]
            engine.retire()


def engines() -> list[Engine]:
    """The engines in use."""
    return list(_engines.values())


def is_exiting() -> bool:
    """Whether the interpreter is on its way out: the main thread is done before exit handlers run."""
    return not threading.main_thread().is_alive()


def _key(settings: Settings, api_key: SecretStr) -> _Key:
    return settings.base_url, api_key.get_secret_value(), settings.project_id


def _outlive(engine: Engine) -> None:
    """A hook that keeps an engine right after a fork, without keeping it alive."""
    reset = weakref.WeakMethod(engine.after_fork_in_child)

    @guarded(None)
    def after_fork() -> None:
        global _lock
        _lock = threading.Lock()
        if (method := reset()) is not None:
            method()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=after_fork)
