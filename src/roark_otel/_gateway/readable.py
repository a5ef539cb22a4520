"""Whether protobuf's own parser reads a request, which takes a hundredth of what reading it in Python takes.

What it refuses is not always unreadable: texts that an exporter has cut within a character, and lists that are deep,
are read all the same. So its "no" only says that the spans have to be looked at one by one.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_SMALL: Final = 1024 * 1024
"""Requests up to this size in bytes can have no harmful number of values, of which each takes some 100 bytes."""

_TAGS: Final = (b"\x0a", b"\x12", b"\x2a", b"\x4a", b"\x5a", b"\x6a")
"""The tags of spans, events, links, attributes and elements of lists. Other bytes may look like one."""

_DENSE: Final = 4
"""With more of them than one in this many bytes, most of what a large request has is empty values."""


def is_readable(request: bytes) -> bool:
    """Returns whether protobuf's own parser reads a request of traces, and its objects would not fill the memory."""
    if len(request) > _SMALL and sum(map(request.count, _TAGS)) > len(request) // _DENSE:
        return False
    try:
        ExportTraceServiceRequest.FromString(request)
    except DecodeError:
        return False
    return True
