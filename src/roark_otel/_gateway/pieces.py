"""Cuts a request into its pieces, one for each trace that may have a conversation, and leaves out the rest.

A span that cannot be read costs itself alone: its sender hears of it as a partial success. Only a request of which no
span can be read is unreadable.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._gateway.framing import (
    RESOURCE_SPANS,
    SCOPE_SPANS,
    field_of_length,
    framed,
    request_of_spans,
    requests_by_trace,
)
from roark_otel._gateway.json_pieces import json_pieces
from roark_otel._gateway.readable import is_readable
from roark_otel._gateway.relevance import is_between
from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._sources.otlp.peek import Peeked, peek
from roark_otel._sources.otlp.request import is_json, reading, spans_of

if TYPE_CHECKING:
    from collections.abc import Container

    from roark_otel._gateway.framing import FramedResource
    from roark_otel._gateway.relevance import RequestRelevance
    from roark_otel._gateway.shown import TraceShows
    from roark_otel._model.vocabulary import Vocabulary


class TracePiece(NamedTuple):
    """The spans of one trace in one request.

    Attributes:
        trace: The trace id, as 16 bytes.
        spans: How many there are.
        shown: The external ids and strengths of roots that they show, each once.
        resource_id: The external id of their resource.
        body: The spans, as an OTLP request.
    """

    trace: bytes
    spans: int
    shown: tuple[tuple[str | None, int | None], ...]
    resource_id: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """A request in pieces.

    Attributes:
        pieces: Those that may be of a conversation.
        spans: How many spans the request has.
        rejected: How many of them cannot be read.
        why: Why the first of these cannot be read; empty if all can be.
    """

    pieces: list[TracePiece] = field(default_factory=list[TracePiece])
    spans: int = 0
    rejected: int = 0
    why: str = ""


def cut_by_trace(request: bytes, vocabulary: Vocabulary, relevance: RequestRelevance, known: Container[bytes]) -> Cut:
    """Returns a request in pieces.

    Args:
        request: An OTLP export of traces, as protobuf or JSON, not compressed.
        vocabulary: What the dialects know together.
        relevance: What says which spans may be of a conversation.
        known: The traces of which all spans count.

    Raises:
        UnreadableRequest: if it is not a request of traces, or none of its spans can be read.
    """
    with reading():
        if is_json(request):
            return _of_json(request, vocabulary, relevance, known)
        return _of_protobuf(request, vocabulary, relevance, known)


def _of_protobuf(request: bytes, vocabulary: Vocabulary, relevance: RequestRelevance, known: Container[bytes]) -> Cut:
    resources = framed(request)
    if is_readable(request, resources):
        with suppress(UnreadableRequest):
            return _of_framed(request, resources, vocabulary, relevance, known)
    # Each span alone takes long, and happens only where one of them is damaged or very large.
    good = _readable_spans(request, resources)
    found = _of_framed(good.request, framed(good.request), vocabulary, relevance, known)
    return replace(found, spans=found.spans + good.rejected, rejected=good.rejected, why=good.why)


def _of_framed(
    request: bytes,
    resources: list[FramedResource],
    vocabulary: Vocabulary,
    relevance: RequestRelevance,
    known: Container[bytes],
) -> Cut:
    """Returns a request in pieces, of which every span can be read.

    Raises:
        UnreadableRequest: if one cannot be read at a glance, or the pieces would be too large together.
    """
    number = sum(len(scope.spans) for resource in resources for scope in resource.scopes)
    shown = relevance.shown.at(request, resources)
    resource_ids: dict[int, str] = {}
    if shown is None:
        peeked = peek(request, vocabulary)
        shown, resource_ids = _shown(peeked), peeked.resource_ids
    wanted = {span.trace for resource in resources for scope in resource.scopes for span in scope.spans}
    if b"" in wanted:
        raise UnreadableRequest("a span has no trace id")
    unknown = {trace for trace in wanted if trace not in shown and trace not in known}
    if unknown:
        wanted -= unknown - _relevant(request, resources, unknown, relevance)
    pieces = [
        TracePiece(trace, spans, tuple(shown.get(trace, ())), resource_ids.get(int.from_bytes(trace, "big")), body)
        for trace, (body, spans) in requests_by_trace(request, resources, wanted).items()
    ]
    return Cut(pieces, number)


def _relevant(
    request: bytes, resources: list[FramedResource], traces: Container[bytes], relevance: RequestRelevance
) -> set[bytes]:
    """Returns those of these traces of which a span may be of a conversation."""
    places = relevance.places(request)
    found: set[bytes] = set()
    for resource in resources:
        for scope in resource.scopes:
            is_in_scope = relevance.is_in(scope.head)
            for _, first, last, trace in scope.spans:
                if trace in traces and (is_in_scope or is_between(places, first, last)):
                    found.add(trace)
    return found


class _ReadableSpans(NamedTuple):
    """A request of the spans that can be read, how many cannot be, and why the first of these cannot."""

    request: bytes
    rejected: int
    why: str


def _readable_spans(request: bytes, resources: list[FramedResource]) -> _ReadableSpans:
    """Returns the spans that can be read. A resource is read once, and each span without it.

    Raises:
        UnreadableRequest: if none can be read.
    """
    good: list[bytes] = []
    rejected, why = 0, ""
    for resource in resources:
        scopes: list[bytes] = []
        for scope in resource.scopes:
            of_both = _fault_of(request_of_spans(resource.head, scope.head, b"")) if scope.spans else ""
            spans: list[bytes] = []
            for one in scope.spans:
                span = request[one.field : one.last]
                if fault := of_both or _fault_of(request_of_spans(b"", b"", span)):
                    rejected, why = rejected + 1, why or fault
                else:
                    spans.append(span)
            if spans:
                scopes.append(field_of_length(SCOPE_SPANS, scope.head + b"".join(spans)))
        if scopes:
            good.append(field_of_length(RESOURCE_SPANS, resource.head + b"".join(scopes)))
    if rejected and not good:
        raise UnreadableRequest(why)
    return _ReadableSpans(b"".join(good), rejected, why)


def _fault_of(request: bytes) -> str:
    """Returns why a request cannot be read; empty if it can be."""
    try:
        spans_of(request)
    except UnreadableRequest as fault:
        return str(fault)
    return ""


def _of_json(request: bytes, vocabulary: Vocabulary, relevance: RequestRelevance, known: Container[bytes]) -> Cut:
    several = json_pieces(request)
    pieces: list[TracePiece] = []
    for one in several.of_traces:
        peeked = peek(one.body, vocabulary)
        shown = _shown(peeked)
        if one.trace in shown or one.trace in known or relevance.is_on(one.scopes, one.names):
            pieces.append(_piece(one.trace, one.body, one.spans, shown, peeked))
    return Cut(pieces, several.spans, several.rejected, several.why)


def _shown(peeked: Peeked) -> TraceShows:
    """Returns what the spans show, by their traces, with the traces of which only the resource shows something."""
    found: TraceShows = {}
    for span in peeked.shown:
        found.setdefault(span.trace_id.to_bytes(16, "big"), {})[span.external_id, span.strength] = None
    for trace_id in peeked.resource_ids:
        found.setdefault(trace_id.to_bytes(16, "big"), {})
    return found


def _piece(trace: bytes, body: bytes, spans: int, shown: TraceShows, peeked: Peeked) -> TracePiece:
    resource_id = peeked.resource_ids.get(int.from_bytes(trace, "big"))
    return TracePiece(trace, spans, tuple(shown.get(trace, ())), resource_id, body)
