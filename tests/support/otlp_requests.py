"""OTLP requests: as the SDK's exporters encode them, and protobuf written by hand, as any encoder may write it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import (
    KIND,
    OWN_ID,
    PARENT,
    STATUS_DESCRIPTION,
    STRENGTH,
    Kind,
    SpanEvent,
    SpanView,
    attributes_of,
)
from roark_otel._model.rows import SPAN as ROW_SPAN
from roark_otel._model.rows import TRACE as ROW_TRACE
from roark_otel._sources.otlp.decode import decode
from roark_otel._sources.otlp.peek import Peeked, ShownSpan
from roark_otel._sources.recorded import RecordedSpan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._open.rows_in import RowsIn

TRACE, SPAN = bytes(range(16)), bytes(range(8))


def protobuf(spans: Sequence[ReadableSpan]) -> bytes:
    """One export request as an exporter sends it."""
    return encode_spans(list(spans)).SerializeToString()


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def field(number: int, content: bytes | str | float) -> bytes:
    """One field: of a length, a number, or a double."""
    if isinstance(content, float):
        return varint(number << 3 | 1) + struct.pack("<d", content)
    if isinstance(content, int):
        return varint(number << 3) + varint(content % 2**64)
    raw = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def fixed64(number: int, value: int) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def fixed32(number: int, value: int) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<I", value)


def pair(key: str, value: bytes) -> bytes:
    """A `KeyValue` of an `AnyValue`."""
    return field(1, key) + field(2, value)


def span(*fields: bytes, trace: bytes = TRACE, span: bytes = SPAN) -> bytes:
    return field(1, trace) + field(2, span) + b"".join(fields)


def request(*spans: bytes, scope: bytes = b"", resource: bytes = b"") -> bytes:
    """A request of one resource and one scope."""
    return field(1, field(1, resource) + field(2, field(1, scope) + b"".join(field(2, one) for one in spans)))


def by_protobuf(content: bytes) -> list[RecordedSpan]:
    """The spans of a request as the official parser reads them."""
    return list(_spans(ExportTraceServiceRequest.FromString(content)))


def _spans(parsed: Any) -> Iterator[RecordedSpan]:
    for resource_spans in parsed.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for one in scope_spans.spans:
                failed = one.status.code == 2
                why = {STATUS_DESCRIPTION: one.status.message} if failed and one.status.message else {}
                is_remote = bool(one.flags & 0x200) if one.flags & 0x100 else one.kind in {2, 5}
                record = SpanView(
                    int.from_bytes(one.trace_id, "big"),
                    int.from_bytes(one.span_id, "big"),
                    int.from_bytes(one.parent_span_id, "big") or None,
                    scope_spans.scope.name,
                    one.name,
                    one.start_time_unix_nano,
                    one.end_time_unix_nano,
                    {**why, **_attributes(one.attributes)},
                    tuple(
                        SpanEvent(each.name, each.time_unix_nano, _attributes(each.attributes)) for each in one.events
                    ),
                    one.dropped_events_count,
                    failed,
                    resource,
                )
                yield RecordedSpan(record, is_remote)


def _attributes(pairs: Iterable[Any]) -> dict[str, object]:
    return {one.key: _value(one.value) for one in pairs}


def _value(value: Any) -> object:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(one) for one in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case name:
            return getattr(value, name)


def shown_by_rows(content: bytes, vocabulary: Vocabulary, rows_in: RowsIn) -> Peeked:
    """What the rows of a request say of what `peek` looks for."""
    found = Peeked()
    resource_id: object = None
    for row in decode(content, vocabulary, rows_in):
        if row[KIND] == Kind.RESOURCE:
            resource_id = vocabulary.external_id(attributes_of(row))
            continue
        trace_id, own_id = row[ROW_TRACE], row[OWN_ID] if is_external_id(row[OWN_ID]) else None
        found.traces[trace_id] = found.traces.get(trace_id, 0) + 1
        if isinstance(resource_id, str) and is_external_id(resource_id):
            found.resource_ids.setdefault(trace_id, resource_id)
        if own_id is not None or row[STRENGTH] is not None:
            found.shown.append(ShownSpan(trace_id, row[ROW_SPAN], row[PARENT] or None, own_id, row[STRENGTH]))
    return found
