"""What an open conversation keeps: resident memory, and objects that the collector tracks."""

from __future__ import annotations

import gc
import statistics
import time
from pathlib import Path
from resource import getpagesize
from typing import TYPE_CHECKING

from processors import make, provider_with
from shapes import SHAPES, SPANS, begin, below

if TYPE_CHECKING:
    from desk import Desk
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span
    from shapes import Attributes, Shape

WARM_UP = 300
"""Conversations that are opened before: with them comes what a process keeps only once."""

COUNTS = 5
BETWEEN_SECONDS = 0.1
"""Objects are counted several times: a conversation that is being saved has some for a few milliseconds. Each time a
collection of what is young comes before: it finds the tuples that need not be tracked, as the pass that saves makes
some. A full one would give memory back between two looks at it."""

REPEATED = ("input", "gen_ai.input.messages", "lk.tts_metrics")
"""What every span of a conversation has alike; every other text is one of its own."""


def open(desk: Desk, shape: str, conversations: int) -> dict[str, float]:  # noqa: A001 - the task's name
    """Opens conversations of 20 spans: the root is open, the others have ended.

    Returns:
        The KB and the tracked objects per conversation, the objects of its root included.
    """
    provider = provider_with(make(desk.contestant, desk.port, desk.directory))
    roots = _opened(provider, SHAPES[shape], range(-WARM_UP, 0))
    memory, objects = _resident(), _tracked()
    roots += _opened(provider, SHAPES[shape], range(conversations))
    kept, tracked = _resident() - memory, _tracked() - objects
    return {"kb": kept / conversations / 1e3, "objects": tracked / conversations, "open": len(roots)}


def _opened(provider: TracerProvider, shape: Shape, numbers: range) -> list[Span]:
    tracer = provider.get_tracer(shape.scope)
    roots = []
    for number in numbers:
        root = begin(provider, shape)
        for child in range(SPANS - 1):
            name, attributes = shape.kinds[child % len(shape.kinds)]
            span = tracer.start_span(name, below(root), attributes=_own(attributes, f"{number} {child}"))
            for event in range(3):
                span.add_event(shape.event, _own(shape.said, f"{number} {child} {event}"))
            span.end()
        roots.append(root)
        if number % 25 == 0:
            provider.force_flush()
    provider.force_flush()  # closes no conversation whose root is open
    gc.collect()
    gc.collect()
    return roots


def _own(attributes: Attributes, which: str) -> Attributes:
    return {
        key: f"{value} {which}" if isinstance(value, str) and key not in (*REPEATED, "role") else value
        for key, value in attributes.items()
    }


def _tracked() -> float:
    counts: list[int] = []
    for _ in range(COUNTS):
        time.sleep(BETWEEN_SECONDS)
        gc.collect(1)
        counts.append(len(gc.get_objects()))
    return statistics.median(counts)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()
