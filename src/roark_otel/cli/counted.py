"""Numbers with a word, of one or of several."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None) -> str:
    """Returns a number with its word.

    Args:
        number: The number.
        one: The word for one.
        several: That for any other number. Default: `one` with an s.
    """
    return f"{number} {one if number == 1 else several or f'{one}s'}"
