"""Parses JSON strictly, and reads bodies that the schema has approved with types."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

JsonObject: TypeAlias = dict[str, object]


# Python reads and writes about a thousand levels, and how many exactly depends on who calls.
_DEEPEST = 500


class NotJsonError(ValueError):
    """The text is not JSON as RFC 8259 defines it."""


def parse(body: bytes) -> object:
    """Parses UTF-8 JSON. Python's extensions of JSON (NaN, Infinity) are refused.

    Raises:
        NotJsonError: The bytes are not JSON.
    """
    try:
        # A lone surrogate survives parsing, but can be neither stored nor answered, hence the second encode.
        text = body.decode("utf-8")
        value: object = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        if text.count("[") + text.count("{") > _DEEPEST:
            _refuse_depth(value)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise NotJsonError(f"the body is not valid JSON: {error}") from error
    return value


def parse_object(body: bytes) -> JsonObject:
    """Parses a JSON object.

    Raises:
        NotJsonError: The bytes are not a JSON object.
    """
    value = parse(body)
    if not isinstance(value, dict):
        raise NotJsonError("the body is not a JSON object")
    return cast("JsonObject", value)


def object_at(parent: JsonObject, key: str) -> JsonObject:
    """Returns the object under a key; an empty one if the key is missing."""
    value = parent.get(key)
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def objects_at(parent: JsonObject, key: str) -> list[JsonObject]:
    """Returns the array of objects under a key; an empty one if the key is missing."""
    value = parent.get(key)
    return cast("list[JsonObject]", value) if isinstance(value, list) else []


def text_at(parent: JsonObject, key: str) -> str | None:
    """Returns the string under a key; None if the key is missing."""
    value = parent.get(key)
    return value if isinstance(value, str) else None


def int_at(parent: JsonObject, key: str) -> int | None:
    """Returns the integer under a key, which JSON may also write as 3.0; None if the key is missing."""
    value = parent.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a JSON number")


def _refuse_depth(value: object) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
    if level:
        raise ValueError(f"it has more than {_DEEPEST} levels")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("JsonObject", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal} is out of range")
    return number
