"""A recorded dump: a JSON list of spans, as a processor that writes them down makes it.

A span has `name`, `trace_id`, `span_id`, `parent_span_id` (hex), `start_ns`, `end_ns` (null if it never ended),
`attributes`, `events` (`name`, `ts_ns`, `attributes`), `status`, `scope` and `resource`. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from roark_otel._model.rows import STATUS_DESCRIPTION, SpanEvent, SpanView
from roark_otel._sources.recorded import RecordedSpan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Json = Mapping[str, object]


def spans_of_dump(document: object) -> Iterator[RecordedSpan]:
    """Reads the spans of a dump.

    Raises:
        ValueError: if it is not a dump; the message quotes nothing of it.
    """
    if not isinstance(document, list):
        raise ValueError("a dump is a list of spans")
    for span in cast("list[object]", document):
        try:
            yield RecordedSpan(_span(cast("Json", span)))
        except (AttributeError, KeyError, TypeError) as fault:
            raise ValueError(f"a span of the dump is not complete ({type(fault).__name__})") from None


def _span(span: Json) -> SpanView:
    end, status, attributes = span["end_ns"], _object(span, "status"), _object(span, "attributes")
    failed = status.get("code") == "ERROR"
    if failed and isinstance(description := status.get("description"), str) and description:
        attributes = {STATUS_DESCRIPTION: description, **attributes}
    return SpanView(
        trace_id=_id(span["trace_id"]),
        span_id=_id(span["span_id"]),
        parent_id=_id(span.get("parent_span_id") or "0") or None,
        scope=str(_object(span, "scope").get("name") or ""),
        name=str(span["name"]),
        start_ns=_ns(span["start_ns"]),
        end_ns=None if end is None else _ns(end),
        attributes=attributes,
        events=tuple(_event(event) for event in cast("list[Json]", span.get("events") or ())),
        dropped_events=_ns(span.get("dropped_events") or 0),
        error=failed,
        resource=_object(span, "resource"),
    )


def _event(event: Json) -> SpanEvent:
    return SpanEvent(event["name"], event["ts_ns"], _object(event, "attributes"))


def _object(holder: Json, name: str) -> Json:
    found: object = holder.get(name) or {}
    if not isinstance(found, dict):
        raise TypeError(name)
    return cast("Json", found)


def _id(value: object) -> int:
    if not isinstance(value, str):
        raise TypeError("id")
    return int(value, 16)


def _ns(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("time")
    return value
