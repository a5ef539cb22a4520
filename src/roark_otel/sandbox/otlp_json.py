"""Decodes OTLP traces from JSON.

By hand, because protobuf's own JSON reader expects ids in base64, while OTLP writes them in hex.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from roark_otel.sandbox.json_values import JsonObject, parse_object
from roark_otel.sandbox.spans import EXTERNAL_ID_KEY, ROOM_ID_KEY, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEX = re.compile(r"[0-9a-fA-F]*")
_DIGITS = re.compile(r"[0-9]{1,20}")


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
            for span in _objects(scope_spans, "spans"):
                yield _span(span, shared)


def _span(span: JsonObject, shared: dict[str, str]) -> Span:
    attributes = {**shared, **_attributes(span)}
    return Span(
        trace_id=_hex(span, "traceId"),
        span_id=_hex(span, "spanId"),
        parent_span_id=_hex(span, "parentSpanId"),
        name=_text(span, "name"),
        start_ns=_unsigned(span, "startTimeUnixNano"),
        end_ns=_unsigned(span, "endTimeUnixNano"),
        external_id=attributes.get(EXTERNAL_ID_KEY),
        room_id=attributes.get(ROOM_ID_KEY),
    )


def _attributes(holder: JsonObject) -> dict[str, str]:
    found: dict[str, str] = {}
    for attribute in _objects(holder, "attributes"):
        key, value = _text(attribute, "key"), _object(attribute, "value")
        if key in (EXTERNAL_ID_KEY, ROOM_ID_KEY) and "stringValue" in value:
            found[key] = _text(value, "stringValue")
    return found


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
