"""The mark of text that was cut, which states how long it was."""

from __future__ import annotations

import re
from typing import Final

BEYOND: Final = 256
"""How many characters beyond a limit redaction reads, so that no half of a match is left at a cut."""

MAX_KEPT: Final = 262_144 + 4 * BEYOND
"""The most characters of a text that are read at all: the longest that is sent, and what redaction reads beyond."""

_MARK: Final = re.compile(r"… \[cut, \d{1,16} characters\]\Z")
MARK_LENGTH: Final = 40
"""The most characters of a mark."""


def mark_of(value: str) -> str:
    """Returns the mark that a text ends with, because it was cut before; else nothing."""
    known = _MARK.search(value, max(0, len(value) - MARK_LENGTH))
    return "" if known is None else known[0]


def cut_mark(value: str) -> str:
    """Returns the mark of a text that is cut. One that was cut before keeps its own."""
    return mark_of(value) or length_mark(len(value))


def length_mark(length: int) -> str:
    """Returns the mark of a text that is cut and had this many characters."""
    return f"… [cut, {length} characters]"


def kept(value: str) -> str:
    """Returns what is read of a text: all of it, or its beginning with a mark."""
    return value if len(value) <= MAX_KEPT else value[: MAX_KEPT - MARK_LENGTH] + cut_mark(value)


def without_margin(value: str) -> str:
    """Returns a text that was cut without its last characters before the mark, where half of a match may be."""
    mark = mark_of(value)
    return value[: max(0, len(value) - len(mark) - BEYOND)] + mark if mark else value
