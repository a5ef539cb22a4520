"""Turns of a realtime session of the OpenAI Agents SDK: one trace each, with the words on the spans below its root.

A turn begins with the customer's speech, or with the agent's if the agent speaks first. What the customer said may be
several spans, and so may the answer, before and after a tool. The turn has the words of each side once more, as one
text: it counts for a side whose spans have none.

The server creates a response as soon as it has heard the customer fall silent, and that is when the first answer's span
begins. How long it took from then to the first audio is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model import reading
from roark_otel._model.moments import Agent, Customer, Utterance
from roark_otel.dialects.chat import as_span, spoken
from roark_otel.dialects.openinference import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roark_otel._model.rows import SpanView

_MS: Final = 1_000_000
_MAX_MS: Final = 600_000.0


class _Part(NamedTuple):
    """A stretch of speech. `first_audio_ns`: the time from the customer's end to the first audio of an answer."""

    start_ns: int
    end_ns: int | None
    by_agent: bool
    text: str | None
    first_audio_ns: int | None
    span_id: int


class _Turn(NamedTuple):
    start_ns: int
    end_ns: int | None
    asked: str | None
    answered: str | None
    was_interrupted: bool
    span_id: int


class RealtimeTurns:
    """Gathers turns, in any order of spans."""

    __slots__ = ("_parts", "_turns")

    def __init__(self) -> None:
        self._turns: dict[int, _Turn] = {}
        self._parts: dict[int, dict[int, _Part]] = {}

    def __bool__(self) -> bool:
        return bool(self._turns or self._parts)

    def read(self, span: SpanView, kind: str) -> bool:
        """Takes in a span; returns whether it is one of a realtime session."""
        get = span.attributes.get
        if kind == names.AUDIO:
            known = self._turns.get(span.span_id)
            if span.end_ns is not None or known is None:
                asked, answered = spoken(get(names.INPUT_VALUE)), spoken(get(names.OUTPUT_VALUE))
                was_interrupted = get(names.END_REASON) == names.INTERRUPTED
                turn = _Turn(span.start_ns, as_span(span).end_ns, asked, answered, was_interrupted, span.span_id)
                self._turns[span.span_id] = turn
        elif kind == names.USER:
            self._part(span, spoken(get(names.INPUT_TRANSCRIPT)) or spoken(get(names.INPUT_VALUE)))
        elif names.OUTPUT_TRANSCRIPT in span.attributes or (
            span.scope == names.OPENAI_AGENTS_SCOPE and span.name == names.ASSISTANT
        ):
            self._part(span, spoken(get(names.OUTPUT_TRANSCRIPT)), by_agent=True)
        else:
            return False
        return True

    def said(self) -> Iterator[Utterance]:
        """What was said."""
        for turn_id in self._turns.keys() | self._parts.keys():
            parts = sorted(self._parts.get(turn_id, {}).values(), key=lambda one: one[:3])
            turn = self._turns.get(turn_id)
            yield from _customer_said(turn, parts)
            yield from _agent_said(turn, parts)

    def _part(self, span: SpanView, text: str | None, *, by_agent: bool = False) -> None:
        several = self._parts.setdefault(span.parent_id or span.span_id, {})
        if span.end_ns is not None or span.span_id not in several:
            waited_ms = reading.number(span.attributes.get(names.FIRST_AUDIO)) if by_agent else None
            first_ns = int(waited_ms * _MS) if waited_ms is not None and 0 <= waited_ms <= _MAX_MS else None
            part = _Part(span.start_ns, as_span(span).end_ns, by_agent, text, first_ns, span.span_id)
            several[span.span_id] = part


def _customer_said(turn: _Turn | None, parts: Sequence[_Part]) -> Iterator[Utterance]:
    heard = [one for one in parts if one.text and not one.by_agent]
    if not heard and turn is not None and turn.asked:
        yield Utterance(Customer(), turn.asked, turn.start_ns, span_id=turn.span_id)
    silent_ns = _silent_ns(parts)
    for one in heard:
        # The turn begins with the speech, and the first span of it may come a little later.
        start_ns = turn.start_ns if turn is not None and one is parts[0] else one.start_ns
        end_ns = silent_ns if one is heard[-1] and silent_ns is not None and silent_ns >= start_ns else None
        # The end is when the server noticed it, after a silence of its own: no wait is counted from there.
        yield Utterance(Customer(), one.text or "", start_ns, end_ns, timed=False, span_id=one.span_id)


def _silent_ns(parts: Sequence[_Part]) -> int | None:
    """When the customer fell silent, None if nothing was measured from then on."""
    answers = [one for one in parts if one.by_agent]
    return answers[0].start_ns if any(one.first_audio_ns is not None for one in answers) else None


def _agent_said(turn: _Turn | None, parts: Sequence[_Part]) -> Iterator[Utterance]:
    answers = [one for one in parts if one.by_agent]
    spoke = [one for one in answers if one.text]
    cut: dict[str, object] = {"interrupted": True} if turn is not None and turn.was_interrupted else {}
    if not spoke and turn is not None and turn.answered:
        start_ns = answers[0].start_ns if answers else turn.end_ns or turn.start_ns
        span_id = turn.span_id
        yield Utterance(Agent(), turn.answered, start_ns, turn.end_ns, payload=cut, timed=False, span_id=span_id)
    for one in spoke:
        start_ns = max(one.start_ns, answers[0].start_ns + (one.first_audio_ns or 0))
        if one.end_ns is not None and start_ns > one.end_ns:
            start_ns = one.start_ns
        payload = cut if one is spoke[-1] else {}
        yield Utterance(Agent(), one.text or "", start_ns, one.end_ns, payload=payload, span_id=one.span_id)
