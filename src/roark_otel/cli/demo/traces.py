"""A minimal OTLP exporter, which sends the trace itself to Roark.

An app uses the stock one (opentelemetry-exporter-otlp-proto-http). This one spares the demo that dependency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

Export: TypeAlias = Callable[[bytes], bool]


class TraceExporter(SpanExporter):
    """Sends spans and counts those that were accepted.

    Args:
        export: Posts a request; returns whether all its spans were accepted.
    """

    def __init__(self, export: Export) -> None:
        self._export = export
        self.exported: Counter[str] = Counter()
        """The number of spans accepted of each trace, by trace id in hex."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends spans."""
        if not self._export(_request(spans)):
            return SpanExportResult.FAILURE
        self.exported.update(f"{span.context.trace_id:032x}" for span in spans if span.context is not None)
        return SpanExportResult.SUCCESS


def _request(spans: Sequence[ReadableSpan]) -> bytes:
    # protobuf ships no types for its messages.
    request: Any = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _put(resource.resource.attributes, spans[0].resource.attributes)
    scopes: dict[str, Any] = {}
    for span in spans:
        name = span.instrumentation_scope.name if span.instrumentation_scope is not None else ""
        if name not in scopes:
            scopes[name] = resource.scope_spans.add()
            scopes[name].scope.name = name
        _write(span, scopes[name].spans.add())
    body: bytes = request.SerializeToString()
    return body


def _write(span: ReadableSpan, wire: Any) -> None:  # noqa: ANN401 - a protobuf message
    if span.context is None:
        raise ValueError("a span that has ended has a context")
    wire.trace_id = span.context.trace_id.to_bytes(16, "big")
    wire.span_id = span.context.span_id.to_bytes(8, "big")
    if span.parent is not None:
        wire.parent_span_id = span.parent.span_id.to_bytes(8, "big")
    wire.name = span.name
    wire.kind = span.kind.value + 1  # OTLP begins with "unspecified"
    wire.start_time_unix_nano = span.start_time or 0
    wire.end_time_unix_nano = span.end_time or 0
    wire.status.code = span.status.status_code.value
    wire.status.message = span.status.description or ""
    _put(wire.attributes, span.attributes or {})
    for event in span.events:
        written = wire.events.add(name=event.name, time_unix_nano=event.timestamp)
        _put(written.attributes, event.attributes or {})


def _put(wire: Any, attributes: Mapping[str, object]) -> None:  # noqa: ANN401 - a protobuf message
    for key, value in attributes.items():
        _set(wire.add(key=key).value, value)


def _set(wire: Any, value: object) -> None:  # noqa: ANN401 - a protobuf message
    match value:
        case bool():
            wire.bool_value = value
        case int():
            wire.int_value = value
        case float():
            wire.double_value = value
        case str():
            wire.string_value = value
        case tuple() | list():
            wire.array_value.SetInParent()
            for one in cast("Sequence[object]", value):
                _set(wire.array_value.values.add(), one)
        case _:
            pass
