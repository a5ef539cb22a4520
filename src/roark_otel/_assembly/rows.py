"""The rows of a log, sorted out: each span once, with all of its events that were ever seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import (
    ATTRIBUTES,
    DROPPED,
    END,
    KIND,
    OWN_ID,
    PARENT,
    SPAN,
    START,
    STRENGTH,
    TRACE,
    Kind,
    Row,
    SpanEvent,
    SpanView,
    attributes_of,
    events_of,
    view,
)
from roark_otel._model.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_EDGE, _LOST, _EVENTS = int(Kind.EDGE), int(Kind.LOST), int(Kind.EVENTS)
_CONTEXT, _RESOURCE, _OPEN = int(Kind.CONTEXT), int(Kind.RESOURCE), int(Kind.OPEN)

_RUN = 2_048
"""The number of rows that are sorted at once: so the interpreter is not held for longer than half a millisecond."""

_NO_RESOURCE: Mapping[str, object] = {}


class Span:
    """A span: its row, its resource, and where it stands in the tree, if that is asked for."""

    __slots__ = ("above", "conversation", "events", "missed", "resource", "row")

    def __init__(self, row: Row, resource: Mapping[str, object]) -> None:
        self.row = row
        self.resource = resource
        self.events: tuple[SpanEvent, ...] | None = None
        self.missed = 0
        self.above: Span | None = None
        self.conversation: Any = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or never can."""
        return bool(self.row[KIND] != _OPEN)

    @property
    def own_id(self) -> str | None:
        """The id that the span itself shows, or the context in which it began."""
        found = self.row[OWN_ID]
        return found if found is not None and is_external_id(found) else None

    def view(self) -> SpanView:
        """Returns what a dialect sees of it."""
        found = view(self.row, self.resource)
        return found if self.events is None else found._replace(events=self.events, dropped_events=0)


@dataclass(slots=True)
class Sorted:
    """The spans of a log in the order of their starts.

    Args:
        spans: Those with something to say, and those that stand between them.
        contexts: What `call_attributes` said: attributes and when.
        ids: The ids that spans show.
        strong: How many spans are marked or a framework's roots.
    """

    spans: list[Span] = field(default_factory=list["Span"])
    contexts: list[SpanView] = field(default_factory=list["SpanView"])
    ids: set[str] = field(default_factory=set[str])
    strong: int = 0
    lost: int = 0


def sort_out(batches: Iterable[Iterable[Row]], pause: Callable[[], None]) -> Sorted:
    """Sorts out rows. A row that comes twice counts once; one of an ended span counts for more than one of an open."""
    by_key: dict[tuple[int, int], Span] = {}
    early: dict[tuple[int, int], list[Row]] = {}
    found = Sorted()
    resource = _NO_RESOURCE
    for rows in batches:
        for row in rows:
            kind = row[KIND]
            key = row[TRACE], row[SPAN]
            if kind == _RESOURCE:
                resource = attributes_of(row)
            elif kind == _EVENTS:
                early.setdefault(key, []).append(row)
            elif kind == _CONTEXT:
                _add_context(found, row)
            else:
                known = by_key.get(key)
                if known is None or _rank(known.row[KIND]) < _rank(kind):
                    by_key[key] = Span(row, resource)
        pause()
    for key, rows in early.items():
        if (span := by_key.get(key)) is not None:
            _join_events(span, rows)
    found.spans = _in_order(list(by_key.values()), pause)
    for span in in_steps(found.spans, pause):
        _note(found, span)
    return found


def _rank(kind: int) -> int:
    """Returns how much a row says of its span: an edge less than the others, an open span less than an ended one."""
    return {_EDGE: 0, _LOST: 1, _OPEN: 2, int(Kind.ABANDONED): 3}.get(kind, 4)


def _note(found: Sorted, span: Span) -> None:
    row = span.row
    if row[OWN_ID] is not None and is_external_id(row[OWN_ID]):
        found.ids.add(row[OWN_ID])
    found.strong += row[STRENGTH] is not None
    found.lost += row[KIND] == _LOST
    if span.events is None and row[DROPPED]:
        span.missed = row[DROPPED]


def _add_context(found: Sorted, row: Row) -> None:
    """Takes in the values of `call_attributes`: a view with an id below 0, because they stand above no span."""
    attributes = attributes_of(row)
    if all(attributes != known.attributes for known in found.contexts):
        start_ns = row[START]
        number = -len(found.contexts) - 1
        found.contexts.append(SpanView(row[TRACE], number, None, "", "call_attributes", start_ns, start_ns, attributes))


def _join_events(span: Span, rows: list[Row]) -> None:
    """Joins the events that were read early to those of the span, and counts the gaps between them."""
    events: list[SpanEvent] = []
    following = missed = 0
    seen = [(row[DROPPED], events_of(row)) for row in rows]
    if span.row[KIND] not in {_EDGE, _LOST}:
        seen.append((span.row[DROPPED], events_of(span.row)))
    for first, new in sorted(seen, key=lambda one: one[0]):
        if first > following:
            missed += first - following
            following = first
        fresh = new[following - first :]
        events += fresh
        following += len(fresh)
    span.events, span.missed = tuple(events), missed


def _in_order(spans: list[Span], pause: Callable[[], None]) -> list[Span]:
    """Sorts spans by start, then by id: runs first, which the last sort only has to merge."""
    if len(spans) > _RUN:
        runs: list[Span] = []
        for at in range(0, len(spans), _RUN):
            runs += sorted(spans[at : at + _RUN], key=_order)
            pause()
        spans = runs
    return sorted(spans, key=_order)


def _order(span: Span) -> tuple[int, int]:
    return span.row[START], span.row[SPAN]


def parent_key(row: Row) -> tuple[int, int]:
    """Returns the key of the span above."""
    return row[TRACE], row[PARENT]


def latest_ns(row: Row) -> int:
    """Returns when a span was last heard of."""
    return int(row[START] if row[END] is None else row[END])


def shows(row: Row, name: str) -> bool:
    """Returns whether a span has an attribute of this name."""
    return name in row[ATTRIBUTES]
