"""Pages of the calls that a dry run makes, with the spans that they were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roark_otel._model.times import instant_ns
from roark_otel.cli.page import PageFolder
from roark_otel.pages import document
from roark_otel.pages.values import part, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from roark_otel._model.rows import SpanView
    from roark_otel._replay.gathering import Gathered

_MS = 1_000_000


class Pages:
    """Writes the page of each call, and keeps the spans of traces until the end of the file.

    Args:
        folder: Where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = PageFolder(folder)
        self._traces: dict[str, list[SpanView]] = {}
        self.written: int = 0

    def see(self, trace: Gathered) -> None:
        """Takes in the spans of a trace that is read now."""
        for span in trace.spans.values():
            self._traces.setdefault(f"{span.record.trace_id:032x}", []).append(span.record)

    def write(self, body: Mapping[str, Any]) -> None:
        """Writes the page of a call."""
        spans = self._traces.get(text(part(body, "properties"), "trace_id"), [])
        started_ns = instant_ns(text(body, "startedAt"))
        ordered = sorted(spans, key=lambda one: (one.start_ns, one.span_id))
        self._folder.write(document(body, spans=[_as_json(one, started_ns) for one in ordered]))
        self.written += 1


def _as_json(span: SpanView, started_ns: int) -> dict[str, Any]:
    """Returns a span as the document of a call has it. A file may leave out when it ended."""
    return {
        "traceId": f"{span.trace_id:032x}",
        "spanId": f"{span.span_id:016x}",
        "parentSpanId": None if span.parent_id is None else f"{span.parent_id:016x}",
        "name": span.name,
        "kind": "internal",
        "scope": span.scope,
        "startMs": (span.start_ns - started_ns) / _MS,
        "endMs": ((span.start_ns if span.end_ns is None else span.end_ns) - started_ns) / _MS,
        "status": {"code": "error" if span.error else "unset", "message": ""},
        "attributes": dict(span.attributes),
        "events": [
            {"name": str(one.name), "atMs": _at(one.time_ns, started_ns), "attributes": dict(one.attributes)}
            for one in span.events
        ],
    }


def _at(time_ns: object, started_ns: int) -> float:
    return (time_ns - started_ns) / _MS if isinstance(time_ns, int) else 0.0
