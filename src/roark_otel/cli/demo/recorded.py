"""Replays a conversation that a framework once traced, through the OpenTelemetry SDK.

LiveKit Agents really emitted these spans; attributes that no reader uses were removed. They start and end again in the
same order, with the same ids and times.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from roark_otel import attributes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

_FILE = "livekit_tool_call.json"


class RecordedIds(IdGenerator):
    """Gives the next span its recorded ids."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        """Returns the recorded id of the trace."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """Returns the recorded id of the next span."""
        return self.span_id


@dataclass(frozen=True, slots=True)
class Recording:
    """The spans of one conversation.

    Attributes:
        trace_id: The id of their trace.
        scope: The name of their instrumentation scope.
        resource: The attributes of their resource.
        spans: Each with its times, attributes and events, and its place in the order of starts and ends.
    """

    trace_id: int
    scope: str
    resource: Mapping[str, str]
    spans: Sequence[Mapping[str, Any]]

    @property
    def external_id(self) -> str:
        """The external id, which the app had put on its resource."""
        return self.resource[attributes.EXTERNAL_ID]

    def replay(self, provider: TracerProvider) -> None:
        """Starts and ends the spans again.

        Args:
            provider: Makes the spans. Its id generator must be a `RecordedIds`.

        Raises:
            TypeError: its id generator is another one.
        """
        ids = provider.id_generator
        if not isinstance(ids, RecordedIds):
            raise TypeError("replaying a recording needs a provider with RecordedIds as its id generator")
        ids.trace_id = self.trace_id
        tracer = provider.get_tracer(self.scope)
        live: dict[str, Span] = {}
        for _, is_end, span in sorted(self._steps(), key=lambda step: step[0]):
            if is_end:
                live.pop(span["span_id"]).end(span["end_ns"])
                continue
            ids.span_id = int(span["span_id"], 16)
            started = tracer.start_span(
                span["name"], self._parent(span), attributes=span["attributes"], start_time=span["start_ns"]
            )
            for event in span.get("events", ()):
                started.add_event(event["name"], event["attributes"], event["time_ns"])
            live[span["span_id"]] = started

    def _steps(self) -> list[tuple[int, bool, Mapping[str, Any]]]:
        starts = [(span["on_start_seq"], False, span) for span in self.spans]
        return starts + [(span["on_end_seq"], True, span) for span in self.spans]

    def _parent(self, span: Mapping[str, Any]) -> Context:
        if span["parent_span_id"] is None:
            return Context()
        parent = SpanContext(self.trace_id, int(span["parent_span_id"], 16), False, TraceFlags(TraceFlags.SAMPLED))
        return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def load() -> Recording:
    """Loads the recording that this package ships."""
    file = resources.files("roark_otel.cli") / "recorded" / _FILE
    document = json.loads(file.read_text(encoding="utf-8"))
    return Recording(int(document["trace_id"], 16), document["scope"], document["resource"], document["spans"])
