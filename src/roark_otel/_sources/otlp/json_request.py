"""OTLP traces as JSON, as exporters for HTTP send them and the Collector's file exporter writes them.

Decoded by hand, after the OTLP specification's section on JSON: ids are hex in any case, 64-bit numbers are text or
numbers, enums are numbers, unknown fields are ignored. Base64 ids, names in snake_case and enums by name, which
protobuf's own JSON writer produces, are read as well.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from roark_otel._model.rows import STATUS_DESCRIPTION, SpanEvent, SpanView
from roark_otel._sources.otlp.glance import Glance
from roark_otel._sources.otlp.json_fields import (
    as_object,
    boolean,
    bytes_of,
    double,
    field_of,
    ids_of,
    integer,
    number_of,
    object_of,
    objects_of,
    string,
    text_of,
)
from roark_otel._sources.otlp.limits import (
    CUT,
    MAX_DEPTH,
    MAX_REQUEST_VALUES,
    Counter,
    UnreadableRequest,
    too_many_values,
)
from roark_otel._sources.otlp.meaning import has_remote_parent, is_error
from roark_otel._sources.recorded import RecordedSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    Json = Mapping[str, object]

_BRACKETS: Final = 4
"""The braces and brackets that open for one value, at most: those of an attribute whose value is a list."""


def load_request(text: bytes) -> Json:
    """Returns the JSON object of a request. What is not UTF-8 has replacement characters.

    Raises:
        UnreadableRequest: if it is not a JSON object, or has more parts than a request may have values.
    """
    if text.count(b"{") + text.count(b"[") > _BRACKETS * MAX_REQUEST_VALUES:
        raise too_many_values()
    try:
        request: object = json.loads(str(text, "utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise UnreadableRequest("not JSON") from None
    if not isinstance(request, dict):
        raise UnreadableRequest("not a JSON object")
    return cast("Json", request)


class JsonRequest:
    """Decodes one request.

    Every method raises `UnreadableRequest` where it is not an export request. Requests of logs and metrics have no
    spans.

    Args:
        request: The request, as `load_request` returns it.
    """

    __slots__ = ("_counter", "_request", "_values")

    def __init__(self, request: Json) -> None:
        self._request = request
        self._counter = Counter()
        self._values: Mapping[str, Callable[[object, int], object]] = {
            "stringValue": string,
            "boolValue": boolean,
            "intValue": integer,
            "doubleValue": double,
            "arrayValue": self._list,
            "kvlistValue": self._mapping,
            "bytesValue": bytes_of,
        }

    def spans(self) -> Iterator[RecordedSpan]:
        """Yields the spans."""
        for resource, scope, spans in self.groups():
            for span in spans:
                yield self._span(span, scope, resource)

    def groups(self) -> Iterator[tuple[Json, str, list[Json]]]:
        """Yields the spans of each scope: the resource's attributes, the scope's name, and the spans."""
        for resource_spans in objects_of(self._request, "resourceSpans"):
            resource = self._attributes(object_of(resource_spans, "resource"))
            for scope_spans in objects_of(resource_spans, "scopeSpans"):
                yield resource, text_of(object_of(scope_spans, "scope"), "name"), objects_of(scope_spans, "spans")

    def _span(self, span: Json, scope: str, resource: Json) -> RecordedSpan:
        self._counter.add()
        attributes, status = self._attributes(span), object_of(span, "status")
        failed = is_error(status.get("code"))
        if failed and (description := text_of(status, "message")):
            attributes.setdefault(STATUS_DESCRIPTION, description)
        record = SpanView(
            *ids_of(span),
            scope=scope,
            name=text_of(span, "name"),
            start_ns=number_of(span, "startTimeUnixNano"),
            end_ns=number_of(span, "endTimeUnixNano"),
            attributes=attributes,
            events=tuple([self._event(event) for event in objects_of(span, "events")]),
            dropped_events=number_of(span, "droppedEventsCount"),
            error=failed,
            resource=resource,
        )
        return RecordedSpan(record, has_remote_parent(number_of(span, "flags"), span.get("kind")))

    def look(self, span: Json, wanted: Container[str]) -> Glance:
        """Returns a span at a glance, with the attributes of these names."""
        self._counter.add()
        attributes = [one for one in objects_of(span, "attributes") if text_of(one, "key") in wanted]
        return Glance(*ids_of(span), text_of(span, "name"), self._pairs(attributes, 0))

    def _event(self, event: Json) -> SpanEvent:
        self._counter.add()
        return SpanEvent(text_of(event, "name"), number_of(event, "timeUnixNano"), self._attributes(event))

    def _attributes(self, holder: Json) -> dict[str, object]:
        """Returns the attributes of a resource, a span or an event."""
        return self._pairs(objects_of(holder, "attributes"), 0)

    def _pairs(self, pairs: list[Json], depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for one in pairs:
            self._counter.add()
            found[text_of(one, "key")] = self._value(object_of(one, "value"), depth)
        return found

    def _value(self, value: Json, depth: int) -> object:
        """Returns what an `AnyValue` holds; None if it holds nothing."""
        for name, read in self._values.items():
            if (found := field_of(value, name)) is not None:
                return read(found, depth)
        return None

    def _list(self, value: object, depth: int) -> object:
        if depth >= MAX_DEPTH:
            return CUT
        found: list[object] = []
        for one in objects_of(as_object(value, "an array"), "values"):
            self._counter.add()
            found.append(self._value(one, depth + 1))
        return found

    def _mapping(self, value: object, depth: int) -> object:
        return CUT if depth >= MAX_DEPTH else self._pairs(objects_of(as_object(value, "a list"), "values"), depth + 1)
