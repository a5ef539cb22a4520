"""Finds where a text goes on that repeats an earlier one, as the history does that a model is asked with each time."""

from __future__ import annotations

from typing import Generic, TypeVar

_MOST = 4
"""The number of texts that are remembered: several models take turns, each with a history of its own."""

S = TypeVar("S")


class Growth(Generic[S]):
    """The last few texts of an attribute, as far as they were read. It lives for one pass over a conversation."""

    __slots__ = ("_read",)

    def __init__(self) -> None:
        self._read: list[tuple[str, S]] = []

    def known(self, text: str) -> tuple[int, S] | None:
        """Returns how many characters a text shares with the beginning of an earlier one, and what that one left.

        Of several earlier texts it is the one that was read furthest; None if the text goes on with none of them.
        """
        longest: tuple[int, S] | None = None
        for beginning, left in reversed(self._read):
            length = len(beginning)
            if (longest is None or length > longest[0]) and text.startswith(beginning):
                longest = length, left
        return longest

    def remember(self, text: str, length: int, left: S) -> None:
        """Remembers that a text was read up to `length`, and what that left."""
        if len(self._read) == _MOST:
            del self._read[0]
        self._read.append((text[:length], left))
