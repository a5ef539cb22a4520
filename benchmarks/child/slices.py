"""Spans as fast as they can be made, with the collector off: the CPU of the app's thread, and of the whole process."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from processors import NoOp, make, provider_with
from shapes import SHAPES, add, begin, below

if TYPE_CHECKING:
    from desk import Desk
    from opentelemetry.sdk.trace import TracerProvider


def slices(
    desk: Desk, shape: str, traces: int, spans: int, repeats: int = 1, settings: dict[str, object] | None = None
) -> list[dict[str, dict[str, float]]]:
    """Makes the same traces for the bare SDK, for a no-op processor and for the contestant's, again and again.

    Returns:
        For each repetition and each of the three: ns per span of the app's thread (of all spans, and of those below a
        root), and of the whole process until a flush has ended.
    """
    providers = {
        "bare": desk.once("bare", lambda: provider_with(None)),
        "no-op": desk.once("no-op", lambda: provider_with(NoOp())),
        "self": desk.once(
            f"self {settings}",
            lambda: provider_with(make(desk.contestant, desk.port, desk.directory, **(settings or {}))),
        ),
    }
    order = list(providers)
    found = []
    for _ in range(repeats):
        order.append(order.pop(0))
        measured = {name: _slice(providers[name], shape, traces, spans) for name in order}
        found.append(measured)
    return found


def _slice(provider: TracerProvider, shape: str, traces: int, spans: int) -> dict[str, float]:
    gc.collect()
    gc.disable()
    process = time.process_time_ns()
    pairs = [_trace(provider, shape, spans) for _ in range(traces)]
    provider.force_flush()
    process = time.process_time_ns() - process
    gc.enable()
    whole, children = (sum(column) for column in zip(*pairs, strict=True))
    return {
        "app": whole / traces / spans,
        "children": children / traces / (spans - 1),
        "process": process / traces / spans,
    }


def _trace(provider: TracerProvider, name: str, spans: int) -> tuple[int, int]:
    """Makes a trace. Returns the ns of the app's thread for it, and those of the spans below its root."""
    shape = SHAPES[name]
    tracer = provider.get_tracer(shape.scope)
    began = time.thread_time_ns()
    root = begin(provider, shape)
    parent = below(root)
    children = time.thread_time_ns()
    for number in range(spans - 1):
        add(tracer, parent, shape, number)
    children = time.thread_time_ns() - children
    root.end()
    return time.thread_time_ns() - began, children
