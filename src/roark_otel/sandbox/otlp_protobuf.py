"""Decodes OTLP traces from protobuf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from roark_otel.sandbox.spans import EXTERNAL_ID_KEY, ROOM_ID_KEY, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# protobuf ships no types, so these protocols describe the fields that are read.
class _Value(Protocol):
    string_value: str

    def HasField(self, name: str) -> bool: ...  # noqa: N802 - protobuf's name


class _Attribute(Protocol):
    key: str
    value: _Value


class _Resource(Protocol):
    attributes: Iterable[_Attribute]


class _Span(Protocol):
    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    start_time_unix_nano: int
    end_time_unix_nano: int
    attributes: Iterable[_Attribute]


class _ScopeSpans(Protocol):
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
                yield _span(span, shared)


def _span(span: _Span, shared: dict[str, str]) -> Span:
    attributes = {**shared, **_attributes(span.attributes)}
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        external_id=attributes.get(EXTERNAL_ID_KEY),
        room_id=attributes.get(ROOM_ID_KEY),
    )


def _attributes(attributes: Iterable[_Attribute]) -> dict[str, str]:
    return {
        attribute.key: attribute.value.string_value
        for attribute in attributes
        if attribute.key in (EXTERNAL_ID_KEY, ROOM_ID_KEY) and attribute.value.HasField("string_value")
    }
