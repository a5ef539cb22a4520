"""Exports the traces of those conversations alone that a processor takes, where its app has an `accepts` hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

MAX_SEEN: Final = 10_000
"""The most traces whose ids are known. The spans of a trace that is not known are not exported."""


class SeenIds:
    """The external ids that traces have shown, with the attributes of the spans that showed them.

    Args:
        id_keys: The names of attributes that hold an external id.
        takes: Returns whether a conversation is taken; called on the exporter's thread.
    """

    def __init__(self, id_keys: Sequence[str], takes: Callable[[str, Mapping[str, object]], bool]) -> None:
        self._id_keys = tuple(id_keys)
        self._takes = takes
        self._seen: dict[int, dict[str, Mapping[str, object]]] = {}

    def note(self, trace_id: int, spans: Iterable[ReadableSpan]) -> None:
        """Notes the ids that spans show."""
        for span in spans:
            own, resource = span.attributes or {}, span.resource.attributes
            for shown in (own, resource):
                found = next((shown[key] for key in self._id_keys if key in shown), None)
                if found is not None:
                    self.note_id(trace_id, found, {**resource, **own})
                    break

    def note_id(self, trace_id: int, external_id: object, attributes: Mapping[str, object]) -> None:
        """Notes an id."""
        if not isinstance(external_id, str):
            return
        if len(self._seen) >= MAX_SEEN:
            for oldest in list(self._seen)[: MAX_SEEN // 10]:
                self._seen.pop(oldest, None)
        self._seen.setdefault(trace_id, {}).setdefault(external_id, attributes)

    def are_taken(self, trace_id: int) -> bool:
        """Returns whether each conversation that a trace has shown is taken: it may show those of two projects."""
        seen = list(self._seen.get(trace_id, {}).items())
        return bool(seen) and all(self._takes(external_id, attributes) for external_id, attributes in seen)


class Choosing(SpanExporter):
    """Hands the spans of chosen traces to another exporter. It runs on the exporter's thread.

    Args:
        to: The exporter.
        seen: What says which traces are taken.
    """

    def __init__(self, to: SpanExporter, seen: SeenIds) -> None:
        self._to = to
        self._seen = seen

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports the spans of chosen traces; none if that cannot be found out."""
        chosen = self._chosen(spans)
        if chosen is None:
            return SpanExportResult.FAILURE
        return self._to.export(chosen) if chosen else SpanExportResult.SUCCESS

    @guarded(None)
    def _chosen(self, spans: Sequence[ReadableSpan]) -> list[ReadableSpan] | None:
        traces = {span.context.trace_id for span in spans if span.context is not None}
        taken = {trace_id for trace_id in traces if self._seen.are_taken(trace_id)}
        return [span for span in spans if span.context is not None and span.context.trace_id in taken]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flushes the exporter."""
        return self._to.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shuts the exporter down."""
        self._to.shutdown()
