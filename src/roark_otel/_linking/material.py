"""The material of a call: what a conversation's dialects report, sorted out, merged and in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from roark_otel._linking.facts import Facts
from roark_otel._linking.merging import reports, tool_uses, utterances
from roark_otel._model.moments import Agent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.moments import ToolUse, Utterance
    from roark_otel._model.steps import Pause


@dataclass(frozen=True, slots=True)
class Material:
    """The facts of a conversation that hold, and its utterances and tool uses in order, each once.

    `sides` are those of which any dialect reports words, also where those of another one outrank them: the roles of
    transcript entries.
    """

    conversation: FinishedConversation
    facts: Facts
    said: Sequence[Utterance]
    used: Sequence[ToolUse]
    sides: frozenset[str]

    @classmethod
    def of(cls, conversation: FinishedConversation, pause: Pause) -> Material:
        """Sorts out what a conversation's dialects report."""
        several = reports(conversation, pause)
        facts = Facts.of(several, conversation.root_span_id, pause)
        speakers = {type(one.speaker) for report in several for one in report.said}
        sides = frozenset("AGENT" if issubclass(one, Agent) else "CUSTOMER" for one in speakers)
        return cls(conversation, facts, utterances(several, pause), tool_uses(several, pause), sides)

    @property
    def started_ns(self) -> int:
        """The start of the call, in ns since the epoch."""
        return self.facts.integer("started_at_ns", self.conversation.started_ns)

    @property
    def started_at(self) -> datetime:
        """The start of the call, in UTC, to the ms."""
        return datetime.fromtimestamp(self.started_ns // 1_000_000 / 1000, timezone.utc)
