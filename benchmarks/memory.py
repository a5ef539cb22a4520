"""Measures what an open conversation of 20 spans keeps in memory.

    python benchmarks/memory.py [--json]

The figure is what Python has allocated, including for spans that are kept alive, over the same traces without a
processor. A thousand roots are open, and the spans below them have ended.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from contextlib import ExitStack
from typing import TYPE_CHECKING

from opentelemetry.trace import set_span_in_context
from report import Figure, figure, main
from workload import (
    FOREIGN_EVENT,
    FOREIGN_INSIDE,
    FOREIGN_SCOPE,
    ROARK,
    VOICE,
    Shape,
    begin_span,
    make_children,
    provider_with,
    roark_processor,
)

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from roark_otel import RoarkSpanProcessor

CONVERSATIONS = 1_000
ROUNDS = 3
LIMIT_KB = 15.0


def measure() -> list[Figure]:
    """Returns the figures for all shapes."""
    shapes = {"foreign spans": FOREIGN_INSIDE, "LiveKit's spans": VOICE, "roark.transcript": ROARK}
    return [_figure(name, shape).under(LIMIT_KB) for name, shape in shapes.items()]


def _figure(name: str, shape: Shape) -> Figure:
    kept = [_kept(shape) - _kept(shape, bare=True) for _ in range(ROUNDS)]
    return figure(f"open conversation, {name}", "KB", kept)


def _kept(shape: Shape, *, bare: bool = False) -> float:
    """Returns what each open conversation keeps, in KB, with our processor or without one."""
    with ExitStack() as stack:
        processor = None if bare else stack.enter_context(roark_processor("memory"))
        provider = provider_with(processor)
        roots = _open(provider, shape, 10)  # fills caches; a root must be referenced to stay open
        _settle(processor, len(roots))
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        roots += _open(provider, shape, CONVERSATIONS)
        _settle(processor, len(roots))
        kept, _ = tracemalloc.get_traced_memory()
        for root in roots:
            root.end()
        return kept / CONVERSATIONS / 1_000


def _open(provider: TracerProvider, shape: Shape, conversations: int) -> list[Span]:
    roots = []
    for number in range(conversations):
        attributes = shape.root_attributes(f"benchmark-{conversations}-{number}")
        root = begin_span(provider.get_tracer(FOREIGN_SCOPE), None, attributes, FOREIGN_EVENT)
        make_children(provider.get_tracer(shape.scope), set_span_in_context(root), shape.event)
        roots.append(root)
    return roots


def _settle(processor: RoarkSpanProcessor | None, conversations: int) -> None:
    """Waits until the assembler has processed everything."""
    if processor is not None:
        processor.force_flush()  # closes no conversation whose root is open
        while processor.stats().open_conversations < conversations:
            time.sleep(0.05)
    gc.collect()


if __name__ == "__main__":
    main(measure)
