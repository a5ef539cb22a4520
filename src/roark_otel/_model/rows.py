"""Rows: what is kept of a span, by value.

The same row comes from the SDK, from a file and from a stream:

    kind, trace id, span id, parent id, scope, name, start, end, own id, origin, strength, error, dropped events,
    the attributes, and for each event: name, time, number of attributes, their names, their values

Ids are the integers of the span context; a parent id of 0 is none. Times are nanoseconds since the epoch; the end of an
open span is None. `SpanView` is what a dialect sees of a row. On the app's thread, and in a log, the attributes are
written in other ways: see `Captured`, and without a mapping, so that the collector of garbage follows nothing of it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from roark_otel._model.tuples import made

if TYPE_CHECKING:
    from collections.abc import Mapping

Row: TypeAlias = "tuple[Any, ...]"

Captured: TypeAlias = "tuple[Any, ...]"
"""A row as the app's thread leaves it: with a copy of the attributes, and after it the events in one sequence, for each
its name, its time and a copy of its attributes. To copy a mapping takes a quarter of the time that it takes to write
down its names and values."""

KIND: Final = 0
TRACE: Final = 1
SPAN: Final = 2
PARENT: Final = 3
SCOPE: Final = 4
NAME: Final = 5
START: Final = 6
END: Final = 7
OWN_ID: Final = 8
ORIGIN: Final = 9
STRENGTH: Final = 10
ERROR: Final = 11
DROPPED: Final = 12
ATTRIBUTES: Final = 13
EVENTS: Final = 14
"""The place of the first event."""

ID_BITS: Final = 64
"""The bits of a span's id. Above them, a pass writes the start of a span that has the ids of an earlier one."""

LARGEST_ID: Final = (1 << ID_BITS) - 1


SPAN_VALUE_LIMIT: Final = "roark.sdk.span_value_limit"
EVENT_VALUE_LIMIT: Final = "roark.sdk.event_value_limit"
"""Beside a resource's attributes: the most characters of a text on its spans, and on their events. Capture notes them,
because a text of exactly that length may have been cut."""


STATUS_DESCRIPTION: Final = "otel.status_description"
"""The attribute of a span that holds why its status is ERROR, as exporters without such a field name it
(OpenTelemetry 1.43, "Mapping to non-OTLP formats")."""


def id_in_trace(span_id: int) -> int:
    """Returns the id that a span has in its trace, of the one that it has in a pass."""
    return span_id & LARGEST_ID if span_id > 0 else span_id


class Kind(IntEnum):
    """What a row is of."""

    ENDED = 0
    """A span that has ended."""
    OPEN = 1
    """A span that is open; without attributes where its framework filters them only at the end."""
    ABANDONED = 2
    """An open span that the app has let go of, so that it can never end."""
    EDGE = 3
    """A span without anything to say, which stands between others."""
    EVENTS = 4
    """Events of an open span, read before the SDK drops them. `DROPPED` is the index of the first one."""
    LOST = 5
    """A span for whose attributes and events there was no room."""
    CONTEXT = 6
    """What `call_attributes` says where the span starts."""
    RESOURCE = 7
    """The resource of the spans that follow."""


class Origin(IntEnum):
    """Where an id came from, the weakest first."""

    AUTO = 0
    RESOURCE = 1
    BAGGAGE = 2
    CONTEXT = 3
    SPAN = 4


class Strength(IntEnum):
    """What makes a span a root, the weakest first."""

    IMPLIED = 0
    DIALECT = 1
    MARKED = 2


class SpanEvent(NamedTuple):
    """An event of a span. Its name may be anything and so may its time: the SDK checks neither."""

    name: object
    time_ns: object
    attributes: Mapping[str, object]


class SpanView(NamedTuple):
    """What a dialect's reader sees of a span while it reads a conversation. Not to be kept.

    Ids are the integers of the span context, times are nanoseconds since the epoch. `end_ns` is None if the span has
    not ended. `dropped_events` counts those that the SDK dropped before they were read. `error` says whether the
    status is ERROR.
    """

    trace_id: int
    span_id: int
    parent_id: int | None
    scope: str
    name: str
    start_ns: int
    end_ns: int | None
    attributes: Mapping[str, object]
    events: tuple[SpanEvent, ...] = ()
    dropped_events: int = 0
    error: bool = False
    resource: Mapping[str, object] = {}


class SpanName(NamedTuple):
    """The name and the ids of a span: what a warning needs after the span was read."""

    trace_id: int
    span_id: int
    scope: str
    name: str


class Unread(dict[str, object]):
    """Attributes with texts that are made again when they are read."""

    def whole(self) -> dict[str, object]:
        """Returns the attributes as they were."""
        raise NotImplementedError


_EVENTS = int(Kind.EVENTS)


def view(row: Row, resource: Mapping[str, object]) -> SpanView:
    """Returns what a dialect sees of a row."""
    attributes: dict[str, object] = row[ATTRIBUTES]
    return made(
        SpanView,
        (
            row[TRACE],
            row[SPAN],
            row[PARENT] or None,
            row[SCOPE],
            row[NAME],
            row[START],
            row[END],
            attributes if type(attributes) is dict else attributes_of(row),
            events_of(row) if len(row) > EVENTS else (),
            0 if row[KIND] == _EVENTS else row[DROPPED],
            row[ERROR],
            resource,
        ),
    )


def attributes_of(row: Row) -> dict[str, object]:
    """Returns the attributes of a row."""
    found: dict[str, object] = row[ATTRIBUTES]
    return found.whole() if isinstance(found, Unread) else found


def events_of(row: Row) -> tuple[SpanEvent, ...]:
    """Returns the events of a row."""
    at = EVENTS
    events: list[SpanEvent] = []
    size = len(row)
    while at < size:
        count = row[at + 2]
        names = at + 3
        values = names + count
        attributes = dict(zip(row[names:values], row[values : values + count])) if count else {}  # noqa: B905
        events.append(made(SpanEvent, (row[at], row[at + 1], attributes)))
        at = values + count
    return tuple(events)


def row_of(
    kind: Kind,
    span: SpanView,
    *,
    own_id: object = None,
    origin: int = Origin.SPAN,
    strength: int | None = None,
) -> Row:
    """Returns the row of a span that is known by its view: from a file, or made for a test."""
    row: list[Any] = [
        int(kind),
        span.trace_id,
        span.span_id,
        span.parent_id or 0,
        span.scope,
        span.name,
        span.start_ns,
        span.end_ns,
        own_id,
        int(origin),
        strength,
        span.error,
        span.dropped_events,
        dict(span.attributes),
    ]
    for event in span.events:
        row += (event.name, event.time_ns, len(event.attributes), *event.attributes, *event.attributes.values())
    return tuple(row)


def as_captured(row: Row) -> Captured:
    """Returns a row as capture would have left it."""
    events: list[Any] = []
    for event in events_of(row):
        events += event
    return (*row[:ATTRIBUTES], attributes_of(row), events)
