"""Which threads are this package's own: nothing may end them, and none of them may wait for what it does itself."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._safety.threads import Orphaned, is_patched

if TYPE_CHECKING:
    from collections.abc import Generator

_OF_GREENLETS: Final = frozenset({"greenlet", "gevent", "eventlet"})
"""The packages whose exceptions end or interrupt a greenlet: `GreenletExit`, `Timeout`."""

_Id: TypeAlias = "tuple[int, int, bool]"

_own: set[_Id] = set()


def _me() -> _Id:
    """Returns what identifies the calling thread: greenlets share a thread of the system, and what is local to it."""
    system = os.getpid(), threading.get_native_id(), False
    return (system[0], threading.get_ident(), True) if is_patched() and system not in _own else system


@contextmanager
def entered() -> Generator[None]:
    """Has the calling thread count as the package's own in the block."""
    me, is_new = _me(), not is_here()
    _own.add(me)
    try:
        yield
    finally:
        if is_new:
            _own.discard(me)


def is_here() -> bool:
    """Returns whether the calling thread is one of the package's own, or does its work."""
    return _me() in _own


def is_the_apps(fault: BaseException) -> bool:
    """Returns whether an exception is the app's own, with which it ends or interrupts the calling thread."""
    if isinstance(fault, Orphaned):
        return True  # it ends the greenlet
    if is_here():
        return False
    if isinstance(fault, Exception):
        return _is_of_a_signal(fault)
    ends = isinstance(fault, (KeyboardInterrupt, SystemExit, GeneratorExit))
    return ends or type(fault).__module__.partition(".")[0] in _OF_GREENLETS or _is_of_a_signal(fault)


def _is_of_a_signal(fault: BaseException) -> bool:
    """Returns whether a signal handler of the app raised an exception, such as a time limit, while our code ran."""
    if threading.current_thread() is not threading.main_thread():
        return False  # no handler runs elsewhere
    codes = {_code_of(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    at = fault.__traceback__
    while at is not None and at.tb_frame.f_code not in codes:
        at = at.tb_next
    return at is not None


def _code_of(handler: object) -> object:
    """Returns the code that is called first when a signal comes; None if that is not Python's."""
    while isinstance(handler, partial):
        handler = handler.func
    if not callable(handler):
        return None
    called = handler if hasattr(handler, "__code__") else type(handler).__call__
    return getattr(called, "__code__", None)
