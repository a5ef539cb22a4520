"""Passages of a text that are replaced, and how a long text is read: in pieces that overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._model.cut_marks import BEYOND
from roark_otel._model.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.steps import Pause

PIECE: Final = 1_024
"""The most characters that one call of a regular expression reads, without the overlap."""

OVERLAP: Final = BEYOND
"""The longest match of a built-in kind, in characters: a piece reads as far into the next one."""

TAKEN: Final = "\ue000"
"""Stands for a character that is part of a passage already: no letter, no digit, and nothing between digits."""


class Passages:
    """Passages of one text, which later ones do not overlap.

    Args:
        text: The text.
        pause: Called after every few passages.
    """

    __slots__ = ("_found", "_pause", "text")

    def __init__(self, text: str, pause: Pause) -> None:
        self.text = text
        self._pause = pause
        self._found: list[tuple[int, int, str]] = []

    def __bool__(self) -> bool:
        """Returns whether anything is replaced."""
        return bool(self._found)

    def take(self, spans: Iterable[tuple[int, int]], mark: str) -> None:
        """Replaces some spans by a mark, those that overlap by one. What is in them is `TAKEN` for later ones.

        Without a mark they stay, and only nothing else is found in them.
        """
        merged: list[tuple[int, int]] = []
        for start, end in in_steps(sorted(spans), self._pause):
            if merged and start < merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        if not merged:
            return
        pieces, at = list[str](), 0
        for start, end in in_steps(merged, self._pause):
            pieces += self.text[at:start], TAKEN * (end - start)
            at = end
        self.text = "".join([*pieces, self.text[at:]])
        if mark:
            self._found += [(start, end, mark) for start, end in merged]

    def rendered(self, original: str, until: int) -> str:
        """Returns the original text up to a place with its passages replaced. One across that place is the last."""
        pieces, at = list[str](), 0
        for start, end, mark in in_steps(sorted(self._found), self._pause):
            if start >= until:
                break
            pieces += original[at:start], mark
            at = end
        return "".join([*pieces, original[at:until]])

    def marks_over(self, starts: Iterable[int], parts: Iterable[str]) -> Iterator[str | None]:
        """Yields for each part of the text the mark of the passage that it is in; None if it is in none."""
        several = iter(sorted(self._found))
        passage = next(several, None)
        for start, part in zip(starts, parts, strict=True):
            while passage is not None and passage[1] <= start:
                passage = next(several, None)
            yield None if passage is None or passage[0] >= start + len(part) else passage[2]


def pieces_of(length: int) -> Iterator[tuple[int, int, int]]:
    """Yields pieces of a text of this length: where each begins, where matches in it may begin, where it ends."""
    for first in range(0, length, PIECE):
        yield first, min(first + PIECE, length), min(first + PIECE + OVERLAP, length)
