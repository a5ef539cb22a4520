"""Puts the turns of a LiveKit session together, of which `session_rows` keeps what counts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from roark_otel._model.moments import CALLS_AGENT, Agent, Fact, Moment, ToolUse, Utterance, utterance
from roark_otel.dialects.livekit import silence
from roark_otel.dialects.livekit.heard import agent_heard, without
from roark_otel.dialects.livekit.session_rows import SessionRows
from roark_otel.dialects.livekit.spoken import Spoken, said_alone
from roark_otel.dialects.livekit.stretches import label_at
from roark_otel.dialects.livekit.turns import agent_said, said_without_turn
from roark_otel.dialects.livekit.writers import NODE, writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NONE: Final[Mapping[int, Any]] = {}

Said: TypeAlias = "tuple[str, int, int | None, dict[str, object], str | None, int]"
"""What an agent said: the text, from when to when, the payload, the agent's name, and the span that has the words."""


class LiveKitReader(SessionRows):
    """Reads one LiveKit session, and puts it together when moments are asked for."""

    __slots__ = ()

    def moments(self) -> list[Moment]:
        """Returns what was said and used, and what is known of the call."""
        labels, whole = sorted(self._activities), self._customer.has_whole_delays
        package = writer(self._speeds.metrics(), self._writers, has_whole_delays=whole)
        if package == NODE:
            self._customer.take_delays_as_ms()
        since_ns = min(self._customer.sessions.values(), default=None)
        alone = said_alone(self._spoken.values(), since_ns, self._agent_turns, self._agent_speech)
        said, used = [*self._agent_said(labels, alone)], [*self._tools_used(labels, in_json=package == NODE)]
        agents = {name for *_, name, _ in said if name} | {name for _, name in used if name}
        several, only = len(agents) > 1, next(iter(agents), None)
        named: dict[str | None, Agent] = {name: Agent(name=name) for name in agents} if several else {}
        heard = self._heard.utterances.values()
        asked = self._customer.said(self._agent_turns.values(), heard)
        moments: list[Moment] = [*asked, *self._heard.uses.values(), *self._heard.facts.values()]
        played = {one.start_ns for below in self._agent_speech.values() for one in below.values()}
        if alone:
            played.update([one.start_ns for one in alone.values()])
        if heard:
            played.update([one.start_ns for one in heard if one.timed])
        for text_, start_ns, end_ns, payload, name, span_id in said:
            speaker, timed = named.get(name, CALLS_AGENT), start_ns in played
            moments.append(utterance(speaker, text_, start_ns, end_ns, None, payload, timed, span_id))
        moments += self._silences(has_agent=bool(said), has_customer=bool(asked))
        moments += [replace(use, agent=named[name]) if name in named else use for use, name in used]
        moments += self._counts(labels, alone)
        models = [one.took for below in self._generations.values() for one in below.values() if one.took is not None]
        understood = [one.understood for one in self._customer.turns.values() if one.understood is not None]
        moments += self._speeds.facts(understood, models, self._latest)
        moments += self._call.facts(self._latest, only, several=several, framework=package)
        return moments

    def _silences(self, *, has_agent: bool, has_customer: bool) -> Iterator[Fact]:
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
        return heard.facts(self._latest, has_agent=has_agent, has_customer=has_customer)

    def _agent_said(self, labels: list[tuple[int, str]], alone: Mapping[int, Spoken]) -> Iterator[Said]:
        besides: dict[int, list[Utterance]] = {}
        for heard, turn_id, name in agent_heard(self._heard.utterances.values(), self._agent_turns):
            besides.setdefault(turn_id, []).append(heard)
            by = name or label_at(labels, heard.start_ns)
            yield heard.text, heard.start_ns, heard.end_ns, dict(heard.payload), by, heard.span_id
        for span_id, turn in self._agent_turns.items():
            if turn.heard is None:
                continue
            name = turn.agent or (label_at(labels, turn.start_ns) if labels else None)
            generations = self._generations.get(span_id, _NONE).values()
            speeches = self._agent_speech.get(span_id, _NONE)
            if alone:
                speeches = {key: one for key, one in speeches.items() if key not in alone}
            is_first = span_id not in besides
            own = speeches.values() if is_first else without(speeches.values(), besides[span_id])
            for words, when, is_cut, words_id in agent_said(turn, turn.heard, generations, own):
                payload = self._speeds.of_agent(turn, generations, when.start_ns, is_first=is_first)
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
            yield Fact("property.interruptions", heard, *self._latest)
        if labels:
            handoffs = sum(before != after for (_, before), (_, after) in pairwise(labels))
            yield Fact("property.handoffs", handoffs, *self._latest)
