"""The names of a span's attributes, once for all spans that have the same."""

from __future__ import annotations

import re

NUMBERED = 16
"""The fewest attributes of a span that are compared with those of the span before if their names are numbered."""

MAX_SHAPES = 1_024
"""The most shapes that are remembered."""

LARGEST_SHAPE = 64
"""The most names in a shape that is remembered."""

LONGEST_STREAM = 256
"""The most characters of a span's name and an attribute's that are remembered together."""

MAX_LONG_BYTES = 16 * 1024 * 1024
"""The most bytes of the long texts of all conversations that are kept whole, to compare later ones with."""

_DIGITS = dict.fromkeys(range(ord("0"), ord("9") + 1))
_NUMBER = re.compile(r"\.\d+(?:\.|$)")


class Shapes:
    """The names that spans have in common. One for all conversations of a process; it never shrinks.

    `numbers` are their numbers, to look up. `spare_bytes` is how much room there is left for long texts, of all
    conversations.
    """

    __slots__ = ("_names", "_streams", "numbers", "spare_bytes")

    def __init__(self, spare_bytes: int = MAX_LONG_BYTES) -> None:
        self.spare_bytes = spare_bytes
        self._streams: dict[tuple[str, str], str] = {}
        self._names: list[tuple[str, ...]] = []
        self.numbers: dict[tuple[str, ...], int] = {}

    def add(self, names: tuple[str, ...]) -> int | None:
        """Returns the number of names that had none, or None if they are not worth remembering or too many are."""
        if len(names) > LARGEST_SHAPE or len(self._names) == MAX_SHAPES or are_numbered(names):
            return None
        number = self.numbers[names] = len(self._names)
        self._names.append(names)
        return number

    def stream(self, kind: str, name: str) -> str:
        """Returns what stands for an attribute of a kind of span: its histories are compared, whatever their number."""
        stream = self._streams.get((kind, name))
        if stream is None:
            stream = f"{kind} {name.translate(_DIGITS)}"
            if len(self._streams) < MAX_SHAPES and len(stream) <= LONGEST_STREAM:
                self._streams[kind, name] = stream
        return stream

    def names(self, number: int) -> tuple[str, ...]:
        """Returns the names with this number."""
        return self._names[number]


def are_numbered(names: tuple[str, ...]) -> bool:
    """Returns whether these are many names with numbers in them, which grow with a history."""
    return len(names) >= NUMBERED and any(map(_NUMBER.search, names))
