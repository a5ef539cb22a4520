"""Decodes OTLP traces from protobuf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from roark_otel.sandbox.otlp_values import (
    DEEPEST,
    SPAN_KINDS,
    STATUS_CODES,
    TOO_DEEP,
    kept_bytes,
    kept_number,
    kept_text,
    named,
)
from roark_otel.sandbox.spans import EXTERNAL_ID_KEY, ROOM_ID_KEY, Span, carried

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel.sandbox.json_values import JsonObject


# protobuf ships no types, so these protocols describe the fields that are read.
class _Value(Protocol):
    string_value: str
    bool_value: bool
    int_value: int
    double_value: float
    bytes_value: bytes
    array_value: _Values
    kvlist_value: _Pairs

    def WhichOneof(self, name: str) -> str | None: ...  # noqa: N802 - protobuf's name


class _Values(Protocol):
    values: Iterable[_Value]


class _Pairs(Protocol):
    values: Iterable[_Attribute]


class _Attribute(Protocol):
    key: str
    value: _Value


class _Resource(Protocol):
    attributes: Iterable[_Attribute]


class _Status(Protocol):
    code: int
    message: str


class _Event(Protocol):
    name: str
    time_unix_nano: int
    attributes: Iterable[_Attribute]


class _Span(Protocol):
    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    kind: int
    start_time_unix_nano: int
    end_time_unix_nano: int
    attributes: Iterable[_Attribute]
    events: Iterable[_Event]
    status: _Status


class _Scope(Protocol):
    name: str


class _ScopeSpans(Protocol):
    scope: _Scope
    spans: Iterable[_Span]


class _ResourceSpans(Protocol):
    resource: _Resource
    scope_spans: Iterable[_ScopeSpans]


class _Request(Protocol):
    resource_spans: Iterable[_ResourceSpans]

    def ParseFromString(self, body: bytes) -> int: ...  # noqa: N802 - protobuf's name


def decode_protobuf(body: bytes) -> list[Span]:
    """Decodes the spans of an export request.

    Raises:
        ValueError: The body is not an export request.
    """
    request = cast("_Request", ExportTraceServiceRequest())
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise ValueError(f"the body is not an OTLP trace export: {error}") from error
    return list(_spans(request))


def accepted(rejected: int, message: str) -> bytes:
    """Encodes the answer to an export, with a partial success if spans were rejected."""
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = message
    return bytes(response.SerializeToString())


def status(code: int, message: str) -> bytes:
    """Encodes a `google.rpc.Status` by hand: two fields are not worth a dependency on the package that defines it."""
    text = message.encode("utf-8")
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _spans(request: _Request) -> Iterator[Span]:
    for resource_spans in request.resource_spans:
        shared = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _span(span, shared, scope_spans.scope.name)


def _span(span: _Span, shared: JsonObject, scope: str) -> Span:
    attributes = _attributes(span.attributes)
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        external_id=carried(EXTERNAL_ID_KEY, attributes, shared),
        room_id=carried(ROOM_ID_KEY, attributes, shared),
        kind=named(SPAN_KINDS, span.kind),
        scope=kept_text(scope),
        status_code=named(STATUS_CODES, span.status.code),
        status_message=kept_text(span.status.message),
        attributes=attributes,
        events=[
            {
                "name": kept_text(event.name),
                "atNs": event.time_unix_nano,
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ],
    )


def _attributes(attributes: Iterable[_Attribute], levels: int = DEEPEST) -> JsonObject:
    return {attribute.key: _value(attribute.value, levels) for attribute in attributes}


def _value(value: _Value, levels: int) -> object:
    if levels == 0:
        return TOO_DEEP
    match value.WhichOneof("value"):
        case "string_value":
            return kept_text(value.string_value)
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return kept_number(value.double_value)
        case "array_value":
            return [_value(one, levels - 1) for one in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values, levels - 1)
        case "bytes_value":
            return kept_bytes(value.bytes_value)
        case _:
            return None
