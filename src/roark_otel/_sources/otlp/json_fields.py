"""The fields of OTLP's JSON, in every spelling that is in use.

What is of another type raises `UnreadableRequest`, whose message names the field and quotes nothing.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, cast

from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._sources.otlp.meaning import SPAN_ID_BYTES, TRACE_ID_BYTES, id_number, parent_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, object]


def ids_of(span: Json) -> tuple[int, int, int | None]:
    """Returns the ids of a span's trace, of itself, and of the span above; None of a root."""
    return (
        id_number(_id(span, "traceId", TRACE_ID_BYTES), TRACE_ID_BYTES),
        id_number(_id(span, "spanId", SPAN_ID_BYTES), SPAN_ID_BYTES),
        parent_id(_id(span, "parentSpanId", SPAN_ID_BYTES)),
    )


def _id(holder: Json, name: str, length: int) -> bytes:
    """Reads an id: hex, or base64 as protobuf writes it. The two never have the same length."""
    text = text_of(holder, name)
    if len(text) != 2 * length:
        return _decoded(text, f"{name} is neither hex nor base64")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UnreadableRequest(f"{name} is not hex") from None


def string(value: object, _: int = 0) -> str:
    """Returns a `stringValue`."""
    if not isinstance(value, str):
        raise UnreadableRequest("a stringValue is not text")
    return value


def boolean(value: object, _: int = 0) -> bool:
    """Returns a `boolValue`."""
    if not isinstance(value, bool):
        raise UnreadableRequest("a boolValue is not true or false")
    return value


def integer(value: object, _: int = 0) -> int:
    """Returns an `intValue`, which may be text: JSON's numbers do not hold 64 bits."""
    try:
        if isinstance(value, str):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():  # 1e3 is one as well
            return int(value)
    except ValueError:
        pass
    raise UnreadableRequest("an intValue is not an integer")


def double(value: object, _: int = 0) -> float:
    """Returns a `doubleValue`, which may be text, as NaN and infinity are."""
    try:
        if isinstance(value, (int, float, str)):
            return float(value)  # also "NaN" and "Infinity"
    except OverflowError:
        raise UnreadableRequest("a number is out of range") from None
    except ValueError:
        pass
    raise UnreadableRequest("a doubleValue is not a number")


def bytes_of(value: object, _: int = 0) -> bytes:
    """Returns a `bytesValue`."""
    return _decoded(string(value), "a bytesValue is not base64")


def _decoded(text: str, why: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableRequest(why) from None


def number_of(holder: Json, name: str) -> int:
    """Returns a field that is an integer; 0 if there is none."""
    value = field_of(holder, name)
    try:
        return 0 if value is None else integer(value)
    except UnreadableRequest:
        raise UnreadableRequest(f"{name} is not an integer") from None


def text_of(holder: Json, name: str) -> str:
    """Returns a field that is text; empty text if there is none."""
    value = field_of(holder, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableRequest(f"{name} is not text")
    return value


def objects_of(holder: Json, name: str) -> list[Json]:
    """Returns a field that is a list of objects; an empty list if there is none."""
    value = field_of(holder, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableRequest(f"{name} is not a list")
    return [as_object(one, name) for one in cast("list[object]", value)]


def object_of(holder: Json, name: str) -> Json:
    """Returns a field that is an object; an empty one if there is none."""
    value = field_of(holder, name)
    return {} if value is None else as_object(value, name)


def as_object(value: object, name: str) -> Json:
    """Returns a value that is an object."""
    if not isinstance(value, dict):
        raise UnreadableRequest(f"{name} is not an object")
    return cast("Json", value)


def field_of(holder: Json, name: str) -> object:
    """Returns a field, by its name in camelCase or snake_case; None if there is none."""
    value = holder.get(name)
    return value if value is not None else holder.get(_SNAKE[name])


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name)


_SNAKE: Final = {
    name: _snake(name)
    for name in (
        "arrayValue",
        "attributes",
        "boolValue",
        "bytesValue",
        "doubleValue",
        "droppedEventsCount",
        "endTimeUnixNano",
        "events",
        "flags",
        "intValue",
        "key",
        "kvlistValue",
        "message",
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
        "stringValue",
        "timeUnixNano",
        "traceId",
        "value",
        "values",
    )
}
