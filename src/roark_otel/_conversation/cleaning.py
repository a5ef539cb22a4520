"""Entries whose names and times are what they seem: the SDK takes anything for them.

This happens on the assembler's thread, so that the app's pays nothing for it.
"""

from __future__ import annotations

from typing import TypeVar, cast

from typing_extensions import assert_never

from roark_otel._model import reading
from roark_otel._model.spans import Entry, EventsSeen, SpanAbandoned, SpanEvent, SpanGone, SpanRecord, SpanStart

S = TypeVar("S", SpanStart, SpanRecord)


def sound(entry: Entry, now_ns: int) -> Entry:
    """The entry with text for a name and nanoseconds for times; instead of nonsense the present holds."""
    match entry:
        case SpanStart():
            return _named(entry, now_ns)
        case SpanRecord():
            return _record(entry, now_ns)
        case SpanGone():
            return entry._replace(end_ns=_time_ns(entry.end_ns, now_ns))
        case EventsSeen():
            return entry._replace(events=_events(entry.events))
        case SpanAbandoned():
            return entry if entry.record is None else entry._replace(record=_record(entry.record, now_ns))
    assert_never(entry)


def _record(record: SpanRecord, now_ns: int) -> SpanRecord:
    span = _named(record, now_ns)._replace(events=_events(record.events))
    return span if span.end_ns is None else span._replace(end_ns=_time_ns(span.end_ns, now_ns))


def _named(span: S, now_ns: int) -> S:
    name = cast("object", span.name)
    if isinstance(name, str) and type(span.start_ns) is int and reading.time_ns(span.start_ns) is not None:
        return span
    return span._replace(name=_text(name), start_ns=_time_ns(span.start_ns, now_ns))


def _events(events: tuple[SpanEvent, ...]) -> tuple[SpanEvent, ...]:
    if all(isinstance(event.name, str) for event in events):
        return events
    return tuple(event._replace(name=_text(event.name)) for event in events)


def _text(name: object) -> str:
    return name if isinstance(name, str) else type(name).__name__


def _time_ns(value: object, now_ns: int) -> int:
    found = reading.time_ns(value)
    return now_ns if found is None else found
