"""Reads a call that may have come from anywhere, a file or another version. What is of another type is left out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

Json: TypeAlias = "Mapping[str, Any]"

_LONGEST_OFFSET: Final = 2**53
"""The largest integer that every reader of JSON has exactly."""

_LARGEST_BITS: Final = 1024
"""A number of more bits is infinite for readers of JSON that have floats alone."""


def entries(body: Json, key: str) -> list[Json]:
    """Returns the objects of a list."""
    found = body.get(key)
    if not isinstance(found, Sequence) or isinstance(found, (str, bytes)):
        return []
    return [cast("Json", one) for one in cast("Sequence[object]", found) if isinstance(one, Mapping)]


def part(body: Json, key: str) -> Json:
    """Returns an object; an empty one if there is none."""
    found = body.get(key)
    return cast("Json", found) if isinstance(found, Mapping) else {}


def text(body: Json, key: str) -> str:
    """Returns a text; an empty one if there is none."""
    found = body.get(key)
    return found if isinstance(found, str) else ""


def offset(body: Json, key: str) -> int | None:
    """Returns an offset in ms, None if there is none."""
    found = body.get(key)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return int(found) if -_LONGEST_OFFSET < found < _LONGEST_OFFSET else None


def start(entry: Json) -> int:
    """Returns when an entry or a tool use starts, in ms; 0 if that is not known."""
    return offset(entry, "startOffsetMs") or 0


def end(entry: Json) -> int:
    """Returns when it ends, in ms; when it starts if that is not known."""
    found = offset(entry, "endOffsetMs")
    return start(entry) if found is None else max(start(entry), found)


def failed(use: Json) -> bool:
    """Returns whether a tool use failed: its result is an object with an error. `"error": null` does not count."""
    return bool(part(use, "result").get("error"))


def finite(value: object) -> object:
    """Returns a value whose numbers JSON can have. What is infinite, or has thousands of digits, becomes None."""
    if isinstance(value, int):
        return value if value.bit_length() <= _LARGEST_BITS else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(one) for key, one in cast("Mapping[str, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in cast("Sequence[object]", value)]
    return value


def in_line(value: object) -> str:
    """Writes a value as JSON in one line. Whatever does something to a terminal is escaped."""
    try:
        written = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # Python writes no integer of several thousand digits
        written = json.dumps(finite(value), ensure_ascii=False, default=str)
    return printable(written)


def printable(words: str) -> str:
    """Returns words in one line: line feeds, control characters, bidi overrides and lone surrogates are escaped."""
    if words.isprintable():
        return words
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in words)
