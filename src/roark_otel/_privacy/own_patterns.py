"""Patterns of the app's own: which are accepted, and how they are searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._privacy.attacks import is_linear

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from roark_otel._model.steps import Pause
    from roark_otel._privacy.numbers import Span

MOST: Final = 4_096
"""The most characters that a pattern sees at once, and the longest match that is replaced as a whole."""

_OVERLAP: Final = MOST // 2
"""How far one piece reads into the next: a match of at most this length is found wherever it stands."""


def linear(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Returns a pattern that takes time in proportion to the length of any text.

    Raises:
        ValueError: it may take longer, or it cannot be found out. The message says what to change, not the pattern.
    """
    if not is_linear(pattern):
        raise ValueError(
            "a pattern may take more than linear time: bound its repetitions, such as \\d{1,20} for \\d+, and let no "
            "two that follow or contain each other match the same characters"
        )
    return pattern


def matches(pattern: re.Pattern[str], text: str, pause: Pause) -> Iterator[Span]:
    """Yields where a pattern matches, without empty matches."""
    first, length = 0, len(text)
    while first < length:
        last = min(first + MOST, length)
        until = length if last == length else last - _OVERLAP
        at = first
        for found in pattern.finditer(text, first, last):
            pause()
            start, end = found.span()
            if start >= until or (end == last < length and start > first):
                # The next piece shows all of it. One that fills a whole piece is replaced piece by piece.
                at = start
                break
            at = end
            if end > start:
                yield start, end
        else:
            at = max(at, until)
        first = max(at, first + 1)
        pause()
