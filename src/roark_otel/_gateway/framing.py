"""Where the spans of an OTLP protobuf request are, without reading them: their lengths are enough.

A request is cut into one smaller request for each trace by these places; nothing of a span is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.tuples import made
from roark_otel._sources.otlp.limits import MAX_CUT_BYTES, UnreadableRequest, too_large_cut
from roark_otel._sources.otlp.protobuf import ProtobufRequest
from roark_otel._sources.otlp.wire import fields, varint

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

_SPAN: Final = 0x12
RESOURCE_SPANS: Final = 0x0A
_RESOURCE: Final = 0x0A
SCOPE_SPANS: Final = 0x12


class FramedSpan(NamedTuple):
    """Where the field of a span begins in its request, where the span begins, where both end, and its trace id.

    The trace id is empty if the span has none.
    """

    field: int
    first: int
    last: int
    trace: bytes


class FramedScope(NamedTuple):
    """The spans of a scope. `head`: its other fields, as they came."""

    head: bytes
    spans: list[FramedSpan]


class FramedResource(NamedTuple):
    """The scopes of a resource. `head`: its other fields, as they came."""

    head: bytes
    scopes: list[FramedScope]


def framed(request: bytes) -> list[FramedResource]:
    """Returns the resources of a protobuf request, with the places of their spans.

    Raises:
        UnreadableRequest: if it is not a request of traces, as far as the lengths of its fields show.
        IndexError: if it ends within a field.
    """
    glance = ProtobufRequest(request)
    return [
        _resource(request, first, last, glance)
        for tag, first, last in fields(request, 0, len(request))
        if tag == RESOURCE_SPANS
    ]


def _resource(request: bytes, first: int, last: int, glance: ProtobufRequest) -> FramedResource:
    heads: list[bytes] = []
    scopes: list[FramedScope] = []
    for tag, begin, end in fields(request, first, last):
        if tag == SCOPE_SPANS:
            scopes.append(_scope(request, begin, end, glance))
        elif tag == _RESOURCE:
            heads.append(field_of_length(tag, request[begin:end]))
    return FramedResource(b"".join(heads), scopes)


def _scope(request: bytes, first: int, last: int, glance: ProtobufRequest) -> FramedScope:
    """Returns a scope. This is the hot path: it is one loop over its spans."""
    heads: list[bytes] = []
    spans: list[FramedSpan] = []
    at = first
    while at < last:
        if request[at] != _SPAN:
            at = _other_field(request, at, last, heads)
            continue
        size, begin = request[at + 1], at + 2
        if size & 0x80:
            size, begin = varint(request, at + 1)
        end = begin + size
        if end > last:
            raise UnreadableRequest("a field is longer than what it is in")
        trace = request[begin + 2 : begin + 18]
        if size < 18 or request[begin] != 0x0A or request[begin + 1] != 0x10:
            trace = _trace_of(glance, begin, end)
        spans.append(made(FramedSpan, (at, begin, end, trace)))
        at = end
    return FramedScope(b"".join(heads), spans)


def _trace_of(glance: ProtobufRequest, first: int, last: int) -> bytes:
    """Returns the trace id of a span; empty if it has none, so that the span cannot be read."""
    try:
        return glance.trace_of(first, last).to_bytes(16, "big")
    except UnreadableRequest:
        return b""


def _other_field(request: bytes, at: int, last: int, heads: list[bytes]) -> int:
    """Notes the field at this place if it is the scope's own. Returns the place after it.

    Raises:
        UnreadableRequest: if it is a group, which no message of OTLP has.
    """
    tag, after = varint(request, at)
    match tag & 7:
        case 0:
            return varint(request, after)[1]
        case 1:
            return after + 8
        case 2:
            size, first = varint(request, after)
            if first + size > last:
                raise UnreadableRequest("a field is longer than what it is in")
            if tag == _RESOURCE:
                heads.append(request[at : first + size])
            return first + size
        case 5:
            return after + 4
        case _:
            raise UnreadableRequest("not protobuf: a field has an unknown type")


class Glimpse(NamedTuple):
    """How many spans a request has, and of which traces."""

    spans: int
    traces: set[bytes]


def glimpse(request: bytes) -> Glimpse:
    """Returns what the lengths of a protobuf request show, and raises what `framed` raises.

    Most requests get no further, so it makes nothing of what it passes. Of a span that does not begin with its trace
    id, which every encoder writes first, what is returned is no trace id.
    """
    number, traces = 0, set[bytes]()
    note = traces.add
    for tag, first, last in fields(request, 0, len(request)):
        if tag != RESOURCE_SPANS:
            continue
        for inner, begin, end in fields(request, first, last):
            if inner != SCOPE_SPANS:
                continue
            at = begin
            while at < end:
                if request[at] != _SPAN:
                    at = _other_field(request, at, end, [])
                    continue
                size, start = request[at + 1], at + 2
                if size & 0x80:  # as of most spans, whose lengths have two bytes
                    high, start = request[start], start + 1
                    size = size & 0x7F | high << 7
                    if high & 0x80:
                        size, start = varint(request, at + 1)
                note(request[start + 2 : start + 18])
                at = start + size
                number += 1
            if at != end:
                raise UnreadableRequest("a field is longer than what it is in")
    return Glimpse(number, traces)


def spans_in(resources: list[FramedResource]) -> Iterator[tuple[FramedResource, FramedScope, FramedSpan]]:
    """Yields each span with its resource and its scope."""
    for resource in resources:
        for scope in resource.scopes:
            for span in scope.spans:
                yield resource, scope, span


def requests_by_trace(
    request: bytes, resources: list[FramedResource], wanted: Container[bytes]
) -> dict[bytes, tuple[bytes, int]]:
    """Returns, for each wanted trace, a request with its spans only, and how many these are.

    Raises:
        UnreadableRequest: if they would be larger together than `MAX_CUT_BYTES`.
    """
    left = MAX_CUT_BYTES
    found: dict[bytes, list[bytes]] = {}
    numbers: dict[bytes, int] = {}
    for resource in resources:
        scopes: dict[bytes, list[bytes]] = {}
        for scope in resource.scopes:
            spans: dict[bytes, list[bytes]] = {}
            for field, _, last, trace in scope.spans:
                if trace in wanted:
                    spans.setdefault(trace, []).append(request[field:last])
            for trace, several in spans.items():
                numbers[trace] = numbers.get(trace, 0) + len(several)
                inner = field_of_length(SCOPE_SPANS, scope.head + b"".join(several))
                if (left := left - len(inner)) < 0:
                    raise too_large_cut()
                scopes.setdefault(trace, [resource.head]).append(inner)
        if (left := left - len(scopes) * len(resource.head)) < 0:
            raise too_large_cut()
        for trace, parts in scopes.items():
            found.setdefault(trace, []).append(field_of_length(RESOURCE_SPANS, b"".join(parts)))
    return {trace: (b"".join(parts), numbers[trace]) for trace, parts in found.items()}


def request_of_span(request: bytes, resource: FramedResource, scope: FramedScope, span: FramedSpan) -> bytes:
    """Returns a request with one span alone."""
    return request_of_spans(resource.head, scope.head, request[span.field : span.last])


def request_of_spans(resource: bytes, scope: bytes, spans: bytes) -> bytes:
    """Returns a request with these fields of a resource, of a scope, and of spans."""
    return field_of_length(RESOURCE_SPANS, resource + field_of_length(SCOPE_SPANS, scope + spans))


def field_of_length(tag: int, content: bytes) -> bytes:
    """Returns a field of a message: its tag of one byte, its length, its content."""
    length = len(content)
    head = bytearray((tag,))
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + content
