"""Which side of a session did not speak, and which one spoke without a word on any span.

A session without spans of speech is not a silent one: its framework may not write them, as that for Node.js does of
`say()`, or nothing listened. So silence is said only of a side that was heard: of the customer, if audio came in and
the session itself recognises speech; of the agent, if its turns are of a version that writes each speech down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.moments import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel.dialects.livekit.facts import When


class Heard(NamedTuple):
    """What a session shows of speech, whatever was said.

    `has_ears`: audio of the customer came in. `has_models`: a model was asked for texts, so that the session itself
    recognises speech and speaks, as one with a speech-to-speech model does not. `has_voice`: each speech of the agent
    has a span. `customer_spoke`, `agent_spoke`: there are spans of speech; `outside_turns`: some of the customer's are
    in no turn, as with a speech-to-speech model. `customer_had_turn`, `agent_had_turn`: there are turns.
    """

    has_ears: bool
    has_models: bool
    has_voice: bool
    customer_spoke: bool
    agent_spoke: bool
    outside_turns: bool
    customer_had_turn: bool
    agent_had_turn: bool

    def facts(self, when: When, *, has_agent: bool, has_customer: bool) -> Iterator[Fact]:
        """Yields who was silent, and who spoke without words.

        Args:
            when: When the last span ended, and its id.
            has_agent: Whether there are words of the agent.
            has_customer: Whether there are words of the customer.
        """
        if self.has_ears and self.has_models and not (self.customer_spoke or self.customer_had_turn or has_customer):
            yield Fact("silent_customer", True, *when)
        if self.has_voice and has_customer and not (self.agent_spoke or has_agent):
            yield Fact("silent_agent", True, *when)
        has_words = has_agent or has_customer
        if self.agent_spoke and not has_words:
            yield Fact("wordless_agent", "content", *when)
        if self.customer_spoke and self.agent_had_turn and not has_words:
            yield Fact("wordless_customer", "content", *when)
        elif self.outside_turns and has_agent and not (self.has_models or has_customer):
            yield Fact("wordless_customer", "realtime", *when)
