"""Aligns two calls by who and by likeness of words, not by time. docs/pages.md says the rule in words.

The page of two calls has the same rule in `static/compare-align.js`; both are tested with the same cases.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel.pages.outline import INDENT, answers, in_order

if TYPE_CHECKING:
    from roark_otel.pages.values import Json

SAME_KIND: Final = 40
"""What a pair counts before its likeness, so that turns of the same side stand side by side however they differ."""

ALIKE: Final = 100
WINDOW: Final = 120
"""The most lines of each call that are looked at together."""

_MOST_WORDS: Final = 200
_KIND: Final = re.compile(rf"{INDENT}[^(]*\(|[^:(]*")
# Scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, kana, and Han.
_SPACELESS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD: Final = re.compile(rf"[{_SPACELESS}]|[^\W_{_SPACELESS}]+")

Pair: TypeAlias = "tuple[int | None, int | None]"
"""The indices of a line of each call; None where a call has no such line."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    kind: str
    words: dict[str, int]
    length: int


def aligned(before: str, after: str) -> list[Pair]:
    """Aligns two outlines.

    Args:
        before: The outline of a call, without times.
        after: That of the other.

    Returns:
        The pairs in their order; each line of each outline is in one of them.
    """
    one, other = _lines(before), _lines(after)
    found: list[Pair] = []
    i = j = 0
    while i < len(one) and j < len(other):
        if one[i].text == other[j].text:
            found.append((i, j))
            i, j = i + 1, j + 1
            continue
        pairs = _best(one[i : i + WINDOW], other[j : j + WINDOW])
        kept = pairs if i + WINDOW >= len(one) and j + WINDOW >= len(other) else pairs[: WINDOW // 2]
        found += [(None if a is None else i + a, None if b is None else j + b) for a, b in kept]
        i += sum(a is not None for a, _ in kept)
        j += sum(b is not None for _, b in kept)
    rest: list[Pair] = [*((k, None) for k in range(i, len(one))), *((None, k) for k in range(j, len(other)))]
    return [*found, *rest]


def waits(body: Json) -> dict[int, int]:
    """Returns how long the customer waited for an answer, in ms, by the index of the line that was answered."""
    asked = {id(one): waited for one, _, waited in answers(body)}
    return {at: asked[id(one)] for at, (one, _) in enumerate(in_order(body)) if id(one) in asked}


def _lines(outline: str) -> list[_Line]:
    return [_line(text) for text in outline.split("\n")[:-1]]


def _line(text: str) -> _Line:
    kind = _KIND.match(text)
    words = _WORD.findall(text.lower())[:_MOST_WORDS]
    return _Line(text, kind[0].rstrip() if kind else "", dict(Counter(words)), len(words))


def _counts(one: _Line, other: _Line) -> int | None:
    """Returns what a pair of two lines counts; None for lines that cannot be a pair."""
    if one.kind != other.kind:
        return None
    if one.text == other.text:
        return SAME_KIND + ALIKE
    common = 0
    for word in one.words.keys() & other.words.keys():
        common += min(one.words[word], other.words[word])
    return SAME_KIND + 2 * ALIKE * common // max(1, one.length + other.length)


def _best(one: list[_Line], other: list[_Line]) -> list[Pair]:
    """Returns the alignment that counts most. Of equal ones: pairs first, then lines of the first call."""
    counts = [[_counts(a, b) for b in other] for a in one]
    best = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in reversed(range(len(one))):
        row, below, of_pairs = best[i], best[i + 1], counts[i]
        for j in reversed(range(len(other))):
            value = max(below[j], row[j + 1])
            pair = of_pairs[j]
            row[j] = value if pair is None else max(value, below[j + 1] + pair)
    return list(_walked(best, counts))


def _walked(best: list[list[int]], counts: list[list[int | None]]) -> list[Pair]:
    found: list[Pair] = []
    i = j = 0
    while i < len(best) - 1 or j < len(best[0]) - 1:
        pair = counts[i][j] if i < len(best) - 1 and j < len(best[0]) - 1 else None
        if pair is not None and best[i][j] == best[i + 1][j + 1] + pair:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif j == len(best[0]) - 1 or (i < len(best) - 1 and best[i + 1][j] >= best[i][j + 1]):
            found.append((i, None))
            i += 1
        else:
            found.append((None, j))
            j += 1
    return found
