"""Which threads are this package's own: nothing may end them, and none of them may wait for what it does itself."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

_OF_GREENLETS: Final = frozenset({"greenlet", "gevent", "eventlet"})
"""The packages whose exceptions end or interrupt a greenlet: `GreenletExit`, `Timeout`."""

_here = threading.local()


def enter() -> None:
    """Makes the calling thread one of the package's own, for as long as it lives."""
    _here.is_own = True


def is_here() -> bool:
    """Returns whether the calling thread is one of the package's own, or does its work."""
    return getattr(_here, "is_own", False)


def is_the_apps(fault: BaseException) -> bool:
    """Returns whether an exception is the app's own, with which it ends or interrupts the calling thread."""
    if isinstance(fault, Exception) or is_here():
        return False
    ends = isinstance(fault, (KeyboardInterrupt, SystemExit, GeneratorExit))
    return ends or type(fault).__module__.partition(".")[0] in _OF_GREENLETS


@contextmanager
def stood_in_for() -> Generator[None]:
    """Has the calling thread count as the package's own in the block: it does the work, since no thread can start."""
    before, _here.is_own = is_here(), True
    try:
        yield
    finally:
        _here.is_own = before
