"""What a span costs the process as conversations grow in length and in number, over the bare SDK."""

from __future__ import annotations

import gc
import time
from itertools import count
from typing import TYPE_CHECKING

from ending import bare_us
from opentelemetry.context import Context
from processors import make, provider_with
from shapes import EXTERNAL_ID, UTTERANCE, below
from talks import TALKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from desk import Desk
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

_numbers = count()


def grow(desk: Desk, kind: str, size: int) -> dict[str, float]:
    """Does the same with our processor and the bare SDK. Returns the us that ours costs more, and a bare span."""
    processor = desk.once("in memory", lambda: make(desk.contestant, desk.port, desk.directory, spool="memory"))
    ours = _KINDS[kind](provider_with(processor), processor, size)
    bare = _KINDS[kind](provider_with(None), None, size)
    return {"us": ours - bare, "bare": bare_us(desk)}


def _turns(shape: str) -> Callable[[TracerProvider, SpanProcessor | None, int], float]:
    def measure(provider: TracerProvider, processor: SpanProcessor | None, turns: int) -> float:
        """Returns the us a turn of a conversation with so many, whose requests repeat the whole history."""
        talk = TALKS[shape](provider, f"grown-{next(_numbers)}", None)

        def make_all() -> None:
            for turn in range(turns):
                talk.turn(turn)
                if processor is not None and turn % 20 == 0:
                    processor.force_flush()
            talk.root.end()

        return _us(make_all, processor) / turns

    return measure


def _open(provider: TracerProvider, processor: SpanProcessor | None, conversations: int) -> float:
    """Returns the us a span while so many conversations are open."""
    tracer = provider.get_tracer("an-app")
    roots = [_root(provider, Context()) for _ in range(conversations)]
    if processor is not None:
        processor.force_flush()

    def make_all() -> None:
        for number in range(2_000):
            span = tracer.start_span("turn", below(roots[number * 7_919 % conversations]))
            span.add_event("roark.transcript", UTTERANCE)
            span.end()

    taken = _us(make_all, processor) / 2_000
    for root in roots:
        root.end()
    if processor is not None:
        processor.force_flush()
    return taken


def _conversations(*, under_one: bool) -> Callable[[TracerProvider, SpanProcessor | None, int], float]:
    def measure(provider: TracerProvider, processor: SpanProcessor | None, conversations: int) -> float:
        """Returns the us a span of conversations of two spans, one after the other."""
        tracer = provider.get_tracer("an-app")
        server = tracer.start_span("server", Context())
        context = below(server) if under_one else Context()

        def make_all() -> None:
            for number in range(conversations):
                root = _root(provider, context)
                span = tracer.start_span("turn", below(root))
                span.add_event("roark.transcript", UTTERANCE)
                span.end()
                root.end()
                if processor is not None and number % 100 == 0:
                    processor.force_flush()

        taken = _us(make_all, processor) / conversations / 2
        server.end()
        return taken

    return measure


def _root(provider: TracerProvider, context: Context):  # noqa: ANN202 - a span
    return provider.get_tracer("an-app").start_span(
        "call", context, attributes={EXTERNAL_ID: f"grown-{next(_numbers)}"}
    )


def _us(make_all: Callable[[], None], processor: SpanProcessor | None) -> float:
    gc.collect()
    gc.disable()
    began = time.process_time_ns()
    make_all()
    if processor is not None:
        processor.force_flush()
    taken = time.process_time_ns() - began
    gc.enable()
    return taken / 1e3


_KINDS = {
    "plain turns": _turns("plain"),
    "pipecat turns": _turns("pipecat"),
    "livekit turns": _turns("livekit"),
    "open": _open,
    "under one": _conversations(under_one=True),
    "apart": _conversations(under_one=False),
}
