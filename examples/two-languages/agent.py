"""A voice agent in Python: it holds the conversation, and asks a service in Node where an order is.

`run.sh` starts it. OpenTelemetry alone is used: spans go to OTEL_EXPORTER_OTLP_ENDPOINT, under OTEL_SERVICE_NAME. The
words are written down below, and waiting takes the place of speaking; everything else is as in an app.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if TYPE_CHECKING:
    from opentelemetry.trace import Span

SECONDS_PER_LETTER = 0.02
PAUSE_SECONDS = 0.3

tracer = trace.get_tracer("order-desk")


def main() -> None:
    """Answers one call, and prints its id."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        print(answer_call())
    finally:
        provider.shutdown()  # sends the spans that still wait


def answer_call() -> str:
    """Answers one call from ring to hang-up. Its root span says which conversation it is; no other span has to."""
    external_id = f"two-languages-{uuid.uuid4()}"
    about = {
        "roark.external_id": external_id,
        "roark.conversation.root": True,
        "roark.interface_type": "PHONE",
        "roark.call_direction": "INBOUND",
        "roark.agent.name": "Order desk",
    }
    with tracer.start_as_current_span("phone_call", attributes=about) as call:
        speak(call, "agent", "Lakeside Bicycles, how can I help you?")
        speak(call, "customer", "Hi, where is my order A-17?")
        with tracer.start_as_current_span("turn"):
            order = use_tool("find_order", {"order_id": "A-17"})
            speak(call, "agent", f"It is {order['status']} and arrives on {order['arrives']}.")
        speak(call, "customer", "Great, thank you. Goodbye!")
        speak(call, "agent", "Goodbye!")
        call.set_attribute("roark.ended_status", "CUSTOMER_ENDED_CALL")
    return external_id


def use_tool(name: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Asks the service in Node. The header `traceparent` has its span go on in this trace."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    answer = httpx.post(f"{os.environ['TOOLS_URL']}/{name}", json=parameters, headers=headers, timeout=30)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def speak(call: Span, role: str, text: str) -> None:
    """Says something after a pause, and records it; the event's time is when the speech began."""
    time.sleep(PAUSE_SECONDS)
    began_ns = time.time_ns()
    time.sleep(len(text) * SECONDS_PER_LETTER)
    duration_ms = (time.time_ns() - began_ns) // 1_000_000
    call.add_event("roark.transcript", {"role": role, "text": text, "duration_ms": duration_ms}, began_ns)


if __name__ == "__main__":
    main()
