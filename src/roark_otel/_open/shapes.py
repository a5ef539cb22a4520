"""The names of a span's attributes, once for all spans that have the same."""

from __future__ import annotations

import re

NUMBERED = 16
"""The fewest attributes of a span that are compared with those of the span before if their names are numbered."""

MAX_SHAPES = 1_024
"""The most shapes that are remembered."""

LARGEST_SHAPE = 64
"""The most names in a shape that is remembered."""

_NUMBER = re.compile(r"\.\d+(?:\.|$)")


class Shapes:
    """The names that spans have in common. One for all conversations of a process; it never shrinks.

    `numbers` are their numbers, to look up.
    """

    __slots__ = ("_names", "numbers")

    def __init__(self) -> None:
        self._names: list[tuple[str, ...]] = []
        self.numbers: dict[tuple[str, ...], int] = {}

    def add(self, names: tuple[str, ...]) -> int | None:
        """Returns the number of names that had none, or None if they are not worth remembering or too many are."""
        if len(names) > LARGEST_SHAPE or len(self._names) == MAX_SHAPES or are_numbered(names):
            return None
        number = self.numbers[names] = len(self._names)
        self._names.append(names)
        return number

    def names(self, number: int) -> tuple[str, ...]:
        """Returns the names with this number."""
        return self._names[number]


def are_numbered(names: tuple[str, ...]) -> bool:
    """Returns whether these are many names with numbers in them, which grow with a history."""
    return len(names) >= NUMBERED and any(map(_NUMBER.search, names))
