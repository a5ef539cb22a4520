"""Writes the body of a call as JSON, piece by piece, whatever is in it.

A body is a dict in Roark's names. What JSON cannot carry becomes the nearest value that it can carry. A field for which
there is none, such as a list that contains itself, is left out.
"""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from pydantic_core import to_json as dumps

from roark_otel._model import reading
from roark_otel._model.steps import STEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from roark_otel._model.steps import Pause

Entries: TypeAlias = "Sequence[Mapping[str, Any]]"
"""The elements of a list in a body."""

MAX_PIECE: Final = 65_536
"""The most characters of text in one piece, unless one entry alone has more."""

_text = itemgetter("text")


def to_json(body: Mapping[str, object], pause: Pause) -> bytes:
    """Writes a body as UTF-8, and calls `pause` between pieces of at most 64 entries. Never raises."""
    pieces: list[bytes] = []
    few: dict[str, object] = {}
    for name, value in body.items():
        if isinstance(value, list):
            pieces += _fields(few)
            pieces.append(b"%b:[%b]" % (dumps(name), b",".join(_pieces(cast("Entries", value), pause))))
            few = {}
        else:
            few[name] = value
    return b"{%b}" % b",".join([*pieces, *_fields(few)])


def _fields(few: Mapping[str, object]) -> tuple[bytes, ...]:
    """Writes fields that are no lists: together if JSON can carry all of them."""
    if not few:
        return ()
    try:
        return (dumps(few, inf_nan_mode="null")[1:-1],)
    except Exception:  # noqa: BLE001 - as below
        return tuple([b"%b:%b" % (dumps(name), _json_of(value)[1:-1]) for name, value in few.items()])


def plain(body: Mapping[str, object], pause: Pause) -> dict[str, Any]:
    """Returns a body of plain JSON values: what parsing its JSON gives."""
    return {
        name: [one for piece in _pieces(cast("Entries", value), pause) for one in json.loads(b"[%b]" % piece)]
        if isinstance(value, list)
        else json.loads(_json_of(value))[0]
        for name, value in body.items()
    }


def _pieces(values: Entries, pause: Pause) -> Iterator[bytes]:
    """Writes the elements of a list, several to a piece."""
    for several in _together(values):
        yield _json_of(*several)[1:-1]
        pause()


def _together(values: Entries) -> Iterator[Entries]:
    """Divides entries into short lists. One of many long texts is alone in its list, as is a tool invocation."""
    for first in range(0, len(values), STEP):
        several = values[first : first + STEP]
        if _have_short_texts(several):
            yield several
        else:
            yield from ((value,) for value in several)


def _have_short_texts(several: Entries) -> bool:
    try:
        return sum(map(len, map(_text, several))) <= MAX_PIECE
    except KeyError:
        return False  # tool invocations have none, and may be long


def _json_of(*values: object) -> bytes:
    """Writes a list of these values."""
    try:
        return dumps(values, inf_nan_mode="null")
    except Exception:  # noqa: BLE001 - a value may be an object of any class
        return dumps([value if _is_json(value) else _nearest(value) for value in values], inf_nan_mode="null")


def _is_json(value: object) -> bool:
    try:
        dumps(value)
    except Exception:  # noqa: BLE001 - see above
        return False
    return True


def _nearest(value: object) -> object:
    """Returns the nearest value that JSON can carry, without the fields of an object for which there is none."""
    if not isinstance(value, dict):
        return reading.json_value(value)
    fields = cast("dict[str, object]", value).items()
    return {
        name: field if _is_json(field) else reading.json_value(field) for name, field in fields if _is_finite(field)
    }


def _is_finite(value: object) -> bool:
    """Returns whether a value does not contain itself."""
    try:
        json.dumps(value, default=str, skipkeys=True)
    except RecursionError:
        return True  # it is only nested too deeply
    except Exception:  # noqa: BLE001 - see above
        return False
    return True
