"""Writes a text as pieces of an earlier one and what is new.

The work is bounded: slices are compared by the interpreter, a few times the length of the text in all, and there are
at most `SEARCHES` searches. What repeats in a way that these do not find counts as new, and nothing is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

Pieces: TypeAlias = tuple[int | str, ...]
"""A text as (from, length, new) and again: characters of the base, then new ones."""

Copy: TypeAlias = tuple[int, int, int]
"""Where a part is in the text, where it is in the base, its length."""

SEARCHES = 8
"""The most searches in a base for a place where a text goes on."""

SAMPLES = (4_096, 512, 48)
"""The most characters that are searched for, longest first: a long sample finds the right one of many places."""

BRACKETS = 2
"""The most characters that end a JSON list: a text that goes on need not have them."""

END = 4_096
"""The characters at the end of a text in which what follows it is searched."""

SEARCHED = 32_768
"""The most characters of a text that is extended without a search for what is new at its end."""

KEYS = 32
"""The most JSON keys in a text that are searched at the end of an earlier one."""

BEFORE_KEY, AFTER_KEY = 6, 18
"""The characters around the end of a JSON key that are searched for: its last letters, and how its value begins."""

PADDED = 512
"""The fewest new characters that are searched for fields which repeat: fewer are mostly said for the first time."""

WORTHWHILE = 256
"""The fewest characters that are searched in: fewer are kept as they are."""


def copied(pieces: Pieces) -> int:
    """Returns how many characters come from the base."""
    return sum(cast("tuple[int, ...]", pieces[1::3]))


def grown(base: str, text: str) -> Pieces | None:
    """Returns the pieces of a text that extends the base, or None: a JSON list gets longer before its last bracket."""
    kept = max(len(base) - BRACKETS, 0)
    if not text.startswith(base[:kept]):
        return None
    if len(base) <= SEARCHED:
        return 0, kept, text[kept:]
    return extended(base[-END:], len(base) - END, kept, text)


def extended(end: str, skipped: int, kept: int, text: str) -> Pieces:
    """Returns the pieces of a text that extends one of which only the end is at hand.

    What is new is searched in that end, key by key: the messages of a list have the same fields.

    Args:
        end: The end of the shorter text.
        skipped: How many characters are before that.
        kept: How many characters the two have in common.
        text: The longer text.
    """
    if len(text) - kept < PADDED:
        return 0, kept, text[kept:]
    found: list[Copy] = [(0, 0, kept)]
    covered = key = kept
    for _ in range(KEYS):
        key = text.find('":', max(covered, key + 1))
        if key < 0:
            break
        at = max(covered, key - BEFORE_KEY)
        source = end.find(text[at : key + AFTER_KEY])
        if source >= 0:
            before = _common_tail(end, source, text, at, min(source, at - covered))
            length = before + _common_head(end, source, text, at, min(len(end) - source, len(text) - at))
            found.append((at - before, source - before + skipped, length))
            covered = at - before + length
    return _written(text, found)


def overlapping(base: str, text: str) -> Pieces | None:
    """Returns the pieces of a text of which at least half is in the base, or None.

    Finds a common beginning and end, and between them what was moved: a window over messages has lost its first ones,
    and a prompt may begin with another date.
    """
    shorter = min(len(base), len(text))
    head = _common_head(base, 0, text, 0, shorter)
    tail = _common_tail(base, len(base), text, len(text), shorter - head)
    found = [(0, 0, head), *_moved(base, text, head, len(text) - tail), (len(text) - tail, len(base) - tail, tail)]
    if 2 * sum(length for _, _, length in found) < len(text):
        return None
    return _written(text, sorted(found))


def _moved(base: str, text: str, begin: int, end: int) -> list[Copy]:
    """Returns the parts between two places of a text that are anywhere in the base."""
    found: list[Copy] = []
    gaps = [(begin, end)]
    searches = SEARCHES
    while gaps:
        begin, end = gaps.pop()
        if end - begin < WORTHWHILE:
            continue
        sizes = sorted({min(longest, (end - begin) // 2) for longest in SAMPLES}, reverse=True)
        for size in sizes[:searches]:
            searches -= 1
            at = (begin + end - size) // 2
            source = base.find(text[at : at + size])
            if source >= 0:
                before = _common_tail(base, source, text, at, min(source, at - begin))
                length = before + _common_head(base, source, text, at, min(len(base) - source, end - at))
                found.append((at - before, source - before, length))
                gaps += ((begin, at - before), (at - before + length, end))
                break
    return found


def _common_head(base: str, source: int, text: str, at: int, most: int) -> int:
    """Returns how many characters are equal from these places on, up to a limit."""
    length, step, doubling = 0, 64, True
    while step and length < most:
        part = base[source + length : source + min(length + step, most)]
        if text.startswith(part, at + length):
            length += len(part)
        else:
            doubling = False
        step = step * 2 if doubling else step // 2
    return length


def _common_tail(base: str, source: int, text: str, at: int, most: int) -> int:
    """Returns how many characters are equal before these places, up to a limit."""
    length, step, doubling = 0, 64, True
    while step and length < most:
        part = base[source - min(length + step, most) : source - length]
        if text.endswith(part, 0, at - length):
            length += len(part)
        else:
            doubling = False
        step = step * 2 if doubling else step // 2
    return length


def _written(text: str, found: list[Copy]) -> Pieces:
    """Returns the pieces, given what is copied, in order."""
    pieces: list[int | str] = []
    ends = [at for at, _, _ in found[1:]] + [len(text)]
    for (at, source, length), end in zip(found, ends, strict=True):
        pieces += (source, length, text[at + length : end])
    return tuple(pieces)


def join_text(base: str, pieces: Pieces) -> str:
    """Returns the text again."""
    parts: list[str] = []
    flat: Iterator[Any] = iter(pieces)
    for source, length, new in zip(flat, flat, flat, strict=True):
        parts += (base[source : source + length], new)
    return "".join(parts)
