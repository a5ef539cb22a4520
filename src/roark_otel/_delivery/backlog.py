"""Looks, when a process begins, for calls that earlier ones have left in the spool."""

from __future__ import annotations

import itertools
import time
from functools import partial
from typing import TYPE_CHECKING

from roark_otel._safety.guard import guarded
from roark_otel._safety.threads import forks_later, new_thread
from roark_otel._spool.census import REST_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._spool.spool import Spool

MOMENT_SECONDS = 0.05
"""The longest that a constructor waits for the thread that looks for a backlog."""

FIRST_STEPS = 16
"""The most steps in which that thread counts what it has found."""


def look_once(
    spool: Spool, take_over: Callable[[], bool], deliver: Callable[[], object], then: Callable[[], None]
) -> None:
    """Has a thread look into the spool once.

    It waits for that thread for a moment only: most disks answer by then, so that a process without a backlog has no
    thread when it forks next, and others know what is there.

    Args:
        spool: Where calls may wait.
        take_over: Brings in what waits elsewhere; returns whether some of it has to come later.
        deliver: Called on that thread if some calls wait.
        then: Called on it afterwards.
    """
    if forks_later():
        return  # the courier of a worker looks, at its first call
    thread = new_thread(partial(_look, spool, take_over, deliver, then), "roark-otel-spool")
    try:
        thread.start()
    except RuntimeError:  # the process is ending, or has as many threads as it may have
        return
    thread.join(MOMENT_SECONDS)


@guarded(None)
def _look(spool: Spool, take_over: Callable[[], bool], deliver: Callable[[], object], then: Callable[[], None]) -> None:
    has_rest = take_over()
    census = spool.census()
    for number in itertools.count():
        if census.step() or (census.has_found_calls and number >= FIRST_STEPS):
            break  # of a large directory the courier counts the rest
        time.sleep(REST_SECONDS)
    spool.take_in(census)
    if census.has_found_calls or has_rest:
        deliver()
    then()
