"""Conversations of one minute each, as a Collector would have written them to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

from support.helpers import T0
from support.otlp_lines import Ended

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

MINUTE = 60 * 1_000_000_000


def a_call(
    number: int, *, with_url: bool = True, children: int = 3, words: str = "Sentence", **attributes: Any
) -> list[ReadableSpan]:
    """Returns the spans of a conversation that took place in this minute, in the order of their ends."""
    seen = Ended()
    provider = TracerProvider(resource=Resource({"service.name": "order-desk"}), shutdown_on_exit=False)
    provider.add_span_processor(seen)
    tracer, start = provider.get_tracer("app"), T0 + number * MINUTE
    fields = {"roark.external_id": f"call-{number}", "roark.conversation.root": True, **attributes}
    if with_url:
        fields["roark.recording_url"] = f"https://example.com/{number}.wav"
    root = tracer.start_span("call", start_time=start, attributes={k: v for k, v in fields.items() if v is not None})
    for child in range(children):
        span = tracer.start_span("turn", set_span_in_context(root), start_time=start + child)
        span.add_event("roark.transcript", {"role": "customer", "text": f"{words} {child}"}, start + child)
        span.end(start + child + 1)
    root.end(start + MINUTE // 2)
    return seen.spans
