"""Which characters a part of a regular expression matches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Node: TypeAlias = "tuple[Any, Any]"
"""A part of a parsed pattern: its kind and what it holds."""


def char_test(kind: str, value: Any, flags: int) -> Callable[[str], bool] | None:  # noqa: ANN401 - as Python parses it
    """Returns the test of what a part matches if that is one character; else None."""
    if kind == "LITERAL":
        return lambda one: _is_in(one, flags, lambda code: code == value)
    if kind == "NOT_LITERAL":
        return lambda one: not _is_in(one, flags, lambda code: code == value)
    if kind == "ANY":
        return lambda one: bool(flags & re.DOTALL) or one != "\n"
    if kind == "IN":
        inside = list(value)
        is_negated = bool(inside) and str(inside[0][0]) == "NEGATE"
        return lambda one: is_negated != _is_in(one, flags, lambda code: _in_set(code, inside))
    return None


def _is_in(one: str, flags: int, test: Callable[[int], bool]) -> bool:
    if not flags & re.IGNORECASE:
        return test(ord(one))
    return any(test(ord(each)) for each in {one, one.lower()[:1], one.upper()[:1]})


def _in_set(code: int, inside: Sequence[Node]) -> bool:
    one = chr(code)
    for kind, value in inside:
        name = str(kind)
        if name == "LITERAL" and code == value:
            return True
        if name == "RANGE" and value[0] <= code <= value[1]:
            return True
        if name == "CATEGORY" and category(one, str(value)) != ("_NOT_" in str(value)):
            return True
    return False


def category(one: str, name: str) -> bool:
    """Returns whether a character is of a category: of digits, of spaces, or of words."""
    if name.endswith("DIGIT"):
        return one.isdecimal()
    if name.endswith("SPACE"):
        return one.isspace()
    return one.isalnum() or one == "_"
