"""The SDK's spans as rows: what is read of a span that begins, ends, or is open.

Private attributes of the SDK (`_context`, `_attributes._dict`, `_events._dq` and their like, the same from 1.33 to
1.45) are read for speed only; a span that lacks one is read through the public interface.
"""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.trace import StatusCode

from roark_otel._model.cut_marks import kept
from roark_otel._model.rows import EVENT_VALUE_LIMIT, SPAN_VALUE_LIMIT, STATUS_DESCRIPTION, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.trace import Event, ReadableSpan, Span
    from opentelemetry.trace import SpanContext

    from roark_otel._capture.inbox import Entry

TRACE_ID: Final = 0  # of a SpanContext, which is a tuple
SPAN_ID: Final = 1
IS_REMOTE: Final = 2

NOTHING: Mapping[str, object] = {}

_ERROR = StatusCode.ERROR
_OF_SPANS, _OF_ALL = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
_ENDED = int(Kind.ENDED)


def public(span: ReadableSpan) -> tuple[SpanContext, SpanContext | None, str, Mapping[str, object]]:
    """Returns context, parent, scope and attributes of a span through the public interface."""
    scope = span.instrumentation_scope
    context = cast("SpanContext", span.get_span_context())
    return context, span.parent, scope.name if scope else "", dict(span.attributes or {})


def attributes_of(span: ReadableSpan) -> Mapping[str, object]:
    """Returns the attributes of a span, open or not."""
    try:
        found: Mapping[str, object] = span._attributes._dict  # type: ignore[union-attr]
    except AttributeError:
        return span.attributes or NOTHING
    return found


def value_limit(span: object) -> int | None:
    """Returns the most characters that a text among a span's attributes has; None if there is no limit."""
    try:
        found: object = span._attributes.max_value_len  # type: ignore[attr-defined]
    except AttributeError:
        return _limit_of_environment(_OF_SPANS, _OF_ALL)
    return found if isinstance(found, int) else None


def length_limits(span: object) -> dict[str, int]:
    """Returns the length limits of the SDK for texts on spans and on events, those that there are, as attributes."""
    try:
        of_events: object = span._limits.max_attribute_length  # type: ignore[attr-defined]
    except AttributeError:
        of_events = _limit_of_environment(_OF_ALL)
    found = {SPAN_VALUE_LIMIT: value_limit(span), EVENT_VALUE_LIMIT: of_events}
    return {name: value for name, value in found.items() if isinstance(value, int)}


def _limit_of_environment(*names: str) -> int | None:
    """Returns the limit that the first of these variables sets, for spans that do not show their own."""
    for name in names:
        if (value := os.environ.get(name, "").strip()).isdecimal():
            return int(value)
    return None


def events_of(span: ReadableSpan) -> tuple[int, list[Event]]:
    """Returns how many events a span has dropped, and the others: read again if one was dropped in between."""
    try:
        known: Any = span._events
        dropped, events = known.dropped, list(known._dq)
        if known.dropped == dropped:
            return dropped, events
    except (AttributeError, RuntimeError):
        pass  # another SDK, or an event was added in between
    dropped, events = span.dropped_events, list(span.events)
    for _ in range(8):
        if span.dropped_events == dropped:
            break
        dropped, events = span.dropped_events, list(span.events)
    return dropped, events


def has_failed(span: ReadableSpan) -> bool:
    """Returns whether the status of a span is ERROR."""
    try:
        return span._status._status_code is _ERROR
    except AttributeError:
        return span.status.status_code is _ERROR


def with_description(span: ReadableSpan, attributes: Mapping[str, object]) -> dict[str, object]:
    """Returns a copy of the attributes of a span that has failed, with the description of its status, if it has one.

    It is cut as an attribute is, and to what is read of a text: an exception may quote megabytes.
    """
    values = {**attributes}
    if description := span.status.description:
        values[STATUS_DESCRIPTION] = kept(description[: value_limit(span)])
    return values


def captured(
    group: int,
    resource: Mapping[str, object],
    call_attributes: Mapping[str, object] | None,
    span: ReadableSpan,
    context: SpanContext,
    scope: str,
    identity: tuple[object, int, int | None],
    attributes: Mapping[str, object],
    events: Iterable[Event],
) -> Entry:
    """Copies an ended span by value: references to its values, nothing of the SDK.

    `identity`: its own id and where that came from, and what makes it a root.
    """
    try:
        parent, name, start_ns, end_ns = span._parent, span._name, span._start_time, span._end_time
        dropped: int = span._events.dropped  # type: ignore[attr-defined]
    except AttributeError:
        parent, name, start_ns, end_ns = span.parent, span.name, span.start_time, span.end_time
        dropped = span.dropped_events
    failed = has_failed(span)
    return (
        group,
        resource,
        call_attributes,
        _ENDED,
        context[TRACE_ID],
        context[SPAN_ID],
        0 if parent is None else parent[SPAN_ID],
        scope,
        name,
        start_ns,
        end_ns,
        *identity,
        failed,
        dropped,
        with_description(span, attributes) if failed else {**attributes},
        values_of(events),
    )


def values_of(events: Iterable[Event]) -> list[Any]:
    """Returns the name, the time and a copy of the attributes of each event."""
    values: list[Any] = []
    try:
        for event in events:
            values += event._name, event._timestamp, {**event._attributes._dict}  # type: ignore[union-attr]
    except AttributeError:
        values = []
        for event in events:
            values += event.name, event.timestamp, {**(event.attributes or NOTHING)}
    return values


def parts_of(span: Span) -> tuple[Any, Any]:
    """Returns what of a span outlives it: its attributes and its events; None twice if the SDK has other parts."""
    try:
        return span._attributes, span._events
    except AttributeError:
        return None, None


def left_of(attributes: Any, events: Any) -> tuple[int, Mapping[str, object], list[Any]]:  # noqa: ANN401 - the SDK's
    """Returns what outlived a span: how many events it had dropped, its attributes, the values of its events."""
    with suppress(AttributeError):
        return events.dropped, {**attributes._dict}, values_of(list(events._dq))
    return 0, NOTHING, []


def characters(attributes: Mapping[str, object], events: Iterable[object]) -> int:
    """Returns how many characters the texts among the values of attributes and of events have."""
    count = sum([len(value) for value in attributes.values() if type(value) is str])
    return count + sum([characters(value, ()) for value in events if type(value) is dict])


def bare(
    kind: int, span: ReadableSpan, context: SpanContext, scope: str, dropped_events: int = 0
) -> tuple[object, ...]:
    """Returns the row of a span of which only ids, names and times are kept, and how many events it had."""
    parent = span.parent
    parent_id = 0 if parent is None else parent[SPAN_ID]
    times = span.start_time, span.end_time
    return (
        kind,
        context[TRACE_ID],
        context[SPAN_ID],
        parent_id,
        scope,
        span.name,
        *times,
        None,
        0,
        None,
        False,
        dropped_events,
        NOTHING,
        (),
    )
