"""Measures what a call costs from the end of its root span to its file in the spool.

    python benchmarks/calls.py [--json]

The figure is the CPU time of all threads of the process, for a call of 200 transcript entries and 30 tool uses.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.trace import set_span_in_context
from report import Figure, figure, main
from workload import FOREIGN_SCOPE, provider_with, roark_processor

from roark_otel.attributes import EXTERNAL_ID, TOOL_INVOCATION_EVENT, TRANSCRIPT_EVENT

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from roark_otel import RoarkSpanProcessor

CALLS = 51
WARM_UP_CALLS = 3
ENTRIES = 200
TOOLS = 30
LIMIT_MS = 0.7
"""The most that a call may take. To Roark's receipt it may take 1.5 ms, of which 0.8 ms are for its delivery."""


def measure() -> list[Figure]:
    """Returns the figure for one call."""
    with roark_processor("calls") as processor:
        tracer = provider_with(processor).get_tracer(FOREIGN_SCOPE)
        taken = [_ms(processor, _conversation(tracer, number)) for number in range(WARM_UP_CALLS + CALLS)]
    name = f"end of root to spool, {ENTRIES} entries, {TOOLS} tool uses"
    return [figure(name, "CPU ms", taken[WARM_UP_CALLS:]).under(LIMIT_MS)]


def _ms(processor: RoarkSpanProcessor, root: Span) -> float:
    """Ends a root span. Returns the CPU time until its call is in the spool, in ms."""
    processor.force_flush()  # what came before the end of the root is processed, and not measured
    waiting = processor.stats().awaiting_recording
    began = time.process_time_ns()
    root.end()
    processor.force_flush()
    taken = time.process_time_ns() - began
    assert processor.stats().awaiting_recording == waiting + 1
    return taken / 1e6


def _conversation(tracer: Tracer, number: int) -> Span:
    """Makes a conversation. Returns its root span, which is still open."""
    root = tracer.start_span("conversation", attributes={EXTERNAL_ID: f"benchmark-{number}"})
    parent = set_span_in_context(root)
    for turn in range(ENTRIES):
        span = tracer.start_span("turn", parent)
        role = "customer" if turn % 2 else "agent"
        span.add_event(TRANSCRIPT_EVENT, {"role": role, "text": f"Sentence {turn} of a conversation on the telephone."})
        span.end()
    for use in range(TOOLS):
        span = tracer.start_span("tool", parent)
        span.add_event(
            TOOL_INVOCATION_EVENT,
            {"name": "look_up", "id": f"use-{use}", "parameters": '{"city": "Zürich"}', "result": '{"degrees": 21}'},
        )
        span.end()
    return root


if __name__ == "__main__":
    main(measure)
