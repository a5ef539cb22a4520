"""What the end of a root costs until its call is a file in the spool."""

from __future__ import annotations

import gc
import statistics
import time
from itertools import count
from typing import TYPE_CHECKING

from processors import make, provider_with
from shapes import SHAPES, add, begin, below
from talks import TALKS

if TYPE_CHECKING:
    from desk import Desk

TURNS_PER_FLUSH = 50
_numbers = count()


def big_call(desk: Desk, shape: str, entries: int, tools: int) -> dict[str, float]:
    """Makes a conversation and ends it. What came before the end of its root is processed, and not measured.

    Returns:
        The ms of the process's CPU until the call is in the spool, and the us of a bare span, measured after it.
    """
    processor = desk.once("processor", lambda: make(desk.contestant, desk.port, desk.directory))
    provider = desk.once("provider", lambda: provider_with(processor))
    talk = TALKS[shape](provider, f"benchmark-{next(_numbers)}")
    for turn in range(entries // 2):
        talk.turn(turn)
        if turn % TURNS_PER_FLUSH == 0:
            processor.force_flush()
    for use in range(tools):
        talk.tool(use)
    processor.force_flush()
    waiting = processor.stats().awaiting_recording
    gc.collect()
    gc.disable()
    began = time.process_time_ns()
    talk.root.end()
    processor.force_flush()
    taken = time.process_time_ns() - began
    gc.enable()
    if processor.stats().awaiting_recording != waiting + 1:
        raise RuntimeError("the call is not in the spool")
    return {"ms": taken / 1e6, "bare": bare_us(desk)}


def bare_us(desk: Desk) -> float:
    """Returns what a bare span costs at the moment, in us."""
    provider = desk.once("bare", lambda: provider_with(None))
    shape = SHAPES["plain"]
    tracer, taken = provider.get_tracer(shape.scope), []
    for _ in range(10):
        parent = below(begin(provider, shape))
        began = time.thread_time_ns()
        for number in range(20):
            add(tracer, parent, shape, number)
        taken.append((time.thread_time_ns() - began) / 20e3)
    return statistics.median(taken)
