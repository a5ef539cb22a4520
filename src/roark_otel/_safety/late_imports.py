"""Imports that are made late, most of them on a worker's thread, and forks that wait for them.

A child that is forked while another thread imports a module inherits that module's lock in its locked state, without
the thread that would release it: importing the module in the child then blocks for ever. So late imports are made under
one lock, which a fork takes first. It waits for httpx at most once in the life of a process, for a quarter of a second.

Where other threads leave the importing one hardly any time, an import may take longer than a fork waits. Then the child
forgets the modules that are half made, and imports them anew.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from roark_otel._safety.threads import acquire

if TYPE_CHECKING:
    from collections.abc import Generator

LONGEST_WAIT_SECONDS = 5.0
"""The longest that a fork waits for a running import."""

_lock = threading.RLock()
"""Reentrant: what is imported may import late itself, and a signal handler may fork in an import or another fork."""


class _Forks(threading.local):
    """The forks that a thread is in the middle of: for each, whether it holds the lock."""

    def __init__(self) -> None:
        self.have_lock: list[bool] = []


_forks = _Forks()


@contextmanager
def importing() -> Generator[None]:
    """Wraps code that imports modules late, directly or through what it calls."""
    acquire(_lock)
    try:
        yield
    finally:
        _lock.release()


def _before_fork() -> None:
    _forks.have_lock.append(acquire(_lock, time.monotonic() + LONGEST_WAIT_SECONDS))


def _after_in_parent() -> None:
    if _forks.have_lock and _forks.have_lock.pop():
        _lock.release()


def _after_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    if False in _forks.have_lock:
        _forget_imports_of_parent()
    _forks.have_lock.clear()


def _forget_imports_of_parent() -> None:
    """Drops the modules that other threads were importing, with their locks, which only those would release.

    The locks have no public name (CPython 3.10 to 3.14: `importlib._bootstrap._module_locks`, weak references by name).
    Where they are elsewhere, nothing is dropped.
    """
    locks = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})
    for name, reference in list(locks.items()):
        if getattr(reference(), "owner", None) not in {None, threading.get_ident()}:
            locks.pop(name, None)
            sys.modules.pop(name, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
