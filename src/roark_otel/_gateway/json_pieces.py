"""Cuts a JSON request into one for each trace. A span that cannot be read is left out, and counted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roark_otel._sources.otlp.json_fields import ids_of, object_of, objects_of, text_of
from roark_otel._sources.otlp.json_request import JsonRequest, load_request
from roark_otel._sources.otlp.limits import MAX_CUT_BYTES, UnreadableRequest, too_large_cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Json = Mapping[str, object]


@dataclass(slots=True)
class JsonTrace:
    """The spans of one trace, as an OTLP request. `names`: those of their attributes and events."""

    trace: bytes
    body: bytes = b""
    spans: int = 0
    scopes: set[str] = field(default_factory=set[str])
    names: set[str] = field(default_factory=set[str])
    resources: list[Json] = field(default_factory=list["Json"])


@dataclass(slots=True)
class JsonPieces:
    """The traces of a JSON request, how many spans it has, and how many of them cannot be read, and why."""

    of_traces: list[JsonTrace] = field(default_factory=list[JsonTrace])
    spans: int = 0
    rejected: int = 0
    why: str = ""


def json_pieces(request: bytes) -> JsonPieces:
    """Returns the traces of a JSON request.

    Raises:
        UnreadableRequest: if it is not a request of traces, or none of its spans can be read.
    """
    loaded = load_request(request)
    found = JsonPieces()
    traces: dict[bytes, JsonTrace] = {}
    is_whole = _is_readable(loaded)
    for resource_spans in objects_of(loaded, "resourceSpans"):
        for scope_spans in objects_of(resource_spans, "scopeSpans"):
            groups: dict[bytes, list[Json]] = {}
            for span in objects_of(scope_spans, "spans"):
                found.spans += 1
                why = "" if is_whole else _fault_of(resource_spans, scope_spans, span)
                if why:
                    found.rejected, found.why = found.rejected + 1, found.why or why
                    continue
                groups.setdefault(ids_of(span)[0].to_bytes(16, "big"), []).append(span)
            for trace, spans in groups.items():
                one = traces.setdefault(trace, JsonTrace(trace))
                _add(one, resource_spans, scope_spans, spans)
    if found.rejected and not traces:
        raise UnreadableRequest(found.why)
    left = MAX_CUT_BYTES
    for one in traces.values():
        one.body = _written({"resourceSpans": one.resources})
        if (left := left - len(one.body)) < 0:
            raise too_large_cut()
    found.of_traces = list(traces.values())
    return found


def _written(request: Json) -> bytes:
    """Returns a request as JSON, with letters as they are: as escapes, many would take twice the bytes."""
    try:
        return json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a pair, which only an escape can be
        return json.dumps(request, separators=(",", ":")).encode()


def _add(one: JsonTrace, resource_spans: Json, scope_spans: Json, spans: list[Json]) -> None:
    one.spans += len(spans)
    one.scopes.add(text_of(object_of(scope_spans, "scope"), "name"))
    for span in spans:
        one.names.update(_names(span))
    one.resources.append(_alone(resource_spans, scope_spans, spans))


def _alone(resource_spans: Json, scope_spans: Json, spans: list[Json]) -> Json:
    """Returns some spans of a scope with only this scope and its resource around them."""
    scope = {"scope": object_of(scope_spans, "scope"), "spans": spans}
    return {"resource": object_of(resource_spans, "resource"), "scopeSpans": [scope]}


def _names(span: Json) -> Iterator[str]:
    for attribute in objects_of(span, "attributes"):
        yield text_of(attribute, "key")
    for event in objects_of(span, "events"):
        yield text_of(event, "name")


def _is_readable(loaded: Json) -> bool:
    try:
        for _ in JsonRequest(loaded).spans():
            pass
    except UnreadableRequest:
        return False
    return True


def _fault_of(resource_spans: Json, scope_spans: Json, span: Json) -> str:
    """Returns why a span cannot be read; empty if it can be."""
    try:
        for _ in JsonRequest({"resourceSpans": [_alone(resource_spans, scope_spans, [span])]}).spans():
            pass
    except UnreadableRequest as fault:
        return str(fault)
    return ""
