"""A voice agent without a framework: a loop, plain OpenTelemetry, and the names of `roark_otel.attributes`.

Run it against a local Roark, in two terminals:

    pip install "roark-otel[local]"
    roark-otel sandbox

    ROARK_API_KEY=anything ROARK_BASE_URL=http://127.0.0.1:4319 python examples/plain_opentelemetry.py

or against Roark itself: leave ROARK_BASE_URL out, and let RECORDINGS_URL be where your recordings are.

The words are written down below, and waiting takes the place of speaking; everything else is as in an app.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor, attributes

if TYPE_CHECKING:
    from collections.abc import Generator

    from opentelemetry.trace import Span

CUSTOMER = ("Hi, where is my order A-17?", "Great, thank you. Goodbye!")
RECORDINGS_URL = os.environ.get("RECORDINGS_URL", "https://recordings.example.com")
SECONDS_PER_LETTER = 0.01

tracer = trace.get_tracer("order-desk")


def main() -> int:
    """Sets up tracing once, answers one call, and prints what became of it."""
    provider = TracerProvider(resource=Resource.create({"service.name": "order-desk"}))
    processor = RoarkSpanProcessor()  # everything from the environment
    provider.add_span_processor(processor)
    # To link the trace as well, send it to Roark: pip install opentelemetry-exporter-otlp-proto-http, and
    # provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=..., headers=...)))
    trace.set_tracer_provider(provider)

    external_id = answer_call()

    flushed = provider.force_flush()
    stats = processor.stats()
    print(f"{external_id}: flushed {flushed}, delivered {stats.delivered}, still in the spool {stats.spooled}")
    provider.shutdown()
    return 0 if flushed and stats.delivered else 1


def answer_call() -> str:
    """Answers one call from ring to hang-up. The end of its root span is the end of the call."""
    external_id = f"example-{uuid.uuid4()}"
    about = {
        attributes.EXTERNAL_ID: external_id,
        attributes.RECORDING_URL: f"{RECORDINGS_URL}/{external_id}.wav",
        attributes.INTERFACE_TYPE: "PHONE",
        attributes.CALL_DIRECTION: "INBOUND",
        attributes.AGENT_NAME: "Order desk",
        attributes.CUSTOMER_PHONE_NUMBER: "+15550100",
        attributes.PROPERTY_PREFIX + "shop": "Lakeside Bicycles",
    }
    with tracer.start_as_current_span("phone_call", attributes=about) as call:
        speak(call, "agent", "Lakeside Bicycles, how can I help you?")
        for words in CUSTOMER:
            speak(call, "customer", words)
            with tracer.start_as_current_span("turn"):
                reply = think(words)
                speak(call, "agent", reply)
        call.set_attribute(attributes.ENDED_STATUS, "CUSTOMER_ENDED_CALL")
    return external_id


def think(words: str) -> str:
    """Does what a model would do: uses a tool, or just answers."""
    if "A-17" not in words:
        return "Goodbye!"
    with using_tool("find_order", {"order_id": "A-17"}) as tool:
        found = {"status": "in transit", "arrives": "Thursday"}
        tool["result"] = json.dumps(found)
    return f"It is {found['status']} and arrives on {found['arrives']}."


def speak(call: Span, role: str, text: str) -> None:
    """Says something and records it; the event's time is when the speech began."""
    began_ns = time.time_ns()
    time.sleep(len(text) * SECONDS_PER_LETTER)
    said = {"role": role, "text": text, "duration_ms": _ms_since(began_ns)}
    call.add_event(attributes.TRANSCRIPT_EVENT, said, began_ns)


@contextmanager
def using_tool(name: str, parameters: dict[str, str]) -> Generator[dict[str, str | int]]:
    """Records the use of a tool as a span with an event; the block fills in the result."""
    with tracer.start_as_current_span(f"execute_tool {name}") as span:
        began_ns = time.time_ns()
        use: dict[str, str | int] = {"name": name, "parameters": json.dumps(parameters)}
        try:
            yield use
        except Exception as fault:
            use["error"] = f"{type(fault).__name__}: {fault}"
            raise
        finally:
            use["duration_ms"] = _ms_since(began_ns)
            span.add_event(attributes.TOOL_INVOCATION_EVENT, use, began_ns)


def _ms_since(began_ns: int) -> int:
    return (time.time_ns() - began_ns) // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
