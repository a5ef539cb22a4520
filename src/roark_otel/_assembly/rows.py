"""The rows of a log, sorted out: each span once, with all of its events that were ever seen."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import (
    ATTRIBUTES,
    DROPPED,
    END,
    EVENTS,
    ID_BITS,
    KIND,
    ORIGIN,
    OWN_ID,
    PARENT,
    SPAN,
    START,
    STRENGTH,
    TRACE,
    Kind,
    Origin,
    Row,
    SpanView,
    attributes_of,
)
from roark_otel._model.steps import free, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roark_otel._model.steps import Pause

_EDGE, _LOST, _EVENTS, _ENDED = int(Kind.EDGE), int(Kind.LOST), int(Kind.EVENTS), int(Kind.ENDED)
_BAGGAGE = int(Origin.BAGGAGE)
_CONTEXT, _RESOURCE, _OPEN = int(Kind.CONTEXT), int(Kind.RESOURCE), int(Kind.OPEN)

_PART: Final = 2_048
"""About how many rows are sorted at once, so that the interpreter is not held for longer than half a millisecond."""

NO_RESOURCE: Mapping[str, object] = {}

Key: TypeAlias = "tuple[int, int]"
"""A trace id and a span id."""

_SAYS: Final = {_EDGE: 0, _LOST: 1, _OPEN: 2, int(Kind.ABANDONED): 3, _ENDED: 4}
"""How much a row says of its span, by its kind: an edge less than the others, an open span less than an ended one."""

_order = itemgetter(START, SPAN)


class Resources:
    """The resources of spans: nearly always one for all.

    Args:
        main: That of the first span.
    """

    __slots__ = ("_others", "main")

    def __init__(self, main: Mapping[str, object] = NO_RESOURCE) -> None:
        self.main = main
        self._others: dict[Key, Mapping[str, object]] = {}

    @property
    def are_several(self) -> bool:
        """Whether they are not one for all."""
        return bool(self._others)

    def put(self, key: Key, resource: Mapping[str, object]) -> None:
        """Notes the resource of a span."""
        if resource is not self.main or key in self._others:
            self._others[key] = resource

    def of(self, row: Row) -> Mapping[str, object]:
        """Returns the resource of a span."""
        return self._others.get((row[TRACE], row[SPAN]), self.main) if self._others else self.main


@dataclass(slots=True)
class Sorted:
    """The spans of a log.

    Args:
        by_key: Their rows, by trace id and span id.
        rows: The same in the order of their starts: of spans with something to say, and those between them.
        telling: Those that show an id, or are marked or a framework's roots.
        gaps: Those that lack events, or everything.
        traces: Their traces, in this order.
        resources: Their resources.
        contexts: What `call_attributes` said: attributes and when.
        ids: The ids that spans show.
    """

    by_key: dict[Key, Row] = field(default_factory=dict["Key", "Row"])
    rows: list[Row] = field(default_factory=list["Row"])
    telling: list[Row] = field(default_factory=list["Row"])
    gaps: list[Row] = field(default_factory=list["Row"])
    traces: dict[int, None] = field(default_factory=dict["int", None])
    resources: Resources = field(default_factory=Resources)
    contexts: list[SpanView] = field(default_factory=list["SpanView"])
    ids: set[str] = field(default_factory=set[str])

    def let_go(self, pause: Pause) -> None:
        """Lets go of the rows, a few at a time."""
        keys = list(self.by_key)
        self.by_key.clear()
        self.telling.clear()
        free(keys, pause)
        free(self.rows, pause)

    @property
    def strong(self) -> int:
        """How many spans are marked or a framework's roots."""
        return sum(row[STRENGTH] is not None for row in self.telling)


def sort_out(batches: Iterable[Iterable[Row]], pause: Pause) -> Sorted:
    """Sorts out rows. A row that comes twice counts once; one of an ended span counts for more than one of an open."""
    found = Sorted()
    early: dict[Key, list[Row]] = {}
    _collect(batches, found, early, pause)
    for key, rows in early.items():
        if (span := found.by_key.get(key)) is not None:
            found.by_key[key] = _with_events(span, rows)
    found.rows = _in_order(list(found.by_key.values()), pause)
    for step in steps(found.rows, pause):
        found.telling += [row for row in step if row[OWN_ID] is not None or row[STRENGTH] is not None]
        found.gaps += [row for row in step if row[DROPPED] or row[KIND] == _LOST]
        found.traces.update(dict.fromkeys([row[TRACE] for row in step]))
    shown = {row[OWN_ID] for row in found.telling if isinstance(row[OWN_ID], str) and row[ORIGIN] != _BAGGAGE}
    found.ids = {one for one in shown if is_external_id(one)}
    return found


