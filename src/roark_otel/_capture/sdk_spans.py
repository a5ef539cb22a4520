"""The SDK's spans as records: what is read of a span that begins, ends, or is open.

Private attributes of the SDK (`_context`, `_attributes._dict`, `_events._dq` and their like, the same from 1.33 to
1.45) are read for speed only; a span that lacks one is read through the public interface.
"""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel._model.spans import SpanEvent, SpanRecord
from roark_otel._model.vocabulary import OpenSpans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.trace import Event, ReadableSpan, Span
    from opentelemetry.trace import SpanContext

    from roark_otel._model.spans import SpanStart

TRACE_ID: Final = 0  # of a SpanContext, which is a tuple
SPAN_ID: Final = 1
IS_REMOTE: Final = 2

NOTHING: Mapping[str, object] = {}

new = tuple.__new__
"""Makes a named tuple of the tuple of its fields, in half the time that its class takes."""


def read_open(span: object) -> SpanRecord | None:
    """An open span as a record; None if it has ended, because then its record is on its way."""
    live = cast("Span | None", alive(span))
    if live is None or not live.is_recording():
        return None
    context, _, scope, attributes = public(live)
    dropped, events = events_of(live)
    record = record_of(live, context, scope, attributes, events, live.resource.attributes, error=False)
    return record._replace(end_ns=None, dropped_events=dropped)


def _attributes_of_open(span: object) -> Mapping[str, object]:
    live = cast("Span | None", alive(span))
    return NOTHING if live is None else live.attributes or NOTHING


OPEN_SPANS = OpenSpans(attributes=_attributes_of_open, record=read_open, is_held=lambda span: alive(span) is not None)


def weakly(span: object) -> object:
    """A weak reference; the span itself if its type knows none, which is then kept as long as its conversation is."""
    try:
        return weakref.ref(span)
    except TypeError:
        return span


def alive(reference: object) -> object | None:
    """What a weak reference is for, unless it is gone."""
    return reference() if isinstance(reference, weakref.ref) else reference


def public(span: ReadableSpan) -> tuple[SpanContext, SpanContext | None, str, Mapping[str, object]]:
    """Context, parent, scope and attributes of a span through the public interface."""
    scope = span.instrumentation_scope
    context = cast("SpanContext", span.get_span_context())
    return context, span.parent, scope.name if scope else "", dict(span.attributes or {})


def events_of(span: ReadableSpan) -> tuple[int, list[Event]]:
    """How many events a span has dropped, and the others: read again if one was dropped in between."""
    dropped, events = span.dropped_events, list(span.events)
    for _ in range(8):
        if span.dropped_events == dropped:
            break
        dropped, events = span.dropped_events, list(span.events)
    return dropped, events


def copies(events: Iterable[Event]) -> tuple[SpanEvent, ...]:
    """Events as they are kept."""
    try:
        return tuple(
            [new(SpanEvent, (event._name, event._timestamp, event._attributes._dict)) for event in events]  # type: ignore[union-attr]
        )
    except AttributeError:
        return tuple([SpanEvent(event.name, event.timestamp, event.attributes or NOTHING) for event in events])


def record_of(
    span: ReadableSpan,
    context: SpanContext,
    scope: str,
    attributes: Mapping[str, object],
    events: Iterable[Event],
    resource: Mapping[str, object],
    *,
    error: bool,
) -> SpanRecord:
    """A span as a record, of what its caller has read of it already."""
    try:
        parent, name, start_ns, end_ns = span._parent, span._name, span._start_time, span._end_time
        dropped: int = span._events.dropped  # type: ignore[attr-defined]
    except AttributeError:
        parent, name, start_ns, end_ns = span.parent, span.name, span.start_time, span.end_time
        dropped = span.dropped_events
    return new(
        SpanRecord,
        (
            context[TRACE_ID],
            context[SPAN_ID],
            None if parent is None else parent[SPAN_ID],
            scope,
            name,
            start_ns or 0,
            end_ns,
            dict(attributes),
            copies(events) if events else (),
            dropped,
            error,
            resource,
        ),
    )


def parts_of(span: Span) -> tuple[object, object] | None:
    """What of a span outlives it: its attributes and its events; None if the SDK has other parts than we know."""
    try:
        return span._attributes, span._events
    except AttributeError:
        return None


def record_of_parts(start: SpanStart, parts: tuple[Any, Any] | None) -> SpanRecord:
    """An open span as a record, of what is left of it; of events that were read early the conversation knows."""
    said: dict[str, object] = {}
    happened: tuple[SpanEvent, ...] = ()
    dropped = 0
    if parts is not None:
        attributes, events = parts
        with suppress(AttributeError):
            said, happened, dropped = dict(attributes._dict), copies(list(events._dq)), events.dropped
    return SpanRecord(
        start.trace_id,
        start.span_id,
        start.parent_id,
        start.scope,
        start.name,
        start.start_ns,
        None,
        said,
        happened,
        dropped,
        error=False,
        resource=start.resource,
    )


def size_of(record: SpanRecord) -> int:
    """How many characters the attributes of a span and of its events have."""
    size = characters(record.attributes)
    for event in record.events:
        size += characters(event.attributes)
    return size


def characters(attributes: Mapping[str, object]) -> int:
    """How many characters the texts among these values have."""
    size = 0
    for value in attributes.values():
        if type(value) is str:
            size += len(value)
    return size
