"""Finds where a text goes on that repeats an earlier one, as the history does that a model is asked with each time."""

from __future__ import annotations

from typing import Generic, TypeVar

_MOST = 4
"""The number of texts that are remembered: several models take turns, each with a history of its own."""

_PROBE = 64
"""The number of characters by which a place in an earlier text is found."""

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
        shared = -1
        for beginning, left in reversed(self._read):
            if len(beginning) > shared and text.startswith(beginning):
                shared = len(beginning)
                longest = shared, left
        return longest

    def moved(self, text: str, position: int) -> tuple[int, int, S] | None:
        """Finds the end of an earlier text in a text whose beginning differs, as where its first messages were dropped.

        Returns:
            Where what the text repeats from `position` on ends, how many characters further back that is than in the
            earlier text, and what that one left; None if the text does not repeat the end of any.
        """
        probe = text[position : position + _PROBE]
        if len(probe) < _PROBE:
            return None
        for beginning, left in reversed(self._read):
            since = beginning.find(probe)
            if since >= 0 and text.startswith(beginning[since:], position):
                return position + len(beginning) - since, since - position, left
        return None

    def remember(self, text: str, length: int, left: S) -> None:
        """Remembers that a text was read up to `length`, and what that left."""
        if len(self._read) == _MOST:
            del self._read[0]
        self._read.append((text[:length], left))
