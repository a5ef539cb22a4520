"""Reads what an app says about a conversation in Roark's own words."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from roark_otel import attributes
from roark_otel._model.moments import ToolUse, Unanswered
from roark_otel.dialects.roark.events import READ
from roark_otel.dialects.roark.facts import NO_AGENT, agent_of, facts
from roark_otel.dialects.roark.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roark_otel._model.dialect import Warn
    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import SpanView

_PREFIXES = (attributes.PREFIX, attributes.LIVEKIT_ROOM_ID_RESOURCE)


class RoarkReader:
    """Keeps what each span says, until it is asked."""

    __slots__ = ("_resource", "_resources", "_said", "_said_by_resources", "_warn")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._said: dict[int, list[Moment]] = {}
        self._resource: Mapping[str, object] = {}
        self._resources: list[Mapping[str, object]] = []
        self._said_by_resources: list[Moment] = []

    def read(self, span: SpanView) -> None:
        """Takes in a span; one that comes again replaces what it said before."""
        if span.resource is not self._resource:
            self._read_resource(span)
        said: list[Moment] = []
        agent = NO_AGENT
        if (words := self._words(span.attributes, span, "")) is not None:
            agent = agent_of(words)
            said.extend(facts(words, agent, span.end_ns or span.start_ns, span.span_id))
        for event in span.events:
            read = READ.get(event.name)
            if read is not None and (one := read(event, span, agent, self._warn)) is not None:
                said.append(one)
        if said:
            self._said[span.span_id] = said

    def moments(self) -> Iterator[Moment]:
        """Yields everything that was said, the two halves of a tool use joined."""
        halves: dict[str, list[ToolUse]] = {}
        for said in (self._said_by_resources, *self._said.values()):
            for one in said:
                if isinstance(one, ToolUse) and one.call_id is not None:
                    halves.setdefault(one.call_id, []).append(one)
                else:
                    yield one
        for known in halves.values():
            yield known[0] if len(known) == 1 else reduce(_joined, sorted(known, key=_order))

    def _read_resource(self, span: SpanView) -> None:
        """Takes in the resource of a span, the first time that it comes."""
        self._resource = span.resource
        if self._resource in self._resources:
            return
        self._resources.append(self._resource)
        if (words := self._words(self._resource, span, "resource ")) is not None:
            self._said_by_resources.extend(facts(words, agent_of(words), 0, 0))

    def _words(self, found: Mapping[str, object], span: SpanView, where: str) -> Words | None:
        """Returns the attributes that are Roark's, None if there are none, as on most spans."""
        names = "\n".join(found)
        if attributes.PREFIX not in names and attributes.LIVEKIT_ROOM_ID_RESOURCE not in names:
            return None
        own = {key: value for key, value in found.items() if key.startswith(_PREFIXES)}
        return Words(own, span, where, self._warn) if own else None


def _order(half: ToolUse) -> tuple[int, bool, str]:
    """Sorts the first half first; equals in an order that does not depend on how the spans ended."""
    return half.start_ns, not half.name, repr(half)


def _joined(first: ToolUse, last: ToolUse) -> ToolUse:
    """Joins two halves: the first begins, the last ends, each fills in what the other lacks."""
    return replace(
        first,
        name=first.name or last.name,
        end_ns=max(last.start_ns, last.end_ns or 0, first.end_ns or 0),
        parameters=first.parameters or last.parameters,
        outcome=first.outcome if isinstance(last.outcome, Unanswered) else last.outcome,
        description=first.description or last.description,
        agent=first.agent if first.agent != NO_AGENT else last.agent,
    )
