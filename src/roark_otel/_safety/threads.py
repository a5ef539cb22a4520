"""Where threads, locks, queues and sleeping come from: all of them from the world that the app lives in.

gevent and eventlet replace, in place, what threads are made of: a thread becomes a greenlet, and a lock lets the others
run while it waits. They may do that before this package is imported, after it, or in a forked worker. So:

- `threading.Thread`, `threading.Lock` and `time.sleep` are looked up in their modules at each use, never kept by name.
- Nothing waits in C, as `queue.SimpleQueue` does: under a hub that would stop the whole app. What waits here, waits on
  a lock that is made for this one wait, in the world of the thread that waits. What wakes it takes no lock.
- No lock is held across anything that lets others run: a greenlet that wants it would stop those that could free it.
- What blocks without waiting for a greenlet, such as an import or an fsync, runs `beside_hub`.

A thread that started before `monkey.patch_all()` stays one of the system's. Greenlets outlive a fork: those of a parent
end in its child.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from roark_otel._safety.roomy_threads import RoomyThread

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_LOOK_SECONDS: Final = 0.001
"""How soon a greenlet that waits looks for itself: a thread of the system cannot wake it."""

LONGEST_LOOK_SECONDS: Final = 1.0
"""The interval to which it doubles."""

_T = TypeVar("_T")

_start_native: Final = _thread.start_new_thread
_new_native_lock: Final = threading.Lock
"""Both are the system's own if this module was imported before they were patched."""

_native: set[tuple[int, int]] = set()
"""Threads of ours that began before the patch: process and thread id."""

_greenlets: set[Any] = set()
"""Those of ours that run."""


class Orphaned(BaseException):
    """Ends a greenlet in a forked child: what it does is its parent's."""


def is_patched() -> bool:
    """Returns whether threads are greenlets now."""
    return getattr(threading.Lock, "__module__", "_thread") != "_thread"


def _is_green() -> bool:
    """Returns whether the current thread waits as greenlets do."""
    return is_patched() and (os.getpid(), threading.get_native_id()) not in _native


# Threads


def forks_later() -> bool:
    """Returns whether uWSGI is about to fork its workers: a thread that runs meanwhile would take their GIL with it.

    It forks without Python's hooks, so the child's GIL stays with a thread that it does not have.
    """
    uwsgi = sys.modules.get("uwsgi")
    return uwsgi is not None and uwsgi.worker_id() == 0


class Thread(Protocol):
    """A thread of the standard library, or one that goes on as it began."""

    def start(self) -> None: ...
    def is_alive(self) -> bool: ...
    def join(self, timeout: float) -> None: ...


class _Bare:
    """A greenlet, or a thread of the system among greenlets, without what `threading` keeps of it.

    So to start a greenlet does not let others run, and one that ends in a forked child is not missed.
    """

    def __init__(self, target: Callable[[], None], start: Callable[..., int]) -> None:
        self._target = target
        self._start = start
        self._is_alive = False
        self._ident = 0
        self._bell = Bell()

    def start(self) -> None:
        self._is_alive = True
        try:
            self._start(self._run, ())
        except RuntimeError:
            self._is_alive = False
            raise

    def is_alive(self) -> bool:
        return self._is_alive

    def join(self, timeout: float) -> None:
        if self._ident != threading.get_ident():
            self._bell.wait(lambda: not self._is_alive, timeout)

    def _run(self) -> None:
        self._ident = threading.get_ident()
        try:
            self._target()
        finally:
            self._is_alive = False
            self._bell.ring()


def new_thread(target: Callable[[], None], name: str) -> Thread:
    """Makes a daemon thread, or the greenlet that takes its place; waiting for it would keep the app from ending.

    A thread that began before the patch starts threads of its kind.
    """
    is_green = _is_green()

    def run() -> None:
        if is_green:
            among, me = _greenlets, sys.modules["greenlet"].getcurrent()
        else:
            among, me = _native, (os.getpid(), threading.get_native_id())
        among.add(me)
        try:
            with suppress(Orphaned):
                target()
        finally:
            among.discard(me)

    if is_patched():
        return _Bare(run, _thread.start_new_thread if is_green else _start_native)
    return RoomyThread(target=run, name=name, daemon=True)


def _end_orphans() -> None:
    orphans = [*_greenlets]
    _greenlets.clear()
    if (gevent := sys.modules.get("gevent")) is not None:
        for orphan in orphans:
            gevent.kill(orphan, Orphaned)  # at the hub's next turn
    # A child of eventlet has the epoll set of its parent: to end what waits for a socket would deafen the parent. It
    # needs a hub of its own, `eventlet.hubs.use_hub()`, as gunicorn gives it; then those of the parent never run again.


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_end_orphans)


