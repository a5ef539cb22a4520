"""Turns of `openinference-instrumentation-pipecat`: one trace each, whose root holds what was said and heard.

The root knows the customer's words and those of the agent's that were heard; its children know when. A root that never
ended, as the last one does, is read from its children alone, and so are children whose root is not known. What a model
wrote was not said yet: a reply that was never turned into speech is left out. Words that came by keypad or keyboard, or
that the transport transcribed, only a model was asked with.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model import reading
from roark_otel._model.moments import Agent, Customer, Utterance
from roark_otel.dialects.chat import spoken
from roark_otel.dialects.openinference import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from roark_otel._model.rows import SpanView

_NS = 1_000_000_000
_MAX_SECONDS = 600.0
_NS_PER_CHARACTER = _NS // 15
_RECENT = 3
"""How many of the customer's utterances are searched for what a model was asked with."""


class _Turn(NamedTuple):
    start_ns: int
    end_ns: int | None
    asked: str | None
    heard: str | None
    latency_ns: int | None
    interrupted: bool


class _Part(NamedTuple):
    """A stretch of the customer's speech, or of the agent's; `text` only as long as the turn does not know it."""

    start_ns: int
    end_ns: int | None
    span_id: int
    by_agent: bool
    length: int
    text: str | None


class _Ask(NamedTuple):
    """What the customer had said last when a model was asked."""

    at_ns: int
    span_id: int
    turn_id: int
    text: str


class PipecatTurns:
    """Gathers turns, in any order of spans."""

    __slots__ = ("_asked_ns", "_asks", "_parts", "_turns")

    def __init__(self) -> None:
        self._asks: dict[int, _Ask] = {}
        self._turns: dict[int, _Turn] = {}
        self._parts: dict[int, tuple[_Part, ...]] = {}
        self._asked_ns: dict[int, int] = {}

    @property
    def asked_ns(self) -> Mapping[int, int]:
        """When models asked for tools, by the ids of their spans."""
        return self._asked_ns

    def read(self, span: SpanView) -> None:
        """Takes in a span of the instrumentation."""
        match span.name:
            case names.PIPECAT_TURN:
                self._turn(span)
            case names.PIPECAT_STT:
                self._part(span, names.INPUT_VALUE, 0)
            case names.PIPECAT_TTS:
                self._part(span, names.OUTPUT_VALUE, _seconds_ns(span.attributes.get(names.FIRST_BYTE)) or 0)
            case names.PIPECAT_LLM:
                self._model(span)
            case _:
                pass

    def said(self) -> list[Utterance]:
        """What was said, as far as it was heard."""
        found: list[Utterance] = []
        for turn_id, turn in self._turns.items():
            found += _turn_said(turn_id, turn, self._parts.get(turn_id, ()))
        for turn_id, parts in self._parts.items():
            if turn_id not in self._turns:
                found += _parts_said(parts)
        return [*found, *self._unwritten(found)]

    def _unwritten(self, said: Sequence[Utterance]) -> Iterator[Utterance]:
        """What the customer said that no speech service wrote down: models were asked with it.

        What stands there before anything was said, and without that an answer was waited for, is the app's own.
        """
        written = sorted((one.start_ns, _letters(one.text)) for one in said if isinstance(one.speaker, Customer))
        starts = [start_ns for start_ns, _ in written]
        agent_ns = min((one.start_ns for one in said if isinstance(one.speaker, Agent)), default=None)
        first_ns = min((turn.start_ns for turn in self._turns.values()), default=0)
        since_ns, last, asked_in = 0, "", -1
        for one in sorted(self._asks.values()):
            mine = _letters(one.text)
            recent = written[max(0, bisect_right(starts, one.at_ns) - _RECENT) : bisect_right(starts, one.at_ns)]
            is_repeated = any(mine in text or (start_ns > since_ns and text in mine) for start_ns, text in recent)
            if mine and mine != last and not is_repeated:
                spoken_ns = self._spoken_ns(one, first_ns) if one.turn_id != asked_in else None
                if spoken_ns is not None:
                    yield Utterance(Customer(), one.text, *spoken_ns, span_id=one.span_id)
                elif recent or (agent_ns is not None and agent_ns < one.at_ns):
                    yield Utterance(Customer(), one.text, one.at_ns, one.at_ns, span_id=one.span_id)
            since_ns, last, asked_in = one.at_ns, mine, one.turn_id

    def _spoken_ns(self, one: _Ask, first_ns: int) -> tuple[int, int] | None:
        """When the customer said what a model was asked with first in a turn; None if nothing shows that it was spoken.

        The turn that began at `first_ns` is the call's first, and begins with it.
        """
        turn, parts = self._turns.get(one.turn_id), self._parts.get(one.turn_id, ())
        spoke = [part for part in parts if part.by_agent]
        if turn is None or turn.latency_ns is None or not spoke or len(spoke) < len(parts):
            return None
        end_ns = spoke[0].start_ns - turn.latency_ns
        if not turn.start_ns <= end_ns <= one.at_ns:
            return None
        if turn.start_ns > first_ns:
            return turn.start_ns, end_ns
        return max(turn.start_ns, end_ns - len(one.text) * _NS_PER_CHARACTER), end_ns

    def _model(self, span: SpanView) -> None:
        get = span.attributes.get
        if span.end_ns is not None and names.OUTPUT_VALUE not in span.attributes:
            self._asked_ns[span.span_id] = max(span.start_ns, span.end_ns)
        text = spoken(get(names.INPUT_VALUE))
        if text is not None:
            self._asks[span.span_id] = _Ask(span.start_ns, span.span_id, span.parent_id or span.span_id, text)

    def _turn(self, span: SpanView) -> None:
        known = self._turns.get(span.span_id)
        if span.end_ns is None and known is not None and known.end_ns is not None:
            return
        get = span.attributes.get
        self._turns[span.span_id] = _Turn(
            start_ns=span.start_ns,
            end_ns=None if span.end_ns is None else max(span.start_ns, span.end_ns),
            asked=spoken(get(names.INPUT_VALUE)),
            heard=spoken(get(names.OUTPUT_VALUE)),
            latency_ns=_seconds_ns(get(names.LATENCY)),
            interrupted=reading.flag(get(names.WAS_INTERRUPTED)) is True,
        )
        self._settle(span.span_id)

    def _part(self, span: SpanView, name: str, delay_ns: int) -> None:
        text = spoken(span.attributes.get(name))
        turn_id = span.parent_id or span.span_id
        part = _Part(
            start_ns=span.start_ns + delay_ns,
            end_ns=None if span.end_ns is None else max(span.start_ns, span.end_ns),
            span_id=span.span_id,
            by_agent=name == names.OUTPUT_VALUE,
            length=len(text or ""),
            text=text,
        )
        others = [one for one in self._parts.get(turn_id, ()) if one.span_id != span.span_id]
        known = [one for one in self._parts.get(turn_id, ()) if one.span_id == span.span_id and one.end_ns is not None]
        self._parts[turn_id] = tuple(sorted([*others, *(known if known and span.end_ns is None else [part])]))
        self._settle(turn_id)

    def _settle(self, turn_id: int) -> None:
        """Lets go of the words that the turn knows."""
        turn = self._turns.get(turn_id)
        if turn is not None and turn.end_ns is not None:
            kept = self._parts.get(turn_id, ())
            self._parts[turn_id] = tuple(
                one._replace(text=None) if one.by_agent or turn.asked is not None else one for one in kept
            )


