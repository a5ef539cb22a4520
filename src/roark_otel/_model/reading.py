"""Converts the values of attributes, which may have any type.

The SDK before 1.45 drops values of other types than it documents, later ones let any value through, and a length limit
may cut JSON in the middle. These functions return None for an invalid value, or raise `ValueError` where documented.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from roark_otel._model.cut_marks import MAX_KEPT, kept

MAX_LEVELS: Final = 64
"""The most levels of a JSON value."""

MAX_DURATION_MS = 7 * 24 * 3600 * 1000
"""The longest duration of a call, in ms. A longer one was measured in another unit."""

MAX_LITERAL: Final = 16_384
"""The longest text, in characters, that is read as a Python literal: as costly as JSON of `MAX_JSON`."""

MAX_NODES: Final = 163_840
"""The most values in a JSON value, 16 characters counting as one, which is more than a text of `MAX_JSON` can hold.
What follows is left out, with a mark: a value that contains others many times over would never end."""

_CHARACTERS: Final = 16
_IN_SCALAR: Final = 4_096

MAX_JSON: Final = 262_144
"""The longest JSON text, in characters, that is parsed in one call, in which no other thread runs.

Longer arguments and results of tools stay text. Of longer items of lists texts are cut, or they are left out.
"""

_REST: Final = "…"
_ATOMS = frozenset({bool, type(None)})
_CONTAINERS = frozenset({dict, list})
_TEXT = frozenset({str})

_DECODER = json.JSONDecoder()
_BLANK = " \t\n\r"
_FOREIGN_ESCAPE = re.compile(r"""\\(?!\\|['"nrtxuU])""")
_MIN_WHOLE, _MAX_WHOLE = -(2**63), 2**64 - 1


def text(value: object) -> str | None:
    """Returns text stripped and as `unicode_text` has it; None for anything else, and for blank text."""
    if not isinstance(value, str):
        return None
    return (value if len(value) <= MAX_KEPT and value.isascii() else unicode_text(value)).strip() or None


def identifier(value: object) -> str | None:
    """Returns an id as text, which some sources give as a number; None for anything else, and for blank text."""
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return text(str(json_value(whole))) if isinstance(whole, int) and not isinstance(whole, bool) else text(whole)


def unicode_text(value: str) -> str:
    """Replaces every lone surrogate, which JSON cannot carry. What is longer than is ever sent is cut with a mark."""
    value = kept(value)
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def number(value: object) -> float | None:
    """Returns a finite number, also from text; None for anything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def flag(value: object) -> bool | None:
    """Returns a boolean, also from the text `true` or `false` in any case; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def json_object(value: object) -> dict[str, object]:
    """Returns a mapping, or JSON text of one, as an object that JSON can carry.

    Raises:
        ValueError: the value is neither, or longer than `MAX_JSON`. The message explains why, without the value.
    """
    found = parsed(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise ValueError("not a JSON object")
    return cast("dict[str, object]", json_value(cast("object", found)))


def parsed(value: str) -> object:
    """Parses JSON text of at most `MAX_JSON` characters.

    Raises:
        ValueError: the text is not JSON, or longer.
    """
    if len(value) > MAX_JSON:
        raise ValueError(f"longer than {MAX_JSON} characters")
    written = value.strip(_BLANK)
    try:
        # As `json.loads`, which takes three times as long for short text.
        found, end = cast("tuple[object, int]", _DECODER.raw_decode(written))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if end != len(written):
        raise ValueError("not JSON")
    return found


def literal(text: str) -> object | None:
    """Returns the value of a Python literal, such as the `repr` of a dict; None if it is not one, or too long."""
    # `repr` writes no other escapes, and Python warns of them on standard error.
    if len(text) > MAX_LITERAL or _FOREIGN_ESCAPE.search(text):
        return None
    try:
        return cast("object", ast.literal_eval(text.strip()))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def json_or_text(value: object) -> object:
    """Parses JSON text of at most `MAX_JSON` characters; returns any other value as one that JSON can carry."""
    if isinstance(value, str):
        try:
            return json_value(parsed(value))
        except ValueError:
            return unicode_text(value)
    return json_value(value)


def scalar(value: object) -> str | int | float | bool:
    """Returns the value as a scalar. Anything else becomes JSON text."""
    clean = json_value(value, _IN_SCALAR)
    return clean if isinstance(clean, (str, int, float, bool)) else json.dumps(clean, ensure_ascii=False)


def json_value(value: object, most: int = MAX_NODES) -> object:
    """Converts any value to one that JSON can carry: NaN becomes None, bytes and unknown objects become text.

    At most 64 levels and `most` values of it; "…" stands for the rest.
    """
    return _json_value(value, 0, [most])


def _json_value(value: object, depth: int, left: list[int]) -> object:
    left[0] -= 1
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if _MIN_WHOLE <= value <= _MAX_WHOLE else _long_whole(value)
    if isinstance(value, str):
        left[0] -= min(len(value), MAX_KEPT) // _CHARACTERS
        return unicode_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bytes, bytearray)):
        return _decoded(value)
    if depth >= MAX_LEVELS:
        return _REST
    if isinstance(value, Mapping):
        found: dict[str, object] = {}
        for key, item in cast("Mapping[object, object]", value).items():
            if left[0] <= 0:
                found[_REST] = _REST
                break
            name = _name(key)
            left[0] -= len(name) // _CHARACTERS
            found[name] = _json_value(item, depth + 1, left)
        return found
    if isinstance(value, Sequence):
        several: list[object] = []
        for item in cast("Sequence[object]", value):
            if left[0] <= 0:
                several.append(_REST)
                break
            several.append(_json_value(item, depth + 1, left))
        return several
    return unicode_text(type(value).__name__)


def _decoded(value: bytes | bytearray) -> str:
    text = bytes(value[:MAX_KEPT]).decode("utf-8", "replace")
    return text if len(value) <= MAX_KEPT else f"{text}… [cut, {len(value)} bytes]"


def _name(key: object) -> str:
    """Returns the name of a field: the key as text, if that can be had."""
    try:
        return unicode_text(key if isinstance(key, str) else str(key))
    except Exception:  # noqa: BLE001 - a key may be an object of any class, or an integer too long to be written
        return type(key).__name__


def _long_whole(value: int) -> str:
    """Writes an integer that most readers of JSON would change as text; of one that is too long, only its length."""
    try:
        return str(value)
    except ValueError:  # `sys.set_int_max_str_digits`, 4,300 by default
        return f"[an integer of {value.bit_length()} bits]"


def is_sound(value: object) -> bool:
    """Returns whether `json_value` surely leaves a value as it is: nearly every one that was parsed from JSON."""
    return _is_sound(value, 0, [MAX_NODES])


def _is_sound(value: object, depth: int, left: list[int]) -> bool:
    kind = type(value)
    if kind is str:
        return len(value) <= MAX_KEPT and (value.isascii() or value == unicode_text(value))  # type: ignore[attr-defined, arg-type]
    if kind in _ATOMS:
        return True
    if kind is int:
        return _MIN_WHOLE <= value <= _MAX_WHOLE  # type: ignore[operator]
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    if depth >= MAX_LEVELS or kind not in _CONTAINERS:
        return False
    inside: Any = value
    left[0] -= len(inside) + 1
    if left[0] < 0:
        return False
    if kind is dict:
        if not (_TEXT.issuperset(map(type, inside)) and "".join(inside).isascii()):
            return False
        inside = inside.values()
    for item in inside:
        if type(item) is str and len(item) <= MAX_KEPT and item.isascii():
            continue
        if not _is_sound(item, depth + 1, left):
            return False
    return True


def flaw(value: object) -> str | None:
    """Returns why JSON cannot carry the value unchanged, so that `json_value` changes it; None if it can."""
    return _flaw(value, 0, [MAX_NODES])


def _flaw(value: object, depth: int, left: list[int]) -> str | None:
    left[0] -= 1
    if left[0] < 0:
        return f"more than {MAX_NODES} values"
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if _MIN_WHOLE <= value <= _MAX_WHOLE else "an integer of more than 64 bits"
    if isinstance(value, str):
        return None if len(value) > MAX_KEPT or value == unicode_text(value) else "lone surrogates"
    if isinstance(value, float):
        return None if math.isfinite(value) else "not a finite number"
    if isinstance(value, (bytes, bytearray)):
        return "binary"
    if depth >= MAX_LEVELS:
        return "nested too deeply"
    if isinstance(value, Mapping):
        inside = (one for item in cast("Mapping[object, object]", value).items() for one in item)
    elif isinstance(value, Sequence):
        inside = (one for one in cast("Sequence[object]", value))
    else:
        return "not a JSON value"
    return next((found for one in inside if (found := _flaw(one, depth + 1, left)) is not None), None)
