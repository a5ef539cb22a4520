"""Cuts the moments of a conversation to what is sent of them, and applies patterns to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from typing_extensions import assert_never

from roark_otel._model.formats import MAX_PROPERTY
from roark_otel._model.moments import Agent, Customer, Fact, Failed, Returned, ToolUse, Unanswered, Utterance
from roark_otel._model.sizes import MAX_NAME, MAX_RESULT, MAX_TEXT, fitting_parameters, fitting_payload, fitting_value
from roark_otel._model.steps import no_pause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.moments import Moment, Outcome
    from roark_otel._model.steps import Pause
    from roark_otel._privacy.patterns import Patterns


@dataclass(frozen=True, slots=True)
class InMoments:
    """Replaces the matches of patterns in everything of a moment that may hold words.

    Args:
        patterns: What is replaced.
        pause: Called in the middle of long values.
        margin: How many characters more than is sent are kept of words, for a hook that reads them after this.
    """

    patterns: Patterns
    pause: Pause = no_pause
    margin: int = 0

    def replaced(self, moment: Moment) -> Moment:
        """Returns a moment with every match of the patterns replaced."""
        match moment:
            case Utterance():
                return self._utterance(moment)
            case ToolUse():
                return replace(
                    moment,
                    name=self.patterns.text(moment.name, MAX_NAME),
                    parameters=self._object(moment.parameters),
                    outcome=self._outcome(moment.outcome),
                    description=self._text(moment.description),
                    agent=self._agent(moment.agent),
                )
            case Fact():
                return self._fact(moment)
        assert_never(moment)

    def _utterance(self, said: Utterance) -> Utterance:
        text = self.patterns.text(said.text, MAX_TEXT + self.margin)
        speaker = self._agent(said.speaker) if isinstance(said.speaker, Agent) else self._customer(said.speaker)
        if text == said.text and speaker is said.speaker and not said.payload:
            return said
        payload = self.patterns.value(fitting_payload(said.payload, self.pause))
        return replace(said, speaker=speaker, text=text, payload=cast("Mapping[str, object]", payload))

    def _fact(self, fact: Fact) -> Fact:
        if isinstance(fact.value, Agent):
            return replace(fact, value=self._agent(fact.value))
        if isinstance(fact.value, Customer):
            return replace(fact, value=self._customer(fact.value))
        if not fact.name.startswith("property."):
            return fact
        if isinstance(fact.value, str):
            return replace(fact, value=self.patterns.text(fact.value, MAX_PROPERTY))
        return replace(fact, value=cast("str | int | float | bool", self.patterns.value(fact.value)))

    def _agent(self, agent: Agent) -> Agent:
        if agent.name is None and agent.prompt is None and agent.description is None:
            return agent
        return replace(
            agent,
            name=None if agent.name is None else self.patterns.text(agent.name, MAX_NAME),
            prompt=self._text(agent.prompt),
            description=self._text(agent.description),
        )

    def _customer(self, customer: Customer) -> Customer:
        if customer.label is None:
            return customer
        return replace(customer, label=self.patterns.text(customer.label, MAX_NAME))

    def _outcome(self, outcome: Outcome) -> Outcome:
        match outcome:
            case Returned(value):
                found = fitting_value(value, self.pause)
                if isinstance(found, str):
                    return Returned(self.patterns.text(found, MAX_RESULT + self.margin))
                return Returned(self.patterns.value(found))
            case Failed(error):
                return Failed(self.patterns.text(error, MAX_TEXT + self.margin))
            case Unanswered():
                return outcome
        assert_never(outcome)

    def _text(self, text: str | None) -> str | None:
        return None if text is None else self.patterns.text(text, MAX_TEXT)

    def _object(self, value: Mapping[str, object]) -> Mapping[str, object]:
        return cast("Mapping[str, object]", self.patterns.value(fitting_parameters(value, self.pause)))
