"""What LiveKit's tools were given and gave back, as values."""

from __future__ import annotations

from typing import cast

from roark_otel._model.moments import Failed, Outcome, Returned, Unanswered
from roark_otel._model.reading import json_object, json_value, literal, parsed, text, unicode_text


def parameters(arguments: str) -> dict[str, object] | None:
    """Returns the arguments of a call, None if they are not a JSON object."""
    if not arguments.strip():
        return {}
    try:
        return json_object(arguments)
    except ValueError:
        return None


def as_text(arguments: str) -> dict[str, object]:
    """Returns arguments that are not a JSON object as an object: parameters have to be one."""
    return {"arguments": unicode_text(arguments)}


def outcome_of(output: object, *, is_error: bool) -> Outcome:
    """Returns what came of a tool whose output was written with `str()`, as in Python."""
    if is_error:
        return Failed(text(output) or "The tool failed.")
    return Returned(_value(output)) if isinstance(output, str) else Unanswered()


def from_json(outcome: Outcome) -> Outcome:
    """Returns what came of a tool whose output was written as JSON: a text stands in quotes there."""
    written = outcome.value if isinstance(outcome, Returned) else None
    if not isinstance(written, str) or written[:1] != '"':
        return outcome
    try:
        found = parsed(written)
    except ValueError:
        return outcome
    return Returned(unicode_text(found)) if isinstance(found, str) else outcome


def _value(output: str) -> object:
    """Returns an object or a list that was written as JSON or as a Python literal, else the text.

    A number stays text: `str()` wrote it, and reading it could only lose digits.
    """
    if output.lstrip()[:1] in {"{", "["}:
        try:
            return json_value(parsed(output))
        except ValueError:
            found = _literal(output)
            return unicode_text(output) if found is None else found
    return unicode_text(output)


def _literal(output: str) -> object | None:
    """Returns a Python literal that JSON can say without loss, else None."""
    found = literal(output)
    return json_value(found) if _is_json(found) else None


def _is_json(value: object, depth: int = 0) -> bool:
    if depth > 60:
        return False
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return all(isinstance(key, str) and _is_json(item, depth + 1) for key, item in items)
    if isinstance(value, list):
        return all(_is_json(item, depth + 1) for item in cast("list[object]", value))
    return value is None or isinstance(value, (str, int, float, bool))
