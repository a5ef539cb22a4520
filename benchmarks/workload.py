"""Makes the spans of the benchmarks, and the processors that receive them."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor
from roark_otel.attributes import EXTERNAL_ID, TRANSCRIPT_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

SPANS_PER_TRACE = 20

FOREIGN_SCOPE = "an-app"
VOICE_SCOPE = "livekit-agents"
FOREIGN_EVENT = "app.event"

Attributes: TypeAlias = "dict[str, str | int | float | bool]"

EARLY: Attributes = {"app.text.0": "some words", "app.text.1": "some other words", "app.count": 17, "app.ok": True}
"""Attributes that a span has at its start: ten together with `LATE`."""

LATE: Attributes = {**{f"app.text.{n}": f"the words of attribute {n}" for n in range(2, 7)}, "app.seconds": 0.25}
"""Attributes that a span gets later, one by one."""

EVENT: dict[str, str | int] = {"role": "agent", "text": "A sentence as it is said on the telephone."}
"""The attributes of each event."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a benchmark's traces.

    Args:
        scope: The instrumentation scope of the spans below the root.
        event: The name of their three events.
        is_conversation: Whether the root span carries an external id.
    """

    scope: str = FOREIGN_SCOPE
    event: str = FOREIGN_EVENT
    is_conversation: bool = False

    def root_attributes(self, external_id: str) -> Attributes:
        """Returns the attributes that a root span has at its start."""
        return {**EARLY, EXTERNAL_ID: external_id} if self.is_conversation else EARLY


FOREIGN = Shape()
FOREIGN_INSIDE = Shape(is_conversation=True)
VOICE = Shape(scope=VOICE_SCOPE, is_conversation=True)
ROARK = Shape(event=TRANSCRIPT_EVENT, is_conversation=True)


def provider_with(processor: SpanProcessor | None) -> TracerProvider:
    """Returns a provider with at most one processor, which does nothing at exit."""
    provider = TracerProvider(shutdown_on_exit=False)
    if processor is not None:
        provider.add_span_processor(processor)
    return provider


def begin_span(tracer: Tracer, parent: Context | None, attributes: Attributes, event: str) -> Span:
    """Starts a span with all of its attributes and three events. Returns it while it is open."""
    span = tracer.start_span("work", parent, attributes=attributes)
    for key, value in LATE.items():
        span.set_attribute(key, value)
    for _ in range(3):
        span.add_event(event, EVENT)
    return span


def make_children(tracer: Tracer, parent: Context, event: str) -> None:
    """Makes the other spans of a trace, one after the other."""
    for _ in range(SPANS_PER_TRACE - 1):
        begin_span(tracer, parent, EARLY, event).end()


@contextmanager
def roark_processor(name: str) -> Iterator[RoarkSpanProcessor]:
    """Yields a processor with its own engine. Its calls wait in a temporary spool for a recording: nothing is sent."""
    directory = tempfile.mkdtemp(prefix="roark-otel-benchmark-")
    processor = RoarkSpanProcessor(
        api_key="benchmark", base_url=f"http://127.0.0.1:9/{name}", spool_dir=directory, linger_seconds=0.2
    )
    try:
        yield processor
    finally:
        processor.shutdown()
        shutil.rmtree(directory)
