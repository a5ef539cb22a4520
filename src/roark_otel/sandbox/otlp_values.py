"""What both encodings of OTLP share: the words for numbers, and the sizes of what is kept."""

from __future__ import annotations

import base64
import math
from typing import Final

SPAN_KINDS: Final = ("internal", "internal", "server", "client", "producer", "consumer")
"""OTLP's kinds of spans, by number. An unspecified kind counts as internal."""

STATUS_CODES: Final = ("unset", "ok", "error")
"""OTLP's codes of a status, by number."""

DEEPEST: Final = 16
"""The most levels of lists and maps that a value keeps."""

TOO_DEEP: Final = "…"
"""What stands for a value below those levels."""

_LONGEST_TEXT: Final = 100_000


def kept_text(text: str) -> str:
    """Returns a text, cut with a mark where it is longer than a page can show."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}… ({len(text)} characters)"


def kept_number(number: float) -> float | str:
    """Returns a number, as text where JSON has none for it."""
    return number if math.isfinite(number) else str(number)


def kept_bytes(value: bytes) -> dict[str, str]:
    """Returns bytes as an object, so that nothing takes them for the text of an id."""
    return {"base64": kept_text(base64.b64encode(value).decode("ascii"))}


def named(words: tuple[str, ...], number: int) -> str:
    """Returns the word for a number; the first for one that OTLP does not know."""
    return words[number] if 0 <= number < len(words) else words[0]
