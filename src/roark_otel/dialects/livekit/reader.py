"""Reads a LiveKit session span by span, and puts its turns together when asked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from roark_otel._model.moments import CALLS_AGENT, Agent, Fact, Moment, ToolUse, Utterance, utterance
from roark_otel._model.reading import flag, number, text
from roark_otel.dialects.heard.reading import Heard
from roark_otel.dialects.livekit import names, silence
from roark_otel.dialects.livekit.below import Below, add_below
from roark_otel.dialects.livekit.customer_side import CustomerSide
from roark_otel.dialects.livekit.facts import KnownCall
from roark_otel.dialects.livekit.heard import agent_heard, without
from roark_otel.dialects.livekit.histories import Histories
from roark_otel.dialects.livekit.names import content
from roark_otel.dialects.livekit.speeds import Speeds
from roark_otel.dialects.livekit.spoken import Spoken, said_alone, spoken
from roark_otel.dialects.livekit.stretches import label_at
from roark_otel.dialects.livekit.tools import Tools
from roark_otel.dialects.livekit.turns import (
    AgentTurn,
    Generation,
    Interval,
    Synthesis,
    agent_said,
    said_without_turn,
)
from roark_otel.dialects.livekit.writers import NODE, PYTHON, writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from roark_otel._model.dialect import Warn
    from roark_otel._model.rows import SpanView

_NONE: Final[Mapping[int, Any]] = {}

Said: TypeAlias = "tuple[str, int, int | None, dict[str, object], str | None, int]"
"""What an agent said: the text, from when to when, the payload, the agent's name, and the span that has the words."""


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
        "_customer",
        "_generations",
        "_has_ears",
        "_heard",
        "_histories",
        "_speeds",
        "_spoken",
        "_syntheses",
        "_tools",
        "_voices",
        "_warn",
        "_writers",
    )

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._heard = Heard()
        self._call = KnownCall()
        self._tools = Tools(warn)
        self._histories = Histories(warn)
        self._speeds = Speeds()
        self._writers: set[str] = set()
        self._spoken: dict[object, Spoken] = {}
        self._customer = CustomerSide(warn)
        self._agent_turns: dict[int, AgentTurn] = {}
        self._agent_speech: Below[Interval] = {}
        self._generations: Below[Generation] = {}
        self._syntheses: dict[int, Synthesis] = {}
        self._voices: dict[int, int] | None = {}
        self._activities: set[tuple[int, str]] = set()
        self._has_ears = False

    def read(self, span: SpanView) -> None:
        """Takes in one span that has ended."""
        end_ns = span.end_ns
        if span.scope == names.HEARD_SCOPE:
            self._heard.read(span)
            return
        if end_ns is None or span.scope != names.SCOPE:
            if span.name == names.AGENT_SESSION:
                self._customer.sessions[span.span_id] = span.start_ns
            return
        end_ns = max(end_ns, span.start_ns)
        self._call.read(span, end_ns)
        if (read := self._READ.get(span.name)) is not None:
            read(self, span, end_ns)

    def moments(self) -> list[Moment]:
        """Returns what was said and used, and what is known of the call."""
        labels, whole = sorted(self._activities), self._customer.has_whole_delays
        package = writer(self._speeds.metrics(), self._writers, has_whole_delays=whole)
        if package == NODE:
            self._customer.take_delays_as_ms()
            self._speeds.take_delays_as_ms()
        since_ns = min(self._customer.sessions.values(), default=None)
        alone = said_alone(self._spoken.values(), since_ns, self._agent_turns, self._agent_speech)
        said, used = [*self._agent_said(labels, alone)], [*self._tools_used(labels, in_json=package == NODE)]
        agents = {name for *_, name, _ in said if name} | {name for _, name in used if name}
        several, only = len(agents) > 1, next(iter(agents), None)
        named: dict[str | None, Agent] = {name: Agent(name=name) for name in agents} if several else {}
        heard = self._heard.utterances.values()
        moments: list[Moment] = [*self._customer.said(self._agent_turns.values(), self._speeds, heard)]
        moments += [*self._heard.uses.values(), *self._heard.facts.values()]
        played = {one.start_ns for below in self._agent_speech.values() for one in below.values()}
        played.update(one.start_ns for one in alone.values())
        played.update(one.start_ns for one in heard if one.timed)
        for text_, start_ns, end_ns, payload, name, span_id in said:
            speaker, timed = named.get(name, CALLS_AGENT), start_ns in played
            moments.append(utterance(speaker, text_, start_ns, end_ns, None, payload, timed, span_id))
        moments += self._silences(moments)
        moments += [replace(use, agent=named[name]) if name in named else use for use, name in used]
        moments += self._counts(labels, alone)
        moments += self._speeds.facts(self._call.latest)
        moments += self._call.facts(only, several=several, framework=package)
        return moments

    def _silences(self, moments: list[Moment]) -> list[Fact]:
        """Returns which side did not speak, and which one without words."""
        heard = silence.Heard(
            has_ears=self._has_ears,
            has_models=bool(self._generations),
            has_voice=bool(self._agent_turns) and self._voices is None,
            customer_spoke=bool(self._customer.speech),
            agent_spoke=bool(self._agent_speech),
            outside_turns=not self._customer.speech.keys() <= self._customer.turns.keys(),
            customer_had_turn=bool(self._customer.turns),
            agent_had_turn=bool(self._agent_turns),
        )
        return list(heard.facts(moments, self._call.latest))

    def _agent_said(self, labels: list[tuple[int, str]], alone: Mapping[int, Spoken]) -> Iterator[Said]:
        besides: dict[int, list[Utterance]] = {}
        for heard, turn_id, name in agent_heard(self._heard.utterances.values(), self._agent_turns):
            besides.setdefault(turn_id, []).append(heard)
            by = name or label_at(labels, heard.start_ns)
            yield heard.text, heard.start_ns, heard.end_ns, dict(heard.payload), by, heard.span_id
        for span_id, turn in self._agent_turns.items():
            name = turn.agent or label_at(labels, turn.start_ns)
            generations = self._generations.get(span_id, _NONE).values()
            speeches = self._agent_speech.get(span_id, _NONE)
            if alone:
                speeches = {key: one for key, one in speeches.items() if key not in alone}
            own = without(speeches.values(), besides.get(span_id, ()))
            is_first = span_id not in besides
            for words, when, is_cut, words_id in agent_said(turn, generations, own):
                payload = self._speeds.of_agent(span_id, when.start_ns, is_first=is_first)
                if is_cut:
                    payload["interrupted"] = True
                yield words, when.start_ns, when.end_ns, payload, name, words_id
                is_first = False
        starts = {one.start_ns for one in alone.values()}
        for words, start_ns, end_ns, words_id in self._said_without_turn():
            if start_ns not in starts:
                yield words, start_ns, end_ns, {}, label_at(labels, start_ns), words_id
        for one in alone.values():
            yield one.text, one.start_ns, one.end_ns, one.payload(), label_at(labels, one.start_ns), one.span_id

    def _said_without_turn(self) -> list[tuple[str, int, int | None, int]]:
        if self._voices is None or not self._syntheses:
            return []
        turns = self._agent_turns
        loose = [one for turn_id, below in self._agent_speech.items() if turn_id not in turns for one in below.values()]
        voices = {voice_id for voice_id, worked_for in self._voices.items() if worked_for not in turns}
        syntheses = [one for one in self._syntheses.values() if one.voice_id in voices]
        return said_without_turn(loose if self._agent_speech else None, syntheses)

    def _tools_used(self, labels: list[tuple[int, str]], *, in_json: bool) -> Iterator[tuple[ToolUse, str | None]]:
        """Yields what tools agents used, with their names."""
        for use, turn_id, name in self._tools.uses(in_json=in_json):
            turn = self._agent_turns.get(turn_id)
            own = name or (turn.agent if turn else None)
            yield use, own or label_at(labels, turn.start_ns if turn else use.start_ns)

    def _counts(self, labels: list[tuple[int, str]], alone: Mapping[int, Spoken]) -> Iterator[Fact]:
        """Yields how often the agent was interrupted while it spoke, and how often one agent followed another."""
        if any(turn.interrupted is not None for turn in self._agent_turns.values()):
            cut = [key for key, turn in self._agent_turns.items() if turn.interrupted]
            heard = sum(key in self._agent_speech or self._agent_turns[key].heard is not None for key in cut)
            heard += sum(one.interrupted for one in alone.values())
            yield Fact("property.interruptions", heard, *self._call.latest)
        if labels:
            handoffs = sum(before != after for (_, before), (_, after) in pairwise(labels))
            yield Fact("property.handoffs", handoffs, *self._call.latest)

    def _user_turn(self, span: SpanView, end_ns: int) -> None:
        self._customer.turn(span, end_ns)
        self._speeds.user_turn(span)
        self._call.read_participant(span, end_ns)

    def _user_speaking(self, span: SpanView, end_ns: int) -> None:
        self._customer.speaking(span, end_ns)
        self._call.read_participant(span, end_ns)

    def _agent_turn(self, span: SpanView, end_ns: int) -> None:
        attributes = span.attributes
        get = attributes.get
        heard = text(content(attributes, names.RESPONSE_TEXT))
        asked, to_speech = text(content(attributes, names.USER_INPUT)), number(get(names.END_OF_TURN_DELAY)) is not None
        interrupted, agent = flag(get(names.INTERRUPTED)), text(get(names.TURN_AGENT_NAME))
        turn = AgentTurn(span.start_ns, end_ns, heard, asked, to_speech, interrupted, agent, span.span_id)
        self._agent_turns[span.span_id] = turn
        if names.GENERATION_ID not in attributes:
            if agent is not None:  # of the versions that say this here, only Python numbers generations
                self._writers.add(NODE)
        elif self._voices is not None:
            # This version gives a turn to everything that is said, and turns know the words.
            self._voices = None
            self._writers.add(PYTHON)
        self._speeds.agent_turn(span)

    def _agent_speaking(self, span: SpanView, end_ns: int) -> None:
        add_below(self._agent_speech, span, Interval(span.start_ns, end_ns))

    def _llm_node(self, span: SpanView, end_ns: int) -> None:
        written = text(content(span.attributes, names.RESPONSE_TEXT))
        for item in self._histories.news(span):
            if (one := spoken(item, span.span_id)) is not None:
                self._spoken.setdefault(one[:-1], one)  # every later history shows it again
            self._tools.answered(item, span.start_ns)
        asked = self._tools.asked(span, end_ns)
        add_below(self._generations, span, Generation(span.start_ns, written, asked, span.span_id))
        self._speeds.llm_node(span)

    def _llm_request(self, span: SpanView, _: int) -> None:
        self._speeds.llm_request(span)

    def _tts_node(self, span: SpanView, _: int) -> None:
        if self._voices is not None:
            self._voices[span.span_id] = span.parent_id or 0
        self._speeds.tts_node(span)

    def _tts_request(self, span: SpanView, _: int) -> None:
        if self._voices is not None and (said := text(content(span.attributes, names.INPUT_TEXT))):
            self._syntheses[span.span_id] = Synthesis(span.start_ns, said, span.parent_id or 0, span.span_id)
        self._speeds.tts_request(span)

    def _function_tool(self, span: SpanView, end_ns: int) -> None:
        self._tools.ran(span, end_ns)
        if names.TOOL_CALL_ID in span.attributes:  # Python has a name of its own for it
            self._writers.add(PYTHON if names.TOOL_ID in span.attributes else NODE)
        self._call.read_tool(span, end_ns)

    def _activity(self, span: SpanView, _: int) -> None:
        get = span.attributes.get
        if name := text(get(names.TURN_AGENT_NAME)) or text(get(names.AGENT_LABEL)):
            self._activities.add((span.start_ns, name))

    def _audio_track(self, span: SpanView, _: int) -> None:
        self._has_ears = self._has_ears or names.FIRST_FRAME_DELAY in span.attributes

    def _agent_session(self, span: SpanView, end_ns: int) -> None:
        self._customer.sessions[span.span_id] = span.start_ns
        self._call.read_session(span, end_ns)

    def _job_entrypoint(self, span: SpanView, end_ns: int) -> None:
        self._call.read_job(span, end_ns)

    def _amd(self, span: SpanView, end_ns: int) -> None:
        self._call.read_amd(span, end_ns)

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
        names.AUDIO_TRACK: _audio_track,
        names.AGENT_SESSION: _agent_session,
        names.AMD: _amd,
        names.SESSION_CLOSE: _session_close,
        names.JOB_SHUTDOWN: _job_shutdown,
        names.JOB_ENTRYPOINT: _job_entrypoint,
    }
