"""The marks by which a model says whether the customer has finished: they stand in histories, and are never spoken.

With Pipecat's `FilterIncompleteUserTurnStrategies` a model begins each answer with one: the customer has finished, was
cut off, or wants to think. Behind the first comes the answer, and the others are all that the model writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel.dialects.pipecat.stretches import Stretch

MARKS: Final = "●◐○✓"
"""Finished, cut off, wants to think; the last is what the first was in earlier versions."""

_RUN = rf"[{MARKS}](?:\s*[{MARKS}])*"
_FIRST = re.compile(rf"\s*{_RUN}\s*")
_LATER = re.compile(rf"([.!?\u2026\u3002\uff01\uff1f]['\"\u201d\u2019)]*)\s*{_RUN}(?=\s|$)")
_ARE_MARKS = dict.fromkeys(map(ord, MARKS))


def is_marked(text: str) -> bool:
    """Returns whether an answer begins with a mark."""
    return _FIRST.match(text) is not None


def are_used(texts: Iterable[str]) -> bool:
    """Returns whether the models of a conversation write marks: any answer begins with one."""
    return any(is_marked(text) for text in texts if not text.isascii())


def spoken(text: str, *, in_use: bool) -> str:
    """Returns a text of the agent's without the marks that stand where a model writes them.

    That is at the beginning. Where they are in use, so are those between sentences, because one text may hold several
    answers; any other is a word like others.
    """
    if text.isascii():
        return text
    if (first := _FIRST.match(text)) is not None:
        text = text[first.end() :]
    return _LATER.sub(r"\1", text).rstrip() if in_use else text


def unmarked(several: Sequence[Stretch], *, in_use: bool) -> Sequence[Stretch]:
    """Returns the same without marks in their texts; with none if they hold nothing else."""
    if all(one.text is None or one.text.isascii() for one in several):
        return several
    return [one._replace(text=spoken(one.text, in_use=in_use) or None) if one.text else one for one in several]


def plain(text: str) -> str:
    """Returns a text without white space and marks: speech services and histories differ in both."""
    joined = "".join(text.split())
    return joined if joined.isascii() else joined.translate(_ARE_MARKS)


def beginning(text: str, length: int) -> str:
    """Returns the text up to a number of characters that `plain` keeps."""
    for index, character in enumerate(text):
        if length == 0:
            return text[:index]
        length -= not (character.isspace() or character in MARKS)
    return text
