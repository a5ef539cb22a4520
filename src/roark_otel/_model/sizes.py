"""Makes texts and JSON values fit: what Roark would not take in its length is cut with a mark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import assert_never

from roark_otel._model import reading
from roark_otel._model.cut_marks import BEYOND, MAX_KEPT, cut_mark, length_mark
from roark_otel._model.moments import Failed, Returned, Unanswered
from roark_otel._model.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sized

    from roark_otel._model.moments import Outcome
    from roark_otel._model.steps import Pause

MAX_TEXT = 65_536
"""The longest text of an entry, a description or a prompt, in characters. A longer one is cut with a mark."""

MAX_RESULT = 262_144
"""The longest result, and the longest parameters or payload as JSON text, in characters."""

MAX_NAME = 255
"""The longest name of a tool, an agent or a label, in characters."""

_ESCAPED: Final = 12
"""The most characters that JSON text has for one: two escapes `\\uXXXX`."""

_MOST_WRITTEN: Final = 64 * MAX_RESULT
"""The most characters of JSON text that are counted: what has more contains itself over and over."""

_ASCII = json.JSONEncoder(default=str)
_UNICODE = json.JSONEncoder(default=str, ensure_ascii=False)
_DEEPEST: Final = 500
_END: Final = object()
_NOT_JSON: Final = "… [cut, not JSON]"


def cut(value: str, limit: int) -> str:
    """Makes text fit for JSON: without lone surrogates, and cut at `limit` with a mark that states its length."""
    if len(value) <= limit:
        return reading.unicode_text(value)
    mark = cut_mark(value)
    return reading.unicode_text(value[: max(0, limit - len(mark))]) + mark


def fitting_parameters(parameters: Mapping[str, object], pause: Pause) -> Mapping[str, object]:
    """Returns the parameters; if they are too long, or JSON cannot carry them, only how long they are."""
    if is_surely_within(parameters, MAX_RESULT):
        return parameters
    try:
        _, length = _head(parameters, _ASCII, pause)
    except Exception:  # noqa: BLE001 - a value may be an object of any class
        return {"roark_cut": "parameters that are not JSON left out"}
    return parameters if length <= MAX_RESULT else {"roark_cut": f"parameters of {length} characters left out"}


def fitting_payload(payload: Mapping[str, object], pause: Pause) -> Mapping[str, object]:
    """Returns the payload of an entry; if it is too long, only how long it is."""
    if is_surely_within(payload, MAX_RESULT):
        return payload
    try:
        _, length = _head(payload, _UNICODE, pause)
    except Exception:  # noqa: BLE001 - see above
        return payload  # its fields that have no JSON are left out where it is written
    return payload if length <= MAX_RESULT else {"roark_cut": f"payload of {length} characters left out"}


def fitting_result(outcome: Outcome, pause: Pause) -> str | Mapping[str, object]:
    """Returns the result of a tool: an object, or text, which may be cut."""
    match outcome:
        case Returned(value):
            return _returned(value, pause)
        case Failed(error):
            return {"error": cut(error, MAX_TEXT)}
        case Unanswered():
            return ""
    assert_never(outcome)


def _returned(value: object, pause: Pause) -> str | Mapping[str, object]:
    if not isinstance(value, str):
        value = fitting_value(value, pause)
    if isinstance(value, str):
        return cut(value, MAX_RESULT)
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    return cut(json_head(value, pause), MAX_RESULT)


def fitting_value(value: object, pause: Pause) -> object:
    """Returns a JSON value that is not too long; else the beginning of its JSON text, a little beyond the limit."""
    if isinstance(value, str) or is_surely_within(value, MAX_RESULT):
        return value
    text = json_head(value, pause)
    return text if len(text) > MAX_RESULT or text == _NOT_JSON else value


def json_head(value: object, pause: Pause) -> str:
    """Writes a value as JSON text. Of a long one it writes the beginning, a little beyond `MAX_RESULT`, with a mark."""
    try:
        head, length = _head(value, _UNICODE, pause)
    except Exception:  # noqa: BLE001 - see above
        return _NOT_JSON
    return head if length <= MAX_RESULT else head[: MAX_RESULT + BEYOND] + length_mark(length)


def _head(value: object, encoder: json.JSONEncoder, pause: Pause) -> tuple[str, int]:
    """Returns the beginning of JSON text, at least as far as it may be sent, and how long all of it is."""
    if is_surely_within(value, MAX_RESULT):
        text = encoder.encode(value)
        return text, len(text)
    pieces: list[str] = []
    length = 0
    for piece, size in in_steps(_pieces(value, encoder), pause):
        if length <= MAX_RESULT + BEYOND:
            pieces.append(piece)
        length += size
        if length > _MOST_WRITTEN:
            break
    return "".join(pieces), length


def _pieces(value: object, encoder: json.JSONEncoder) -> Iterator[tuple[str, int]]:
    """Yields the JSON text of a value in pieces with their lengths. Of a long text it writes only the beginning.

    Raises:
        RecursionError: the value contains itself, or is nested too deeply.
    """
    open_ones: list[tuple[Iterator[Any], str]] = [(iter((value,)), "")]
    before = ""
    while open_ones:
        inside, end = open_ones[-1]
        one: Any = next(inside, _END)
        if one is _END:
            open_ones.pop()
            yield end, len(end)
            before = ", "
            continue
        if end == "}":
            key, one = one
            before += encoder.encode({key: 0})[1:-2]
        if isinstance(one, (dict, list, tuple)) and one:
            if len(open_ones) > _DEEPEST:
                raise RecursionError
            is_object, several = isinstance(one, dict), cast("Any", one)
            open_ones.append((iter(several.items() if is_object else several), "}" if is_object else "]"))
            text, size, following = "{" if is_object else "[", 1, ""
        elif isinstance(one, str) and len(one) > MAX_KEPT:
            text, size, following = encoder.encode(one[:MAX_KEPT]), len(one) + 2, ", "
        else:
            text = encoder.encode(one)
            size, following = len(text), ", "
        yield before + text, len(before) + size
        before = following


def is_surely_within(value: object, limit: int) -> bool:
    """Returns whether the JSON text of a value has at most `limit` characters, without writing it.

    It counts what every character may need, and ends as soon as that is too much. False also if there are values in it
    that JSON lacks.
    """
    left = limit // _ESCAPED
    several: list[Any] = [value]
    while several and left >= 0:
        one = several.pop()
        if isinstance(one, str):
            left -= len(one) + 1
        elif isinstance(one, dict):
            left -= 1 + len(cast("Sized", one))
            if left >= 0:
                several += one
                several += one.values()
        elif isinstance(one, list):
            left -= 1 + len(cast("Sized", one))
            if left >= 0:
                several += one
        elif one is None or isinstance(one, (bool, float)) or (isinstance(one, int) and one.bit_length() < 64):
            left -= 3
        else:
            return False
    return left >= 0
