"""Reads what an app says about a conversation in Roark's own words."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from roark_otel import attributes
from roark_otel._model.dialect import RowReader
from roark_otel._model.moments import ToolUse, Utterance
from roark_otel._model.rows import (
    ATTRIBUTES,
    END,
    EVENT_VALUE_LIMIT,
    EVENTS,
    SPAN,
    SPAN_VALUE_LIMIT,
    START,
    Kind,
    attributes_of,
    row_of,
)
from roark_otel._model.steps import no_pause
from roark_otel.dialects.roark.events import READ, short
from roark_otel.dialects.roark.facts import NO_AGENT, agent_of, facts
from roark_otel.dialects.roark.halves import Halves
from roark_otel.dialects.roark.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roark_otel._model.dialect import Warn
    from roark_otel._model.moments import Agent, Moment
    from roark_otel._model.rows import Row, SpanView
    from roark_otel._model.steps import Pause

_PREFIXES = (attributes.PREFIX, attributes.LIVEKIT_ROOM_ID_RESOURCE)
_TRANSCRIPT = attributes.TRANSCRIPT_EVENT

STEP_VALUES: Final = 512
"""How many values of a row are read in one step: those of some 70 events."""


class RoarkReader(RowReader):
    """Keeps what each span says, until it is asked."""

    __slots__ = ("_event_limit", "_halves", "_resource", "_resources", "_said", "_span_limit", "_warn", "_whole")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._said: list[Moment] = []
        self._halves = Halves()
        self._resource: Mapping[str, object] = {}
        self._resources: list[Mapping[str, object]] = []
        self._span_limit: int | None = None
        self._event_limit: int | None = None
        self._whole: dict[str, object] = {}

    def read(self, span: SpanView) -> None:
        """Takes in a span."""
        self.read_row(no_pause, (row_of(Kind.ENDED, span), span.resource))

    def read_row(self, pause: Pause, given: tuple[Row, Mapping[str, object]]) -> None:
        """Takes in a span. An event that has only a role and a text, as most have, is read where it is."""
        row, resource = given
        if resource is not self._resource:
            self._read_resource(resource, row)
        agent = NO_AGENT
        if row[ATTRIBUTES] and _has_words(row[ATTRIBUTES]):
            agent = self._read_attributes(row)
        at, size, said = EVENTS, len(row), self._said
        first = len(said)
        rest = at + STEP_VALUES
        may_be_short = self._event_limit is None
        while at < size:
            count = row[at + 2]
            if count == 2 and may_be_short and row[at] == _TRANSCRIPT and (one := short(row, at, agent)) is not None:
                said.append(one)
            elif row[at] in READ:
                self._read_event(row, at, agent)
            at += 3 + 2 * count
            if at > rest:
                rest = at + STEP_VALUES
                pause()
        if len(said) > first + 1:
            _keep_order(said, first)

    def _read_event(self, row: Row, at: int, agent: Agent) -> None:
        """Takes in an event of which the name is known, whatever its attributes are."""
        event, time_ns, names, values = row[at], row[at + 1], at + 3, at + 3 + row[at + 2]
        found = dict(zip(row[names:values], row[values : values + row[at + 2]], strict=True))
        words = Words(found, row, f"{event} ", self._warn, self._event_limit)
        self._keep(event, READ[event](event, time_ns, words, agent))

    def moments(self) -> Iterable[Moment]:
        """Returns everything that was said, the two halves of a tool use joined."""
        return chain(self._said, self._halves.uses())

    def _keep(self, event: object, one: Moment | None) -> None:
        if one is not None and not (isinstance(one, ToolUse) and self._halves.add(event, one)):
            self._said.append(one)

    def _read_attributes(self, row: Row) -> Agent:
        """Takes in the facts in the attributes of a span. Returns the agent that they describe."""
        own = _own(attributes_of(row))
        if row[SPAN] < 0:  # what `call_attributes` says, which no limit cuts
            words = Words(own, row, "", self._warn)
            self._whole.update(words.found)
        else:
            words = Words(own, row, "", self._warn, self._span_limit, self._whole)
        agent = agent_of(words)
        self._said.extend(facts(words, agent, row[END] or row[START], row[SPAN]))
        return agent

    def _read_resource(self, resource: Mapping[str, object], row: Row) -> None:
        """Takes in the resource of a span, the first time that it comes."""
        self._resource = resource
        self._span_limit = _limit(resource, SPAN_VALUE_LIMIT)
        self._event_limit = _limit(resource, EVENT_VALUE_LIMIT)
        if resource not in self._resources:
            self._resources.append(resource)
            if _has_words(resource):
                words = Words(_own(resource), row, "resource ", self._warn)
                self._said.extend(facts(words, agent_of(words), 0, 0))


def _keep_order(said: list[Moment], first: int) -> None:
    """Puts utterances of one span and one time a nanosecond apart, in the order of their events.

    Some clocks stand still for milliseconds, and some apps know seconds only.
    """
    several = said[first:]
    if len({one.start_ns for one in several if type(one) is Utterance}) == len(several):
        return  # as nearly always
    raw_ns = together = 0
    for index, one in enumerate(several, first):
        if not isinstance(one, Utterance):
            continue
        if one.start_ns != raw_ns:
            raw_ns, together = one.start_ns, 0
            continue
        together += 1
        start_ns = raw_ns + together
        said[index] = replace(one, start_ns=start_ns, end_ns=one.end_ns and max(start_ns, one.end_ns))


def _has_words(found: Mapping[str, object]) -> bool:
    """Returns whether any attribute may be Roark's. On most spans none is."""
    names = "\n".join(found)
    return attributes.PREFIX in names or attributes.LIVEKIT_ROOM_ID_RESOURCE in names


def _limit(resource: Mapping[str, object], name: str) -> int | None:
    found = resource.get(name)
    return found if isinstance(found, int) else None


def _own(found: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in found.items() if key.startswith(_PREFIXES)}
