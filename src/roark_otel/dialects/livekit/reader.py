"""Reads a LiveKit session span by span, and puts its turns together when asked."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import chain, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.moments import Agent, Fact, Moment, ToolUse, Utterance
from roark_otel._model.reading import flag, number, text
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.facts import KnownCall
from roark_otel.dialects.livekit.names import content
from roark_otel.dialects.livekit.speeds import Speeds
from roark_otel.dialects.livekit.tools import Tools
from roark_otel.dialects.livekit.turns import (
    AgentTurn,
    CustomerTurn,
    Generation,
    Interval,
    Synthesis,
    agent_said,
    customer_asked,
    customer_said,
    first_words_ns,
    said_without_turn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._model.spans import SpanRecord
    from roark_otel.dialects.livekit.speeds import Measurements

_NS = 1_000_000_000
_RECENT = 64

T = TypeVar("T")
Done: TypeAlias = "tuple[Utterance | ToolUse, str | None]"
"""What an agent did, and the agent's name."""


class LiveKitReader:
    """Reads one LiveKit session.

    What a turn says depends on spans below it, which may come before or after it. So the few values that count are
    kept per turn and put together when moments are asked for; histories, prompts and metrics are not kept.
    """

    __slots__ = (
        "_activities",
        "_agent_speech",
        "_agent_turns",
        "_call",
        "_customer_speech",
        "_customer_turns",
        "_generations",
        "_has_warned",
        "_last_turn",
        "_names",
        "_recent",
        "_speeds",
        "_syntheses",
        "_tools",
        "_voices",
        "_warn",
    )

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._call = KnownCall()
        self._tools = Tools(warn)
        self._speeds = Speeds()
        self._customer_turns: dict[int, CustomerTurn] = {}
        self._customer_speech: dict[int, tuple[Interval, ...]] = {}
        self._agent_turns: dict[int, AgentTurn] = {}
        self._agent_speech: dict[int, tuple[Interval, ...]] = {}
        self._generations: dict[int, tuple[Generation, ...]] = {}
        self._syntheses: set[Synthesis] | None = set()
        self._voices: dict[int, int] = {}
        self._activities: set[tuple[int, str]] = set()
        self._names: dict[str, str] = {}
        self._recent: dict[str, str] = {}
        self._last_turn: SpanRecord | None = None
        self._has_warned = False

    def read(self, span: SpanRecord) -> None:
        """Take in one span that has ended."""
        if span.scope != names.SCOPE or span.end_ns is None:
            return
        end_ns = max(span.start_ns, span.end_ns)
        self._call.read(span, end_ns)
        self._speeds.read(span)
        match span.name:
            case names.USER_TURN:
                self._user_turn(span, end_ns)
            case names.USER_SPEAKING:
                _add(self._customer_speech, span, Interval(span.start_ns, end_ns))
            case names.AGENT_TURN:
                self._agent_turn(span, end_ns)
            case names.AGENT_SPEAKING:
                _add(self._agent_speech, span, Interval(span.start_ns, end_ns))
            case names.LLM_NODE:
                written, calls = self._words(span, names.RESPONSE_TEXT), self._tools.asked(span, end_ns)
                _add(self._generations, span, Generation(span.start_ns, written, calls))
            case names.FUNCTION_TOOL:
                self._tools.ran(span, end_ns)
            case names.TTS_NODE if self._syntheses is not None:
                self._voices[span.span_id] = span.parent_id or 0
            case names.TTS_REQUEST:
                self._tts_request(span)
            case names.START_AGENT_ACTIVITY:
                self._activity(span)
            case _:
                pass

    def moments(self) -> list[Moment]:
        """What was said and used so far, and what is known of the call."""
        labels, measured = sorted(self._activities), self._speeds.measured()
        done: list[Done] = [*self._agent_said(labels, measured), *self._tools_used(labels)]
        agents = {name for _, name in done if name}
        several, only = len(agents) > 1, next(iter(agents), None)
        by_agents = [_by(moment, Agent(name=name)) if name and several else moment for moment, name in done]
        known = self._call.facts(only, several=several)
        counted = (*self._counts(labels), *measured.facts(self._call.latest))
        moments = [*self._customer_said(measured), *by_agents]
        wordless = not any(isinstance(one, Utterance) for one in moments)
        return [*moments, *counted, *known, *(self._wordless() if wordless else ())]

    def _wordless(self) -> Iterator[Fact]:
        """Someone spoke although no turn holds a word."""
        if self._last_turn is None or not (self._agent_speech or self._customer_speech):
            return
        yield Fact("wordless", True, *self._call.latest)
        if not self._has_warned:
            self._has_warned = True
            why = "on no turn of the session: kept private, or named otherwise by this version"
            self._warn(Unreadable(self._last_turn, names.PRIVATE + names.RESPONSE_TEXT, why))

    def _customer_said(self, measured: Measurements) -> Iterator[Utterance]:
        for span_id, turn in self._customer_turns.items():
            for said in customer_said(turn, self._customer_speech.get(span_id, ())):
                yield replace(said, payload=measured.of_customer(span_id))
        turns = self._customer_turns | dict(self._turns_that_never_ended())
        yield from customer_asked(self._agent_turns.values(), turns, self._customer_speech)

    def _turns_that_never_ended(self) -> Iterator[tuple[int, CustomerTurn]]:
        """Turns of the customer of which only the speech is known, as where the call ended in the middle of one."""
        for span_id, speeches in self._customer_speech.items():
            if span_id not in self._customer_turns:
                start_ns, end_ns = min(speeches).start_ns, max(one.end_ns for one in speeches)
                yield span_id, CustomerTurn(start_ns, end_ns, None, None, None)

    def _agent_said(self, labels: list[tuple[int, str]], measured: Measurements) -> Iterator[Done]:
        """What agents said, with their names."""
        for span_id, turn in self._agent_turns.items():
            name = turn.agent or _label_at(labels, turn.start_ns)
            generations, speech = self._generations.get(span_id, ()), self._agent_speech.get(span_id, ())
            for index, said in enumerate(agent_said(turn, generations, speech)):
                how_fast = measured.of_agent(span_id, said.start_ns, is_first=index == 0)
                yield replace(said, payload={**how_fast, **said.payload}), name
        for said in self._said_without_turn():
            yield said, _label_at(labels, said.start_ns)

    def _said_without_turn(self) -> list[Utterance]:
        turns = self._agent_turns
        loose = [speech for turn_id, speech in self._agent_speech.items() if turn_id not in turns]
        heard = chain.from_iterable(loose) if self._agent_speech else None
        voices = {voice_id for voice_id, worked_for in self._voices.items() if worked_for not in turns}
        return said_without_turn(heard, [one for one in self._syntheses or () if one.voice_id in voices])

    def _tools_used(self, labels: list[tuple[int, str]]) -> Iterator[Done]:
        """What tools agents used, with their names."""
        for use, turn_id, name in self._tools.uses():
            turn = self._agent_turns.get(turn_id)
            own = name or (turn.agent if turn else None)
            yield use, own or _label_at(labels, turn.start_ns if turn else use.start_ns)

    def _counts(self, labels: list[tuple[int, str]]) -> Iterator[Fact]:
        """How often the agent was interrupted while it spoke, and how often one agent followed another."""
        if self._agent_turns:
            cut = [key for key, turn in self._agent_turns.items() if turn.interrupted]
            heard = sum(key in self._agent_speech or self._agent_turns[key].heard is not None for key in cut)
            yield Fact("property.interruptions", heard, *self._call.latest)
        if labels:
            handoffs = sum(before != after for (_, before), (_, after) in pairwise(labels))
            yield Fact("property.handoffs", handoffs, *self._call.latest)

    def _user_turn(self, span: SpanRecord, end_ns: int) -> None:
        said, delay = self._words(span, names.USER_TRANSCRIPT), number(span.attributes.get(names.END_OF_TURN_DELAY))
        silent = end_ns - int(delay * _NS) if delay is not None and 0 <= delay * _NS <= end_ns else None
        self._customer_turns[span.span_id] = CustomerTurn(span.start_ns, end_ns, said, silent, self._first_words(span))

    def _first_words(self, span: SpanRecord) -> int | None:
        try:
            return first_words_ns(span.attributes.get(names.STT_EVENTS), span.start_ns)
        except ValueError as fault:
            self._warn(Unreadable(span, names.STT_EVENTS, str(fault)))
            return None

    def _agent_turn(self, span: SpanRecord, end_ns: int) -> None:
        get = span.attributes.get
        self._last_turn = span._replace(attributes={}, events=())
        self._agent_turns[span.span_id] = AgentTurn(
            start_ns=span.start_ns,
            end_ns=end_ns,
            heard=self._words(span, names.RESPONSE_TEXT),
            asked=self._words(span, names.USER_INPUT),
            to_speech=number(get(names.END_OF_TURN_DELAY)) is not None,
            interrupted=flag(get(names.INTERRUPTED)) is True,
            agent=self._name(get(names.TURN_AGENT_NAME)),
        )
        if names.GENERATION_ID in span.attributes:
            # This version gives a turn to everything that is said, and turns know the words.
            self._syntheses = None
            self._voices.clear()

    def _tts_request(self, span: SpanRecord) -> None:
        if self._syntheses is not None and (said := text(content(span, names.INPUT_TEXT))):
            self._syntheses.add(Synthesis(span.start_ns, said, span.parent_id or 0))

    def _activity(self, span: SpanRecord) -> None:
        get = span.attributes.get
        if name := text(get(names.TURN_AGENT_NAME)) or text(get(names.AGENT_LABEL)):
            self._activities.add((span.start_ns, name))

    def _words(self, span: SpanRecord, name: str) -> str | None:
        """Words that several spans repeat soon after one another, kept once."""
        words = text(content(span, name))
        if words is None:
            return None
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        return self._recent.setdefault(words, words)

    def _name(self, value: object) -> str | None:
        """A name as one and the same text, however many spans carry it."""
        name = text(value)
        return self._names.setdefault(name, name) if name else None


def _add(where: dict[int, tuple[T, ...]], span: SpanRecord, what: T) -> None:
    parent_id = span.parent_id or 0
    below = where.get(parent_id, ())
    if what not in below:
        where[parent_id] = (*below, what)


def _label_at(labels: list[tuple[int, str]], at_ns: int) -> str | None:
    """The agent that had the floor, of versions whose turns do not know it."""
    found = bisect_right(labels, at_ns, key=itemgetter(0))
    return labels[found - 1][1] if found else None


def _by(moment: Utterance | ToolUse, agent: Agent) -> Utterance | ToolUse:
    return replace(moment, speaker=agent) if isinstance(moment, Utterance) else replace(moment, agent=agent)
