"""Reads what an app says about a conversation in Roark's own words."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from roark_otel import attributes
from roark_otel._model.moments import Agent, ToolUse, Unanswered
from roark_otel.dialects.roark.events import TOOL_EVENTS, tool_use, utterance
from roark_otel.dialects.roark.facts import agent_of, facts
from roark_otel.dialects.roark.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roark_otel._model.dialect import Warn
    from roark_otel._model.moments import Moment
    from roark_otel._model.spans import SpanEvent, SpanRecord


class RoarkReader:
    """Keeps what each span says, until it is asked."""

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._said: dict[int, tuple[Moment, ...]] = {}
        self._resources: dict[int, tuple[Mapping[str, object], tuple[Moment, ...]]] = {}

    def read(self, span: SpanRecord) -> None:
        """Takes in a span; one that comes again replaces what it said before."""
        if id(span.resource) not in self._resources:
            # By identity, and kept for as long as the identity counts.
            found = facts(self._words(span.resource, span, "resource "), 0, 0)
            self._resources[id(span.resource)] = span.resource, tuple(found)
        if said := tuple(self._moments(span)):
            self._said[span.span_id] = said

    def moments(self) -> Iterator[Moment]:
        """Everything said so far, the two halves of a tool use joined."""
        halves: dict[str, list[ToolUse]] = {}
        for said in (*(found for _, found in self._resources.values()), *self._said.values()):
            for one in said:
                if isinstance(one, ToolUse) and one.call_id is not None:
                    halves.setdefault(one.call_id, []).append(one)
                else:
                    yield one
        for known in halves.values():
            yield known[0] if len(known) == 1 else reduce(_joined, sorted(known, key=_order))

    def _moments(self, span: SpanRecord) -> Iterator[Moment]:
        words = self._words(span.attributes, span, "")
        yield from facts(words, span.end_ns or span.start_ns, span.span_id)
        agent = agent_of(words)
        for event in span.events:
            if (one := self._moment(event, span, agent)) is not None:
                yield one

    def _moment(self, event: SpanEvent, span: SpanRecord, agent: Agent) -> Moment | None:
        if event.name == attributes.TRANSCRIPT_EVENT:
            return utterance(event, self._event_words(event, span), span, agent)
        if event.name in TOOL_EVENTS:
            return tool_use(event, self._event_words(event, span), span, agent)
        return None

    def _event_words(self, event: SpanEvent, span: SpanRecord) -> Words:
        return Words(event.attributes, span, f"{event.name} ", self._warn)

    def _words(self, found: Mapping[str, object], span: SpanRecord, where: str) -> Words:
        own = {key: value for key, value in found.items() if key.startswith(_PREFIXES)}
        return Words(own, span, where, self._warn)


_PREFIXES = (attributes.PREFIX, attributes.LIVEKIT_ROOM_ID_RESOURCE)


def _order(half: ToolUse) -> tuple[int, bool, str]:
    """The first half first; of equals, in an order that does not depend on how the spans ended."""
    return half.start_ns, not half.name, repr(half)


def _joined(first: ToolUse, last: ToolUse) -> ToolUse:
    """The whole of two halves: the first begins, the last ends, each fills in what the other lacks."""
    return replace(
        first,
        name=first.name or last.name,
        end_ns=max(last.start_ns, last.end_ns or 0, first.end_ns or 0),
        parameters=first.parameters or last.parameters,
        outcome=first.outcome if isinstance(last.outcome, Unanswered) else last.outcome,
        description=first.description or last.description,
        agent=first.agent if first.agent != Agent() else last.agent,
    )