def beside_hub(function: Callable[..., _T], *arguments: Any) -> _T:  # noqa: ANN401 - whatever it takes
    """Calls a function that blocks, on a thread of the system if others could not run meanwhile.

    It must not use what the app's greenlets share. Raises what the function raises.
    """
    start = _native_start() if _is_green() else None
    if start is None:
        return function(*arguments)
    results: list[_T] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function(*arguments))
        except BaseException as fault:  # noqa: BLE001 - it is raised below
            faults.append(fault)

    try:
        start(run, ())
    except RuntimeError:  # no thread can start any more
        return function(*arguments)
    pause = FIRST_LOOK_SECONDS / 8
    while not results and not faults:
        time.sleep(pause)
        pause = min(2 * pause, 8 * FIRST_LOOK_SECONDS)
    if faults:
        raise faults[0]
    return results[0]


def _native_start() -> Callable[..., int] | None:
    """Returns what starts a thread of the system, also where that is patched; None if it is not to be had."""
    if _start_native.__module__ == "_thread":
        return _start_native
    start: Callable[..., int] | None = None
    with suppress(AttributeError, ImportError):
        if (gevent := sys.modules.get("gevent.monkey")) is not None and gevent.saved:
            start = gevent.get_original("_thread", "start_new_thread")
        elif (eventlet := sys.modules.get("eventlet.patcher")) is not None:
            start = eventlet.original("_thread").start_new_thread
    return start


class Lock(Protocol):
    """A lock of any world, reentrant or not."""

    def acquire(self, blocking: bool = True) -> bool: ...
    def release(self) -> None: ...


def acquire(lock: Lock, deadline: float | None = None) -> bool:
    """Takes a lock that is held across what lets others run, until a monotonic time. Returns whether it could."""
    while not lock.acquire(blocking=False):
        if deadline is not None and time.monotonic() >= deadline:
            return False
        time.sleep(FIRST_LOOK_SECONDS)
    return True


# Waiting


class Bell:
    """Wakes threads that wait. To ring takes no lock, so any thread and any signal handler may."""

    __slots__ = ("_sleepers",)

    def __init__(self) -> None:
        self._sleepers: deque[tuple[_thread.LockType, int | None]] = deque()

    def ring(self) -> None:
        """Wakes all that wait now. A greenlet of another thread of the system looks for itself."""
        while self._sleepers:
            try:
                lock, only_in = self._sleepers.popleft()
            except IndexError:
                return  # another thread rings too
            if only_in is None or only_in == threading.get_native_id():
                lock.release()

    def wait(self, is_over: Callable[[], bool], seconds: float | None) -> bool:
        """Waits until something is true that a ring follows, at most this long; None: however long that takes.

        Returns:
            Whether it is true.
        """
        if is_over() or (seconds is not None and seconds <= 0):
            return is_over()
        is_green = _is_green()
        lock = threading.Lock() if is_green else _new_native_lock()
        lock.acquire()
        sleeper = lock, threading.get_native_id() if is_green else None
        look = FIRST_LOOK_SECONDS if is_green else threading.TIMEOUT_MAX
        deadline = None if seconds is None else time.monotonic() + seconds
        pid = os.getpid()
        self._sleepers.append(sleeper)
        while not is_over():
            left = look if deadline is None else min(look, deadline - time.monotonic())
            if left <= 0:
                break
            if lock.acquire(True, left):
                self._sleepers.append(sleeper)
            if os.getpid() != pid:
                raise Orphaned
            look = min(2 * look, LONGEST_LOOK_SECONDS) if is_green else look
        with suppress(ValueError):
            self._sleepers.remove(sleeper)
        return is_over()


class Mailbox(Generic[_T]):
    """A queue from many threads to one."""

    __slots__ = ("_bell", "_letters")

    def __init__(self) -> None:
        self._letters: deque[_T] = deque()
        self._bell = Bell()

    def put(self, letter: _T) -> None:
        """Adds the newest."""
        self._letters.append(letter)
        self._bell.ring()

    def get(self, seconds: float | None) -> _T | None:
        """Takes the oldest, for which it waits at most this long, None: as long as it takes. None if there is none."""
        self._bell.wait(self.has_some, seconds)
        with suppress(IndexError):
            return self._letters.popleft()
        return None

    def has_some(self) -> bool:
        """Returns whether any wait."""
        return bool(self._letters)
