"""Spans of a pipeline that transcribes what the customer says and speaks what the agent says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model import reading
from roark_otel.dialects.chat import Said, texts
from roark_otel.dialects.gen_ai import names, proposals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat import Exchange


class _Speech(NamedTuple):
    start_ns: int
    end_ns: int
    is_group: bool
    said: tuple[Said, ...]


class Voice:
    """What a pipeline of speech heard and spoke, each said when its span began.

    A transcription gives the customer's words, whatever role it says they have; what it was given is audio. Speech is
    given the agent's words and gives audio; the words of a group are those of the speech within it.
    """

    __slots__ = ("_heard", "_spoken")

    def __init__(self) -> None:
        self._heard: dict[int, tuple[Said, ...]] = {}
        self._spoken: dict[int, _Speech] = {}

    @property
    def hears(self) -> bool:
        """Whether it has anything that a customer said."""
        return any(self._heard.values())

    @property
    def speaks(self) -> bool:
        """Whether it has anything that an agent said."""
        return any(speech.said for speech in self._spoken.values())

    def read(self, span: SpanView, operation: str, found: Exchange) -> None:
        """Takes in a span of the pipeline."""
        by_agent = operation in names.SPEAKS
        words = texts(found.asked if by_agent else found.answered)
        language = None if by_agent else reading.text(span.attributes.get(proposals.LANGUAGE))
        said = tuple(
            Said(span.start_ns + at, by_agent, text, span.start_ns, language=language, span_id=span.span_id)
            for at, text in enumerate(words)
        )
        if by_agent:
            is_group = operation == names.SPEECH_GROUP
            self._spoken[span.span_id] = _Speech(span.start_ns, span.end_ns or span.start_ns, is_group, said)
        else:
            self._heard[span.span_id] = said

    def said(self) -> Iterator[Said]:
        """What was said."""
        for heard in self._heard.values():
            yield from heard
        group_end_ns = -1
        for speech in sorted(self._spoken.values(), key=lambda one: (one.start_ns, -one.end_ns, not one.is_group)):
            if speech.end_ns > group_end_ns:
                yield from speech.said
            if speech.is_group and speech.said:
                group_end_ns = max(group_end_ns, speech.end_ns)
