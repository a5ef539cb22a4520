"""OTLP traces as protobuf: an `ExportTraceServiceRequest`.

What readers take of a span is decoded: ids, name, times, attributes, events, status. Links, trace state and what else
no reader takes are skipped by their length. A text that is not UTF-8 has replacement characters, because exporters may
cut texts at a byte.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.rows import STATUS_DESCRIPTION, SpanEvent, SpanView
from roark_otel._sources.otlp.glance import Glance
from roark_otel._sources.otlp.meaning import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    has_remote_parent,
    id_number,
    is_error,
    parent_id,
)
from roark_otel._sources.otlp.protobuf_values import ProtobufValues, may_be_pair
from roark_otel._sources.otlp.wire import fields
from roark_otel._sources.recorded import RecordedSpan

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_UINT32: Final = 2**32 - 1

_uint64 = Struct("<Q").unpack_from
_uint32 = Struct("<I").unpack_from


class SpanGroup(NamedTuple):
    """The spans of one scope of a resource: its attributes, the scope's name, and where each span is."""

    resource: Mapping[str, object]
    scope: str
    spans: list[tuple[int, int]]


class ProtobufRequest:
    """Decodes one request. A message within it is given by the places where it begins and ends.

    Every method raises `UnreadableRequest` where the request cannot be read, and `IndexError` where it ends too early.

    Args:
        data: The request.
    """

    __slots__ = ("_data", "_resources", "_traces", "_values")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._values = ProtobufValues()
        self._traces: dict[bytes, int] = {}
        self._resources: dict[bytes, dict[str, object]] = {}

    def spans(self) -> Iterator[RecordedSpan]:
        """Yields the spans."""
        for resource, scope, places in self.groups():
            for first, last in places:
                yield self._span(first, last, scope, resource)

    def groups(self) -> Iterator[SpanGroup]:
        """Yields where the spans are. A resource or a scope may come after its spans, or in several pieces."""
        for tag, first, last in fields(self._data, 0, len(self._data)):
            if tag == 0x0A:  # resource_spans
                yield from self._groups_of_resource(first, last)

    def _groups_of_resource(self, first: int, last: int) -> Iterator[SpanGroup]:
        pieces: list[tuple[int, int]] = []
        scopes: list[tuple[int, int]] = []
        for tag, begin, end in fields(self._data, first, last):
            if tag == 0x0A:  # resource
                pieces.append((begin, end))
            elif tag == 0x12:  # scope_spans
                self._values.counter.add()
                scopes.append((begin, end))
        resource = self._resource(pieces)
        for begin, end in scopes:
            yield self._group(resource, begin, end)

    def _resource(self, pieces: list[tuple[int, int]]) -> dict[str, object]:
        """Returns the attributes of a resource, which several requests in one have again and again."""
        data = self._data
        message = b"".join([data[first:last] for first, last in pieces])
        found = self._resources.get(message)
        if found is None:
            found = self._resources[message] = {}
            for first, last in pieces:
                for tag, begin, end in fields(data, first, last):
                    if tag == 0x0A:  # attributes
                        self._values.add_pair(found, data, begin, end)
        return found

    def _group(self, resource: Mapping[str, object], first: int, last: int) -> SpanGroup:
        scope = ""
        spans: list[tuple[int, int]] = []
        for tag, begin, end in fields(self._data, first, last):
            if tag == 0x12:  # spans
                self._values.counter.add()
                spans.append((begin, end))
            elif tag == 0x0A:  # scope
                for part, start, stop in fields(self._data, begin, end):
                    if part == 0x0A:  # name
                        scope = self._values.name(self._data[start:stop])
        return SpanGroup(resource, scope, spans)

    def _span(self, first: int, last: int, scope: str, resource: Mapping[str, object]) -> RecordedSpan:
        """Returns a span. This is the hot path: it is one loop, the most frequent field first."""
        data = self._data
        trace_id = span_id = above = b""
        name = description = ""
        start_ns = end_ns = dropped = kind = flags = status = 0
        attributes: dict[str, object] = {}
        events: list[SpanEvent] = []
        for tag, begin, end in fields(data, first, last):
            if tag == 0x4A:
                self._values.add_pair(attributes, data, begin, end)
            elif tag == 0x0A:
                trace_id = trace_id or data[begin:end]  # the first one, as `trace_of` has it
            elif tag == 0x12:
                span_id = data[begin:end]
            elif tag == 0x22:
                above = data[begin:end]
            elif tag == 0x2A:
                name = self._values.name(data[begin:end])
            elif tag == 0x39:
                (start_ns,) = _uint64(data, begin)
            elif tag == 0x41:
                (end_ns,) = _uint64(data, begin)
            elif tag == 0x5A:
                events.append(self._event(begin, end))
            elif tag == 0x7A:
                status, description = self._status(begin, end, status, description)
            elif tag == 0x30:
                kind = begin
            elif tag == 0x60:
                dropped = begin & _UINT32
            elif tag == 0x85:
                (flags,) = _uint32(data, begin)
        failed = is_error(status)
        if failed and description:
            attributes.setdefault(STATUS_DESCRIPTION, description)
        record = SpanView(
            id_number(trace_id, TRACE_ID_BYTES),
            id_number(span_id, SPAN_ID_BYTES),
            parent_id(above),
            scope,
            name,
            start_ns,
            end_ns,
            attributes,
            tuple(events),
            dropped,
            failed,
            resource,
        )
        return RecordedSpan(record, has_remote_parent(flags, kind))

    # At a glance

    def trace_of(self, first: int, last: int) -> int:
        """Returns the trace of a span, of which encoders write the id first."""
        data = self._data
        begin, end = first + 2, first + 2 + TRACE_ID_BYTES
        if end <= last and data[first] == 0x0A and data[first + 1] == TRACE_ID_BYTES:
            raw = data[begin:end]
            found = self._traces.get(raw)
            if found is None:
                found = self._traces[raw] = id_number(raw, TRACE_ID_BYTES)
            return found
        return self.look(first, last, ()).trace_id

    def look(self, first: int, last: int, wanted: Container[bytes]) -> Glance:
        """Returns a span at a glance, with the attributes of these names."""
        data = self._data
        trace_id = span_id = above = b""
        name = ""
        attributes: dict[str, object] = {}
        for tag, begin, end in fields(data, first, last):
            if tag == 0x4A:
                if may_be_pair(data, begin, end, wanted):
                    self._values.add_pair(attributes, data, begin, end)
            elif tag == 0x0A:
                trace_id = trace_id or data[begin:end]
            elif tag == 0x12:
                span_id = data[begin:end]
            elif tag == 0x22:
                above = data[begin:end]
            elif tag == 0x2A:
                name = self._values.name(data[begin:end])
        return Glance(
            id_number(trace_id, TRACE_ID_BYTES), id_number(span_id, SPAN_ID_BYTES), parent_id(above), name, attributes
        )

    # A whole span

    def _status(self, first: int, last: int, code: int, description: str) -> tuple[int, str]:
        for tag, value, end in fields(self._data, first, last):
            if tag == 0x18:  # code
                code = value
            elif tag == 0x12:  # message
                description = str(self._data[value:end], "utf-8", "replace")
        return code, description

    def _event(self, first: int, last: int) -> SpanEvent:
        self._values.counter.add()
        data = self._data
        name, time_ns = "", 0
        attributes: dict[str, object] = {}
        for tag, begin, end in fields(data, first, last):
            if tag == 0x1A:
                self._values.add_pair(attributes, data, begin, end)
            elif tag == 0x12:
                name = self._values.name(data[begin:end])
            elif tag == 0x09:
                (time_ns,) = _uint64(data, begin)
        return SpanEvent(name, time_ns, attributes)
