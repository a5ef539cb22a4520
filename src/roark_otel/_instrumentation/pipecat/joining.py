"""Joins pieces of text as Pipecat joins them for its model's context."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Piece(NamedTuple):
    """A piece of what was said. `is_spaced`: it has the spaces between it and its neighbours, if there are any."""

    text: str
    is_spaced: bool


def joined(pieces: Iterable[Piece]) -> str:
    """Returns pieces as one text. Between two that bring their own spaces none is added: some scripts have none."""
    text, was_spaced = "", False
    for piece in pieces:
        if not piece.text:
            continue
        if text and not (piece.is_spaced and was_spaced):
            touches = not text[-1].isspace() and not piece.text[0].isspace()
            text += " " if touches or not (piece.is_spaced or was_spaced) else ""
        text += piece.text
        was_spaced = piece.is_spaced
    return text.strip()
