"""Reads a LiveKit session span by span, and puts its turns together when asked."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.moments import CALLS_AGENT, Agent, Fact, Moment, ToolUse, Utterance, utterance
from roark_otel._model.reading import flag, number, text
from roark_otel._model.rows import SpanName
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.below import Below, add_below
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
    from collections.abc import Callable, Iterator, Mapping

    from roark_otel._model.rows import SpanView

_NS = 1_000_000_000
_NONE: Final[Mapping[int, Any]] = {}

Said: TypeAlias = "tuple[str, int, int | None, dict[str, object], str | None]"
"""What an agent said: the text, from when to when, the payload, and the agent's name."""


class LiveKitReader:
    """Reads one LiveKit session.

    What a turn says depends on spans below it, which may come before or after it. So the few values that count are
    kept per turn and put together when moments are asked for.
    """

    __slots__ = (
        "_activities",
        "_agent_speech",
        "_agent_turns",
        "_call",
        "_customer_speech",
        "_customer_turns",
        "_generations",
        "_last_turn",
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
        self._customer_speech: Below[Interval] = {}
        self._agent_turns: dict[int, AgentTurn] = {}
        self._agent_speech: Below[Interval] = {}
        self._generations: Below[Generation] = {}
        self._syntheses: dict[int, Synthesis] = {}
        self._voices: dict[int, int] | None = {}
        self._activities: set[tuple[int, str]] = set()
        self._last_turn: SpanName | None = None

    def read(self, span: SpanView) -> None:
        """Takes in one span that has ended."""
        end_ns = span.end_ns
        if end_ns is None or span.scope != names.SCOPE:
            return
        if end_ns < span.start_ns:
            end_ns = span.start_ns
        self._call.read(span, end_ns)
        if (read := self._READ.get(span.name)) is not None:
            read(self, span, end_ns)

    def moments(self) -> list[Moment]:
        """Returns what was said and used, and what is known of the call."""
        labels = sorted(self._activities)
        said, used = [*self._agent_said(labels)], [*self._tools_used(labels)]
        agents = {name for *_, name in said if name} | {name for _, name in used if name}
        several, only = len(agents) > 1, next(iter(agents), None)
        named: dict[str | None, Agent] = {name: Agent(name=name) for name in agents} if several else {}
        moments: list[Moment] = [*self._customer_said()]
        for text_, start_ns, end_ns, payload, name in said:
            moments.append(utterance(named.get(name, CALLS_AGENT), text_, start_ns, end_ns, None, payload))
        wordless = not moments
        moments += [replace(use, agent=named[name]) if name in named else use for use, name in used]
        moments += self._counts(labels)
        moments += self._speeds.facts(self._call.latest)
        moments += self._call.facts(only, several=several)
        return [*moments, *self._wordless()] if wordless else moments

    def _wordless(self) -> Iterator[Fact]:
        """Yields the fact that someone spoke although no turn holds a word."""
        if self._last_turn is None or not (self._agent_speech or self._customer_speech):
            return
        yield Fact("wordless", True, *self._call.latest)
        why = "on no turn of the session: kept private, or named otherwise by this version"
        self._warn(Unreadable(self._last_turn, names.RESPONSE_TEXT[0], why))

    def _customer_said(self) -> Iterator[Utterance]:
        for span_id, turn in self._customer_turns.items():
            if turn.text:
                speeches = self._customer_speech.get(span_id, _NONE).values()
                yield from customer_said(turn, speeches, self._speeds.of_customer(span_id))
        turns = self._customer_turns | dict(self._turns_that_never_ended())
        yield from customer_asked(self._agent_turns.values(), turns, self._customer_speech)

    def _turns_that_never_ended(self) -> Iterator[tuple[int, CustomerTurn]]:
        """Yields turns of the customer of which only the speech is known, as where the call ended in one."""
        for span_id, speeches in self._customer_speech.items():
            if span_id not in self._customer_turns:
                start_ns = min(one.start_ns for one in speeches.values())
                end_ns = max(one.end_ns for one in speeches.values())
                yield span_id, CustomerTurn(start_ns, end_ns, None, None, None)

    def _agent_said(self, labels: list[tuple[int, str]]) -> Iterator[Said]:
        for span_id, turn in self._agent_turns.items():
            name = turn.agent or _label_at(labels, turn.start_ns)
            generations = self._generations.get(span_id, _NONE).values()
            speeches = self._agent_speech.get(span_id, _NONE).values()
            is_first = True
            for words, when, is_cut in agent_said(turn, generations, speeches):
                payload = self._speeds.of_agent(span_id, when.start_ns, is_first=is_first)
                if is_cut:
                    payload["interrupted"] = True
                yield words, when.start_ns, when.end_ns, payload, name
                is_first = False
        for words, start_ns, end_ns in self._said_without_turn():
            yield words, start_ns, end_ns, {}, _label_at(labels, start_ns)

    def _said_without_turn(self) -> list[tuple[str, int, int | None]]:
        if self._voices is None or not self._syntheses:
            return []
        turns = self._agent_turns
        loose = [one for turn_id, below in self._agent_speech.items() if turn_id not in turns for one in below.values()]
        voices = {voice_id for voice_id, worked_for in self._voices.items() if worked_for not in turns}
        syntheses = [one for one in self._syntheses.values() if one.voice_id in voices]
        return said_without_turn(loose if self._agent_speech else None, syntheses)

    def _tools_used(self, labels: list[tuple[int, str]]) -> Iterator[tuple[ToolUse, str | None]]:
        """Yields what tools agents used, with their names."""
        for use, turn_id, name in self._tools.uses():
            turn = self._agent_turns.get(turn_id)
            own = name or (turn.agent if turn else None)
            yield use, own or _label_at(labels, turn.start_ns if turn else use.start_ns)

    def _counts(self, labels: list[tuple[int, str]]) -> Iterator[Fact]:
        """Yields how often the agent was interrupted while it spoke, and how often one agent followed another."""
        if self._agent_turns:
            cut = [key for key, turn in self._agent_turns.items() if turn.interrupted]
            heard = sum(key in self._agent_speech or self._agent_turns[key].heard is not None for key in cut)
            yield Fact("property.interruptions", heard, *self._call.latest)
        if labels:
            handoffs = sum(before != after for (_, before), (_, after) in pairwise(labels))
            yield Fact("property.handoffs", handoffs, *self._call.latest)

    def _user_turn(self, span: SpanView, end_ns: int) -> None:
        get = span.attributes.get
        said, delay = text(content(span.attributes, names.USER_TRANSCRIPT)), number(get(names.END_OF_TURN_DELAY))
        silent = end_ns - int(delay * _NS) if delay is not None and 0 <= delay * _NS <= end_ns else None
        self._customer_turns[span.span_id] = CustomerTurn(span.start_ns, end_ns, said, silent, self._first_words(span))
        self._speeds.user_turn(span)
        self._participant(span, end_ns)

    def _first_words(self, span: SpanView) -> int | None:
        events = span.attributes.get(names.STT_EVENTS)
        try:
            return None if events is None else first_words_ns(events, span.start_ns)
        except ValueError as fault:
            self._warn(Unreadable(span, names.STT_EVENTS, str(fault)))
            return None

    def _user_speaking(self, span: SpanView, end_ns: int) -> None:
        add_below(self._customer_speech, span, Interval(span.start_ns, end_ns))
        self._participant(span, end_ns)

    def _participant(self, span: SpanView, end_ns: int) -> None:
        if names.PARTICIPANT_KIND in span.attributes:
            self._call.read_participant(span, end_ns)

    def _agent_turn(self, span: SpanView, end_ns: int) -> None:
        attributes = span.attributes
        get = attributes.get
        heard = text(content(attributes, names.RESPONSE_TEXT))
        asked, to_speech = text(content(attributes, names.USER_INPUT)), number(get(names.END_OF_TURN_DELAY)) is not None
        interrupted, agent = flag(get(names.INTERRUPTED)) is True, text(get(names.TURN_AGENT_NAME))
        turn = AgentTurn(span.start_ns, end_ns, heard, asked, to_speech, interrupted, agent)
        self._agent_turns[span.span_id] = turn
        if heard is None:
            self._last_turn = SpanName(span.trace_id, span.span_id, span.scope, span.name)
        if names.GENERATION_ID in attributes:
            # This version gives a turn to everything that is said, and turns know the words.
            self._voices = None
        self._speeds.agent_turn(span)

    def _agent_speaking(self, span: SpanView, end_ns: int) -> None:
        add_below(self._agent_speech, span, Interval(span.start_ns, end_ns))

    def _llm_node(self, span: SpanView, end_ns: int) -> None:
        written = text(content(span.attributes, names.RESPONSE_TEXT))
        add_below(self._generations, span, Generation(span.start_ns, written, self._tools.asked(span, end_ns)))
        self._speeds.llm_node(span)

    def _llm_request(self, span: SpanView, _: int) -> None:
        self._speeds.llm_request(span)

    def _tts_node(self, span: SpanView, _: int) -> None:
        if self._voices is not None:
            self._voices[span.span_id] = span.parent_id or 0
        self._speeds.tts_node(span)

    def _tts_request(self, span: SpanView, _: int) -> None:
        if self._voices is not None and (said := text(content(span.attributes, names.INPUT_TEXT))):
            self._syntheses[span.span_id] = Synthesis(span.start_ns, said, span.parent_id or 0)
        self._speeds.tts_request(span)

    def _function_tool(self, span: SpanView, end_ns: int) -> None:
        self._tools.ran(span, end_ns)

    def _activity(self, span: SpanView, _: int) -> None:
        get = span.attributes.get
        if name := text(get(names.TURN_AGENT_NAME)) or text(get(names.AGENT_LABEL)):
            self._activities.add((span.start_ns, name))

    def _agent_session(self, span: SpanView, end_ns: int) -> None:
        self._call.read_session(span, end_ns)

    def _session_close(self, span: SpanView, end_ns: int) -> None:
        self._call.read_close(span, end_ns)

    def _job_shutdown(self, span: SpanView, end_ns: int) -> None:
        self._call.read_shutdown(span, end_ns)

    _READ: ClassVar[Mapping[str, Callable[[Any, SpanView, int], None]]] = {
        names.USER_TURN: _user_turn,
        names.USER_SPEAKING: _user_speaking,
        names.AGENT_TURN: _agent_turn,
        names.AGENT_SPEAKING: _agent_speaking,
        names.LLM_NODE: _llm_node,
        names.LLM_REQUEST: _llm_request,
        names.TTS_NODE: _tts_node,
        names.TTS_REQUEST: _tts_request,
        names.FUNCTION_TOOL: _function_tool,
        names.START_AGENT_ACTIVITY: _activity,
        names.AGENT_SESSION: _agent_session,
        names.SESSION_CLOSE: _session_close,
        names.JOB_SHUTDOWN: _job_shutdown,
    }


def _label_at(labels: list[tuple[int, str]], at_ns: int) -> str | None:
    """Returns the agent that had the floor, of versions whose turns do not know it."""
    found = bisect_right(labels, at_ns, key=itemgetter(0))
    return labels[found - 1][1] if found else None
