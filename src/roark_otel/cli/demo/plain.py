"""A conversation as an app without a framework traces it: plain OpenTelemetry, with names of `roark_otel.attributes`.

An app calls `add_event` when something happens. The demo passes times instead, so that half a minute of talk takes no
time.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from roark_otel import attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span, Tracer, TracerProvider

DEMO_EXTERNAL_ID = "demo-plain-call"

_SECONDS = 25.6
_ABOUT: Mapping[str, str | int] = {
    attributes.EXTERNAL_ID: DEMO_EXTERNAL_ID,
    attributes.INTERFACE_TYPE: "PHONE",
    attributes.CALL_DIRECTION: "INBOUND",
    attributes.ENDED_STATUS: "CUSTOMER_ENDED_CALL",
    attributes.AGENT_NAME: "Order desk",
    attributes.AGENT_CUSTOM_ID: "order-desk-v2",
    attributes.CUSTOMER_LABEL: "caller",
    attributes.CUSTOMER_PHONE_NUMBER: "+15550100",
    attributes.PROPERTY_PREFIX + "shop": "Lakeside Bicycles",
    attributes.PROPERTY_PREFIX + "queue_position": 2,
}


def hold(provider: TracerProvider) -> None:
    """Traces the conversation as one that has just ended."""
    began_ns = time.time_ns() - int(_SECONDS * 1e9)
    tracer = provider.get_tracer("demo")
    root = tracer.start_span("phone_call", start_time=began_ns, attributes=_ABOUT)
    call = _Line(tracer, root, began_ns)
    call.said("agent", "Lakeside Bicycles, good morning. How can I help you?", 0.42, 3.31)
    call.said("customer", "Hi, I ordered a lamp last week. Where is it?", 3.874, 6.402)
    call.thought(6.41, 6.93)
    call.used("find_order", {"order_id": "A-17"}, 6.951, 7.403, {"status": "in transit", "arrives": "Thursday"})
    call.said("agent", "It is on its way and should be with you on Thursday, before noon if", 7.918, 12.06, cut=True)
    call.said("customer", "Thursday is too late. Can a courier bring it today?", 11.245, 13.98)
    call.thought(13.99, 14.62)
    call.used("book_courier", {"order_id": "A-17", "day": "today"}, 14.64, 16.641, TimeoutError("no answer in 2 s"))
    call.said("agent", "I cannot reach the courier right now. Shall we call you back?", 17.209, 20.53)
    call.said("customer", "Yes please, on this number.", 21.104, 22.7)
    call.said("agent", "We will. Goodbye!", 23.188, 24.377)
    root.end(call.at(_SECONDS))


class _Line:
    """The telephone line: writes what happens on it to the trace. Times are seconds since the call began."""

    def __init__(self, tracer: Tracer, root: Span, began_ns: int) -> None:
        self._tracer = tracer
        self._root = root
        self._began_ns = began_ns

    def at(self, seconds: float) -> int:
        return self._began_ns + _ms(seconds) * 1_000_000

    def said(self, role: str, text: str, start: float, end: float, *, cut: bool = False) -> None:
        fields: dict[str, str | int] = {"role": role, "text": text, "duration_ms": _ms(end - start), "interrupted": cut}
        self._root.add_event(attributes.TRANSCRIPT_EVENT, fields, self.at(start))

    def thought(self, start: float, end: float) -> None:
        self._child("chat small-model", start).end(self.at(end))

    def used(
        self, name: str, parameters: Mapping[str, str], start: float, end: float, outcome: Mapping[str, str] | Exception
    ) -> None:
        span = self._child(f"execute_tool {name}", start)
        fields: dict[str, str | int] = {"name": name, "parameters": json.dumps(parameters)}
        if isinstance(outcome, Exception):
            fields["error"] = f"{type(outcome).__name__}: {outcome}"
            span.set_status(Status(StatusCode.ERROR, str(outcome)))
        else:
            fields["result"] = json.dumps(outcome)
        fields["duration_ms"] = _ms(end - start)
        span.add_event(attributes.TOOL_INVOCATION_EVENT, fields, self.at(start))
        span.end(self.at(end))

    def _child(self, name: str, start: float) -> Span:
        return self._tracer.start_span(name, trace.set_span_in_context(self._root), start_time=self.at(start))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
