"""Whether protobuf's own parser reads a request, which takes a hundredth of what reading it in Python takes.

What it refuses is not always unreadable: texts that an exporter has cut within a character, and lists that are deep,
are read all the same. So its "no" only says that the spans have to be looked at one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._gateway.framing import FramedResource, FramedScope

AT_ONCE: Final = 1024 * 1024
"""The most bytes that are parsed in one go.

Two bytes may be an empty value, which takes up to 100 bytes of memory, so that no more than some 50 MiB are taken at a
time, whatever the request has.
"""


def is_readable(request: bytes, resources: Iterable[FramedResource]) -> bool:
    """Returns whether protobuf's own parser reads a request of traces, in parts that are small.

    Args:
        request: The request.
        resources: The places of its spans.
    """
    if len(request) <= AT_ONCE:
        return _is_parsed(ExportTraceServiceRequest, request)
    return all(_are_parsed(request, resource) for resource in resources)


def _are_parsed(request: bytes, resource: FramedResource) -> bool:
    return _is_parsed(ResourceSpans, resource.head) and all(
        _is_parsed(ScopeSpans, scope.head)
        and all(_is_parsed(ScopeSpans, request[first:last]) for first, last in _parts(scope))
        for scope in resource.scopes
    )


def _parts(scope: FramedScope) -> Iterator[tuple[int, int]]:
    """Yields the places of spans that follow each other, as many of them as are parsed in one go."""
    first = last = -1
    for span in scope.spans:
        if first >= 0 and span.last - first > AT_ONCE:
            yield first, last
            first = -1
        first, last = span.field if first < 0 else first, span.last
    if first >= 0:
        yield first, last


def _is_parsed(kind: Any, part: bytes) -> bool:  # noqa: ANN401 - a class of generated messages
    if len(part) > AT_ONCE:
        return False
    try:
        kind.FromString(part)
    except DecodeError:
        return False
    return True
