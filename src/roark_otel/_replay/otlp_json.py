"""OTLP traces as JSON, as the Collector's file exporter writes them: one export request.

Decoded by hand, after the OTLP specification's section on JSON: ids are hex in any case, 64-bit numbers are text or
numbers, enums are numbers, unknown fields are ignored. Base64 ids, names in snake_case and enums by name, which
protobuf's own JSON writer produces, are read as well. Pure.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, cast

from roark_otel._model.rows import SpanEvent, SpanView
from roark_otel._replay.gathering import RecordedSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Json = Mapping[str, object]

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200
# Tuples, because what is looked up in them may be a list.
_REMOTE_KINDS: Final = (2, 5, "SPAN_KIND_SERVER", "SPAN_KIND_CONSUMER")
_ERRORS: Final = (2, "STATUS_CODE_ERROR")


def spans_of_request(request: Json) -> Iterator[RecordedSpan]:
    """Reads the spans of an export request. Requests of logs and metrics have none.

    Raises:
        ValueError: if it is not an export request; the message says where, and quotes nothing of it.
    """
    for resource_spans in _objects(request, "resourceSpans"):
        resource = _attributes(_object(resource_spans, "resource"))
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            scope = _text(_object(scope_spans, "scope"), "name")
            for span in _objects(scope_spans, "spans"):
                yield _span(span, scope, resource)


def _span(span: Json, scope: str, resource: Json) -> RecordedSpan:
    record = SpanView(
        trace_id=_id(span, "traceId", _TRACE_ID_BYTES),
        span_id=_id(span, "spanId", _SPAN_ID_BYTES),
        parent_id=_id(span, "parentSpanId", _SPAN_ID_BYTES) or None,
        scope=scope,
        name=_text(span, "name"),
        start_ns=_number(span, "startTimeUnixNano"),
        end_ns=_number(span, "endTimeUnixNano"),
        attributes=_attributes(span),
        events=tuple(_event(event) for event in _objects(span, "events")),
        dropped_events=_number(span, "droppedEventsCount"),
        error=_object(span, "status").get("code") in _ERRORS,
        resource=resource,
    )
    if not record.trace_id or not record.span_id:
        raise ValueError("a span has no id")
    return RecordedSpan(record, _has_remote_parent(span))


def _has_remote_parent(span: Json) -> bool:
    flags = _number(span, "flags")
    if flags & _HAS_IS_REMOTE:
        return bool(flags & _IS_REMOTE)
    return span.get("kind") in _REMOTE_KINDS


def _event(event: Json) -> SpanEvent:
    return SpanEvent(_text(event, "name"), _number(event, "timeUnixNano"), _attributes(event))


def _attributes(holder: Json) -> dict[str, object]:
    return {_text(one, "key"): _value(_object(one, "value")) for one in _objects(holder, "attributes")}


def _value(value: Json) -> object:
    """Returns what an `AnyValue` holds; None if it holds nothing."""
    for name, read in _VALUES.items():
        if (found := _field(value, name)) is not None:
            return read(found)
    return None


def _any(value: object) -> object:
    return value


def _integer(value: object) -> int:
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        return int(value)
    raise ValueError("not an integer")


def _double(value: object) -> float:
    if not isinstance(value, (int, float, str)):
        raise ValueError("not a number")
    try:
        return float(value)  # also "NaN" and "Infinity"
    except OverflowError:
        raise ValueError("a number is out of range") from None


def _array(value: object) -> list[object]:
    return [_value(one) for one in _objects(_as_object(value, "an array"), "values")]


def _mapping(value: object) -> dict[str, object]:
    return {_text(one, "key"): _value(_object(one, "value")) for one in _objects(_as_object(value, "a list"), "values")}


def _bytes(value: object) -> bytes:
    return _decoded(value if isinstance(value, str) else "")


_VALUES: Final[Mapping[str, Callable[[object], object]]] = {
    "stringValue": _any,
    "boolValue": bool,
    "intValue": _integer,
    "doubleValue": _double,
    "arrayValue": _array,
    "kvlistValue": _mapping,
    "bytesValue": _bytes,
}


def _id(holder: Json, name: str, length: int) -> int:
    """Reads an id: hex, or base64 as protobuf writes it. The two never have the same length."""
    text = _text(holder, name)
    if not text:
        return 0
    if len(text) == 2 * length:
        return int(text, 16)
    found = _decoded(text)
    if len(found) != length:
        raise ValueError(f"{name} is not {length} bytes long")
    return int.from_bytes(found, "big")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("neither hex nor base64") from None


def _number(holder: Json, name: str) -> int:
    value = _field(holder, name)
    return 0 if value is None else _integer(value)


def _text(holder: Json, name: str) -> str:
    value = _field(holder, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} is not text")
    return value


def _object(holder: Json, name: str) -> Json:
    value = _field(holder, name)
    return {} if value is None else _as_object(value, name)


def _objects(holder: Json, name: str) -> list[Json]:
    value = _field(holder, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name} is not a list")
    return [_as_object(one, name) for one in cast("list[object]", value)]


def _as_object(value: object, name: str) -> Json:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return cast("Json", value)


def _field(holder: Json, name: str) -> object:
    value = holder.get(name)
    return value if value is not None else holder.get(_SNAKE[name])


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name)


_SNAKE: Final = {
    name: _snake(name)
    for name in (
        "attributes",
        "droppedEventsCount",
        "endTimeUnixNano",
        "events",
        "flags",
        "key",
        "name",
        "parentSpanId",
        "resource",
        "resourceSpans",
        "scope",
        "scopeSpans",
        "spanId",
        "spans",
        "startTimeUnixNano",
        "status",
        "timeUnixNano",
        "traceId",
        "value",
        "values",
        *_VALUES,
    )
}