def _turn_said(turn_id: int, turn: _Turn, parts: tuple[_Part, ...]) -> Iterator[Utterance]:
    heard = [one for one in parts if not one.by_agent]
    spoke = [one for one in parts if one.by_agent]
    if turn.end_ns is None and turn.asked is None and turn.heard is None:
        yield from _parts_said(parts)
        return
    asked = turn.asked or " ".join(one.text for one in heard if one.text)
    if asked:
        start_ns = heard[0].start_ns if heard else turn.start_ns
        end_ns = spoke[0].start_ns - turn.latency_ns if spoke and turn.latency_ns is not None else None
        end_ns = end_ns if end_ns is not None and end_ns >= start_ns else None
        span_id = turn_id if turn.asked else next(one.span_id for one in heard if one.text)
        yield Utterance(Customer(), asked, start_ns, end_ns, span_id=span_id)
    if turn.heard:
        cut = turn.interrupted and sum(one.length for one in spoke) > len(turn.heard)
        start_ns = spoke[0].start_ns if spoke else max(turn.start_ns, turn.end_ns or 0)
        end_ns = turn.end_ns if cut and turn.end_ns is not None and turn.end_ns >= start_ns else None
        payload: dict[str, object] = {"interrupted": True} if cut else {}
        yield Utterance(Agent(), turn.heard, start_ns, end_ns, payload=payload, span_id=turn_id)


def _parts_said(parts: tuple[_Part, ...]) -> Iterator[Utterance]:
    for one in parts:
        if one.text:
            yield Utterance(Agent() if one.by_agent else Customer(), one.text, one.start_ns, span_id=one.span_id)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _seconds_ns(value: object) -> int | None:
    seconds = reading.number(value)
    return int(seconds * _NS) if seconds is not None and 0 <= seconds <= _MAX_SECONDS else None
