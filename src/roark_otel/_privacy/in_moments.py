"""Applies patterns to the moments of a conversation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from typing_extensions import assert_never

from roark_otel._model.moments import Agent, Customer, Fact, Failed, Returned, ToolUse, Unanswered, Utterance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.moments import Moment, Outcome
    from roark_otel._privacy.patterns import Patterns


@dataclass(frozen=True, slots=True)
class InMoments:
    """Replaces the matches of patterns in everything of a moment that may hold words."""

    patterns: Patterns

    def replaced(self, moment: Moment) -> Moment:
        """Returns a moment with every match of the patterns replaced."""
        match moment:
            case Utterance():
                return self._utterance(moment)
            case ToolUse():
                return replace(
                    moment,
                    parameters=self._object(moment.parameters),
                    outcome=self._outcome(moment.outcome),
                    description=self._text(moment.description),
                    agent=self._agent(moment.agent),
                )
            case Fact():
                return self._fact(moment)
        assert_never(moment)

    def _utterance(self, said: Utterance) -> Utterance:
        text = self.patterns.text(said.text)
        speaker = self._agent(said.speaker) if isinstance(said.speaker, Agent) else said.speaker
        if text == said.text and speaker is said.speaker and not said.payload:
            return said
        return replace(said, speaker=speaker, text=text, payload=self._object(said.payload))

    def _fact(self, fact: Fact) -> Fact:
        if isinstance(fact.value, Agent):
            return replace(fact, value=self._agent(fact.value))
        if isinstance(fact.value, Customer) or not fact.name.startswith("property."):
            return fact
        return replace(fact, value=cast("str | int | float | bool", self.patterns.value(fact.value)))

    def _agent(self, agent: Agent) -> Agent:
        if agent.prompt is None and agent.description is None:
            return agent
        return replace(agent, prompt=self._text(agent.prompt), description=self._text(agent.description))

    def _outcome(self, outcome: Outcome) -> Outcome:
        match outcome:
            case Returned(value):
                return Returned(self.patterns.value(value))
            case Failed(error):
                return Failed(self.patterns.text(error))
            case Unanswered():
                return outcome
        assert_never(outcome)

    def _text(self, text: str | None) -> str | None:
        return None if text is None else self.patterns.text(text)

    def _object(self, value: Mapping[str, object]) -> Mapping[str, object]:
        return cast("Mapping[str, object]", self.patterns.value(value))
