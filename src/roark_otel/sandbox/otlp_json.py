"""Decodes OTLP traces from JSON.

By hand, because protobuf's own JSON reader expects ids in base64, while OTLP writes them in hex.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from roark_otel.sandbox.json_values import JsonObject, parse_object
from roark_otel.sandbox.otlp_values import DEEPEST, SPAN_KINDS, STATUS_CODES, TOO_DEEP, kept_text, named
from roark_otel.sandbox.spans import EXTERNAL_ID_KEY, ROOM_ID_KEY, Span, carried

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEX = re.compile(r"[0-9a-fA-F]*")
_DIGITS = re.compile(r"[0-9]{1,20}")
_SIGNED = re.compile(r"-?[0-9]{1,20}")


def decode_json(body: bytes) -> list[Span]:
    """Decodes the spans of an export request.

    Raises:
        ValueError: The body is not an export request.
    """
    return list(_spans(parse_object(body)))


def _spans(request: JsonObject) -> Iterator[Span]:
    for resource_spans in _objects(request, "resourceSpans"):
        shared = _attributes(_object(resource_spans, "resource"))
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            scope = _text(_object(scope_spans, "scope"), "name")
            for span in _objects(scope_spans, "spans"):
                yield _span(span, shared, scope)


def _span(span: JsonObject, shared: JsonObject, scope: str) -> Span:
    attributes = _attributes(span)
    status = _object(span, "status")
    return Span(
        trace_id=_hex(span, "traceId"),
        span_id=_hex(span, "spanId"),
        parent_span_id=_hex(span, "parentSpanId"),
        name=_text(span, "name"),
        start_ns=_unsigned(span, "startTimeUnixNano"),
        end_ns=_unsigned(span, "endTimeUnixNano"),
        external_id=carried(EXTERNAL_ID_KEY, attributes, shared),
        room_id=carried(ROOM_ID_KEY, attributes, shared),
        kind=_word(SPAN_KINDS, span.get("kind"), "SPAN_KIND_"),
        scope=kept_text(scope),
        status_code=_word(STATUS_CODES, status.get("code"), "STATUS_CODE_"),
        status_message=kept_text(_text(status, "message")),
        attributes=attributes,
        events=[_event(event) for event in _objects(span, "events")],
    )


def _event(event: JsonObject) -> JsonObject:
    return {
        "name": kept_text(_text(event, "name")),
        "atNs": _unsigned(event, "timeUnixNano"),
        "attributes": _attributes(event),
    }


def _attributes(holder: JsonObject) -> JsonObject:
    return {
        _text(attribute, "key"): _value(_object(attribute, "value"), DEEPEST)
        for attribute in _objects(holder, "attributes")
    }


def _value(value: JsonObject, levels: int) -> object:
    if levels == 0:
        return TOO_DEEP
    if "stringValue" in value:
        return kept_text(_text(value, "stringValue"))
    if "intValue" in value:
        return _integer(value["intValue"])
    if "arrayValue" in value:
        return [_value(one, levels - 1) for one in _objects(_object(value, "arrayValue"), "values")]
    if "kvlistValue" in value:
        pairs = _objects(_object(value, "kvlistValue"), "values")
        return {_text(one, "key"): _value(_object(one, "value"), levels - 1) for one in pairs}
    if "bytesValue" in value:
        return {"base64": kept_text(_text(value, "bytesValue"))}
    other = value.get("boolValue", value.get("doubleValue"))
    return other if isinstance(other, bool | int | float | str) else None


def _integer(value: object) -> object:
    # 64-bit numbers come as decimal strings; anything else stays as it is.
    return int(value) if isinstance(value, str) and _SIGNED.fullmatch(value) else value


def _word(words: tuple[str, ...], value: object, prefix: str) -> str:
    """Reads a number or, as some exporters write it, the name of the constant."""
    if isinstance(value, str):
        word = value.removeprefix(prefix).lower()
        return word if word in words else words[0]
    return named(words, value) if isinstance(value, int) else words[0]


def _objects(parent: JsonObject, key: str) -> list[JsonObject]:
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in cast("list[object]", value)):
        raise ValueError(f"{key} is not a list of objects")
    return cast("list[JsonObject]", value)


def _object(parent: JsonObject, key: str) -> JsonObject:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{key} is not an object")
    return cast("JsonObject", value)


def _text(parent: JsonObject, key: str) -> str:
    value = parent.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a string")
    return value


def _hex(parent: JsonObject, key: str) -> str:
    text = _text(parent, key)
    if not _HEX.fullmatch(text):
        raise ValueError(f"{key} is not hex")
    return text.lower()


def _unsigned(parent: JsonObject, key: str) -> int:
    value = parent.get(key)
    # 64-bit numbers come as decimal strings, because JavaScript cannot represent them, or as numbers.
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if value is None:
        return 0
    raise ValueError(f"{key} is not an unsigned number")
