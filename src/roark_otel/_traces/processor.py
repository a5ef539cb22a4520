"""The spans of conversations on their way to Roark, so that a call and its trace are really linked.

Only traces that show an external id are exported, each whole: what ended before the id came waits, bounded, and what
shows none until its last span ends is let go. All of it happens beside the calls: no call waits for a span.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections import deque
from multiprocessing import util as multiprocessing_util
from typing import TYPE_CHECKING, Final

from opentelemetry import baggage
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from roark_otel._safety.guard import guarded, log_once
from roark_otel._traces.harmless import harmless_of, without_content
from roark_otel.attributes import EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from pydantic import SecretStr

    from roark_otel._model.dialect import Dialect, Harmless
    from roark_otel._settings.settings import Settings

MAX_WAITING_SPANS: Final = 10_000
"""So many ended spans may wait for an id, in all traces together; beyond it those of the oldest trace go."""

MAX_TRACES: Final = 10_000
"""So many traces with an id are remembered."""


class _Trace:
    """A trace with open spans: whether it shows an id, its local roots, and the ended spans that wait."""

    __slots__ = ("has_id", "open", "roots", "waiting")

    def __init__(self) -> None:
        self.has_id = False
        self.open: set[int] = set()
        self.roots: list[Span] = []
        self.waiting: deque[ReadableSpan] = deque()


class ConversationTraces(SpanProcessor):
    """Hands the spans of traces that show an external id to another processor.

    No lock is held: whoever sees that a trace has an id takes the spans that wait one by one, and a span that was added
    meanwhile is taken by whoever added it.

    Args:
        to: Who gets them, such as a `BatchSpanProcessor`.
        id_keys: The names of attributes that hold an external id.
    """

    def __init__(self, to: SpanProcessor, id_keys: Sequence[str]) -> None:
        self._to = to
        self._id_keys = tuple(id_keys)
        self._open: dict[int, _Trace] = {}
        self._with_id: dict[int, None] = {}
        self._waiting = 0
        self._pid = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A span began: its attributes, its resource or baggage may have an id already."""
        context = span.get_span_context()
        if not context.trace_flags.sampled:
            return
        trace = self._open.get(context.trace_id) or self._open.setdefault(context.trace_id, _Trace())
        trace.open.add(context.span_id)
        if trace.has_id:
            return
        if (
            context.trace_id in self._with_id
            or self._shows_id(span)
            or baggage.get_baggage(EXTERNAL_ID, parent_context) is not None
        ):
            trace.has_id = True
        elif span.parent is None or span.parent.is_remote:
            trace.roots.append(span)

    def on_end(self, span: ReadableSpan) -> None:
        """A span ended: it goes on its way, or waits until its trace shows an id."""
        context = span.get_span_context()
        trace = None if context is None else self._open.get(context.trace_id)
        if context is None or trace is None:
            return  # it began before this processor was there
        trace.waiting.append(span)
        self._waiting += 1
        trace.has_id = trace.has_id or self._shows_id(span) or any(self._shows_id(root) for root in trace.roots)
        if trace.has_id:
            self._hand_on(context.trace_id, trace)
        elif self._waiting > MAX_WAITING_SPANS:
            self._let_some_go()
        trace.open.discard(context.span_id)
        if not trace.open:
            self._open.pop(context.trace_id, None)
            self._waiting -= len(trace.waiting)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Exports what has ended in traces that show an id."""
        return self._to.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Exports the same, and ends."""
        self._to.shutdown()

    def _shows_id(self, span: ReadableSpan) -> bool:
        told, resource = span.attributes or {}, span.resource.attributes
        return any(key in told for key in self._id_keys) or any(key in resource for key in self._id_keys)

    def _hand_on(self, trace_id: int, trace: _Trace) -> None:
        trace.roots.clear()
        if trace_id not in self._with_id:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._export_at_exit()
            if len(self._with_id) >= MAX_TRACES:
                for oldest in list(self._with_id)[: MAX_TRACES // 10]:
                    self._with_id.pop(oldest, None)
            self._with_id[trace_id] = None
        while trace.waiting:
            try:
                span = trace.waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            self._waiting -= 1
            self._to.on_end(span)

    def _export_at_exit(self) -> None:
        """Registers for the exit of this process, after that of calls: children of multiprocessing run no atexit."""
        alive = weakref.ref(self)

        @guarded(None)
        def at_exit() -> None:
            if (left := alive()) is not None:
                left.force_flush()

        multiprocessing_util.Finalize(None, at_exit, exitpriority=5)

    def _let_some_go(self) -> None:
        """Lets the spans of the oldest trace go. Without a lock the count drifts, so it is taken anew here."""
        traces = list(self._open.values())
        oldest = next((trace for trace in traces if trace.waiting), None)
        if oldest is not None:
            oldest.waiting.clear()
            log_once(
                logging.WARNING,
                (),
                "more than %d spans wait for an external id; the oldest trace is not exported whole: set "
                "roark.external_id early",
                MAX_WAITING_SPANS,
            )
        self._waiting = sum(len(trace.waiting) for trace in traces)


class Withholding(SpanExporter):
    """Exports spans without content. On the exporter's thread, so that the app's pays nothing for it.

    Args:
        to: The exporter that gets what is left of them.
        harmless: Which attributes are left.
    """

    def __init__(self, to: SpanExporter, harmless: Harmless) -> None:
        self._to = to
        self._harmless = harmless

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports them; if one cannot be rid of its content, none is exported."""
        stripped = _all_without_content(spans, self._harmless)
        return SpanExportResult.FAILURE if stripped is None else self._to.export(stripped)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Passed on."""
        return self._to.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Passed on."""
        self._to.shutdown()


@guarded(None)
def _all_without_content(spans: Sequence[ReadableSpan], harmless: Harmless) -> list[ReadableSpan] | None:
    return [without_content(span, harmless) for span in spans]


def conversation_traces(
    settings: Settings, api_key: SecretStr, dialects: Sequence[Dialect], *, is_redacted: bool
) -> ConversationTraces | None:
    """What exports the spans of conversations to Roark; None if the extra `otlp` is missing, which is said once.

    Args:
        settings: Where they go, and whether content does.
        api_key: The key.
        dialects: The dialects that the app reads.
        is_redacted: Whether the app has a word on what may be sent, which spans cannot be asked for.
    """
    exporter = _exporter(settings, api_key)
    if exporter is None:
        return None
    # Redaction reads texts, and spans hold them under any name: where it is asked for, all words stay at home.
    if is_redacted or not settings.capture_content or settings.redact_patterns:
        exporter = Withholding(exporter, harmless_of(dialects))
    return ConversationTraces(BatchSpanProcessor(exporter), (EXTERNAL_ID, *settings.external_id_keys))


def endpoint(settings: Settings) -> str:
    """Where the spans go."""
    return settings.traces_endpoint or f"{settings.base_url}/v1/traces"


def _exporter(settings: Settings, api_key: SecretStr) -> SpanExporter | None:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        log_once(
            logging.ERROR,
            (),
            'ROARK_EXPORT_TRACES needs the OTLP exporter: pip install "roark-otel[otlp]"; calls are made, '
            "and their traces are not exported",
        )
        return None
    headers = {"authorization": f"Bearer {api_key.get_secret_value()}"}
    if settings.project_id:
        headers["x-roark-project-id"] = settings.project_id
    # At exit an export is waited for, and the process must not outlive its grace period.
    seconds = max(1.0, min(settings.http_timeout_seconds, settings.exit_timeout_seconds))
    return OTLPSpanExporter(endpoint(settings), headers=headers, timeout=seconds)