def _collect(batches: Iterable[Iterable[Row]], found: Sorted, early: dict[Key, list[Row]], pause: Pause) -> None:
    by_key, says = found.by_key, _SAYS
    resource = NO_RESOURCE
    known_resources: list[Mapping[str, object]] = []
    for rows in batches:
        for row in rows:
            kind = row[KIND]
            key = row[TRACE], row[SPAN]
            if kind in says:
                known = by_key.get(key)
                if kind == _ENDED and known is not None and known[KIND] == _ENDED and known[START] != row[START]:
                    row = _of_another_span(row)
                    key = row[TRACE], row[SPAN]
                    known = by_key.get(key)
                # What an open span shows may change: what was read last holds.
                if known is None or says[known[KIND]] < says[kind] or kind == known[KIND] == _OPEN:
                    if not by_key:
                        found.resources = Resources(resource)
                    by_key[key] = row
                    if resource is not found.resources.main or known is not None:
                        found.resources.put(key, resource)
            elif kind == _RESOURCE:
                resource = _one_for_all(known_resources, attributes_of(row))
            elif kind == _EVENTS:
                early.setdefault(key, []).append(row)
            elif kind == _CONTEXT:
                _add_context(found, row)
        pause()


def _of_another_span(row: Row) -> Row:
    """Returns the row of a span that has the ids of an earlier one, as if it had another: its own, below its start.

    An app that seeds `random`, so that its model answers the same again, has the same ids again as well.
    """
    return (*row[:SPAN], row[SPAN] | row[START] << ID_BITS, *row[SPAN + 1 :])


def _one_for_all(known: list[Mapping[str, object]], resource: Mapping[str, object]) -> Mapping[str, object]:
    """Returns the known resource that equals this one; this one if none does, which is known from now on."""
    for one in known:
        if one == resource:
            return one
    known.append(resource)
    return resource


def _add_context(found: Sorted, row: Row) -> None:
    """Takes in the values of `call_attributes`: a view with an id below 0, because they stand above no span."""
    attributes = attributes_of(row)
    if all(attributes != known.attributes for known in found.contexts):
        start_ns = row[START]
        number = -len(found.contexts) - 1
        found.contexts.append(SpanView(row[TRACE], number, None, "", "call_attributes", start_ns, start_ns, attributes))


def _with_events(span: Row, rows: list[Row]) -> Row:
    """Returns a row with the events that were read early and its own; the gaps between them are what it dropped."""
    events: list[Row] = []
    following = missed = 0
    seen = [(row[DROPPED], _events(row)) for row in rows]
    if span[KIND] not in {_EDGE, _LOST}:
        seen.append((span[DROPPED], _events(span)))
    for first, new in sorted(seen, key=itemgetter(0)):
        if first > following:
            missed += first - following
            following = first
        fresh = new[following - first :]
        events += fresh
        following += len(fresh)
    return (*span[:DROPPED], missed, span[ATTRIBUTES], *chain.from_iterable(events))


def _events(row: Row) -> list[Row]:
    """Returns the events of a row, each as it is in the row."""
    events: list[Row] = []
    at = EVENTS
    while at < len(row):
        end = at + 3 + 2 * row[at + 2]
        events.append(row[at:end])
        at = end
    return events


def _in_order(rows: list[Row], pause: Pause) -> list[Row]:
    """Sorts rows by start, then by id: many of them in parts, each with the rows of some time."""
    if len(rows) <= _PART:
        return sorted(rows, key=_order)
    bounds = sorted([row[START] for row in rows[:: _PART // 8]])[8::8]
    parts: list[list[Row]] = [[] for _ in range(len(bounds) + 1)]
    for step in steps(rows, pause):
        for row in step:
            parts[bisect(bounds, row[START])].append(row)
    ordered: list[Row] = []
    for part in parts:
        ordered += sorted(part, key=_order)
        pause()
    return ordered


def has_gap(row: Row) -> bool:
    """Returns whether events of a span are missing, or all of it."""
    return bool(row[DROPPED]) or row[KIND] == _LOST


def own_id(row: Row) -> str | None:
    """Returns the id that the span itself shows, or the context in which it began. Baggage names nothing."""
    found = row[OWN_ID]
    return found if found is not None and row[ORIGIN] != _BAGGAGE and is_external_id(found) else None


def is_over(row: Row) -> bool:
    """Returns whether a span has ended, or never can."""
    return bool(row[KIND] != _OPEN)


def parent_key(row: Row) -> Key:
    """Returns the key of the span above."""
    return row[TRACE], row[PARENT]


def latest_ns(row: Row) -> int:
    """Returns when a span was last heard of."""
    return int(row[START] if row[END] is None else row[END])


def shows(row: Row, name: str) -> bool:
    """Returns whether a span has an attribute of this name."""
    return name in row[ATTRIBUTES]
