"""Span records: the copied parts of a span, from a tracer provider or from a file.

They are plain tuples, because the app's thread makes several for every span of a conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


class SpanEvent(NamedTuple):
    """One event of a span. The name and the time are as the app passed them: the SDK checks neither."""

    name: object
    time_ns: object
    attributes: Mapping[str, object]


class SpanStart(NamedTuple):
    """A span started. It has only ids, name and start: a framework may filter the rest until the span ends.

    `local_root`: it has no parent in this process. `external_id` and `marked` are the values it carried at its start;
    `context` are the attributes of `call_attributes` there, `baggage_id` the id in W3C baggage. `live` is a weak
    reference to the open span, which only capture can read.
    """

    trace_id: int
    span_id: int
    parent_id: int | None
    scope: str
    name: str
    start_ns: int
    local_root: bool = False
    external_id: object = None
    marked: bool = False
    context: Mapping[str, object] = {}
    baggage_id: object = None
    resource: Mapping[str, object] = {}
    live: object = None


class SpanRecord(NamedTuple):
    """The copied parts of a span that ended, or of an open one that may be read.

    Ids are the integers of the span context, times are nanoseconds since the epoch. `end_ns` is None as long as the
    span is open. `dropped_events` counts those that the SDK dropped before the first of `events`. `error` says whether
    the status is ERROR.
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


class SpanGone(NamedTuple):
    """A span ended without relevant attributes or events, or (`dropped`) without room for its record in the inbox."""

    trace_id: int
    span_id: int
    end_ns: int
    dropped: bool = False


class EventsSeen(NamedTuple):
    """Events of an open span, read before the SDK's limit drops them. `first` is the index of the first one."""

    trace_id: int
    span_id: int
    first: int
    events: tuple[SpanEvent, ...]


class SpanAbandoned(NamedTuple):
    """The app let go of an open span, which can never end now. `record` is the span where open ones may be read."""

    trace_id: int
    span_id: int
    record: SpanRecord | None = None


Entry: TypeAlias = SpanStart | SpanRecord | SpanGone | EventsSeen | SpanAbandoned
"""An item of the inbox."""
