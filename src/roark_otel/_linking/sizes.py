"""Makes texts and JSON values fit: what Roark would not take in its length is cut with a mark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import assert_never

from roark_otel._model import reading
from roark_otel._model.moments import Failed, Returned, Unanswered
from roark_otel._model.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.moments import Outcome
    from roark_otel._model.steps import Pause

MAX_TEXT = 65_536
"""The longest text of an entry, a description or a prompt, in characters. A longer one is cut with a mark."""

MAX_RESULT = 262_144
"""The longest result, and the longest parameters as JSON text, in characters."""

MAX_NAME = 255
"""The longest name of a tool, an agent or a label, in characters."""

_ESCAPED: Final = 12
"""The most characters that JSON text has for one: two escapes `\\uXXXX`."""

_ASCII = json.JSONEncoder(default=str)
_UNICODE = json.JSONEncoder(default=str, ensure_ascii=False)


def cut(value: str, limit: int) -> str:
    """Makes text fit for JSON: without lone surrogates, and cut at `limit` with a mark that states its length."""
    value = reading.unicode_text(value)
    if len(value) <= limit:
        return value
    mark = f"… [cut, {len(value)} characters]"
    return value[: max(0, limit - len(mark))] + mark


def fitting_parameters(parameters: Mapping[str, object], pause: Pause) -> Mapping[str, object]:
    """Returns the parameters; if they are too long, or JSON cannot carry them, only how long they are."""
    if is_surely_within(parameters, MAX_RESULT):
        return parameters
    text = _text(parameters, _ASCII, pause)
    if text is None:
        return {"roark_cut": "parameters that are not JSON left out"}
    return parameters if len(text) <= MAX_RESULT else {"roark_cut": f"parameters of {len(text)} characters left out"}


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
    if isinstance(value, str):
        return cut(value, MAX_RESULT)
    found = _object(value)
    if found is not None and is_surely_within(found, MAX_RESULT):
        return found
    text = _text(value, _UNICODE, pause)
    if text is None:
        return "… [cut, not JSON]"
    return found if found is not None and len(text) <= MAX_RESULT else cut(text, MAX_RESULT)


def _object(value: object) -> Mapping[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _text(value: object, encoder: json.JSONEncoder, pause: Pause) -> str | None:
    """Writes JSON text, of what may be long piece by piece; None where JSON has none, as of what contains itself."""
    try:
        if is_surely_within(value, MAX_RESULT):
            return encoder.encode(value)
        return "".join(in_steps(encoder.iterencode(value), pause))
    except Exception:  # noqa: BLE001 - a value may be an object of any class
        return None


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
            left -= 1
            several += one
            several += one.values()
        elif isinstance(one, list):
            left -= 1
            several += one
        elif one is None or isinstance(one, (bool, float)) or (isinstance(one, int) and one.bit_length() < 64):
            left -= 3
        else:
            return False
    return left >= 0
