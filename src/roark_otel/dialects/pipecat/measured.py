"""What spans say of an utterance that an observer heard: the span that has its words, and what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from roark_otel._model.moments import Agent
from roark_otel.dialects.pipecat.marks import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.moments import Utterance

_NEAR_NS: Final = 3_000_000_000
"""Spans begin an utterance within this time of when it was heard; further off may be another of the same words."""


class Measured:
    """Finds what spans say of utterances. Each of theirs is that of one utterance at the most.

    Args:
        read: What was said by the spans, with what they measured in the payload.
    """

    __slots__ = ("_measured", "_unmeasured")

    def __init__(self, read: Iterable[Utterance]) -> None:
        known = [(one, plain(one.text)) for one in read]
        self._measured = [pair for pair in known if pair[0].payload]
        self._unmeasured = [pair for pair in known if not pair[0].payload]

    def __call__(self, heard: Utterance) -> Utterance:
        """Returns an utterance with what was measured of it, where there is no doubt which of the spans' it is."""
        text = plain(heard.text)
        if (one := _taken(self._measured, heard, text)) is not None:
            measured = {key: value for key, value in one.payload.items() if key != "interrupted"}
            return replace(heard, payload={**measured, **heard.payload}, span_id=one.span_id)
        one = _taken(self._unmeasured, heard, text)
        return heard if one is None else replace(heard, span_id=one.span_id)


def _taken(read: list[tuple[Utterance, str]], heard: Utterance, text: str) -> Utterance | None:
    """Takes out the utterance of the spans that is nearest to what was heard and begins alike."""
    by_agent = isinstance(heard.speaker, Agent)
    found = [
        (abs(one.start_ns - heard.start_ns), place)
        for place, (one, words) in enumerate(read)
        if abs(one.start_ns - heard.start_ns) < _NEAR_NS
        and isinstance(one.speaker, Agent) is by_agent
        and (words.startswith(text) or text.startswith(words))
    ]
    return read.pop(min(found)[1])[0] if found else None
