"""What exports the spans of conversations to Roark: the stock exporter, without content where that is off."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._privacy.patterns import Patterns
from roark_otel._safety.guard import guarded, log_once
from roark_otel._traces.choosing import Choosing, SeenIds
from roark_otel._traces.harmless import NO_PATTERNS, harmless_of, without_content
from roark_otel._traces.processor import ConversationTraces
from roark_otel.attributes import EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from pydantic import SecretStr

    from roark_otel._model.dialect import Dialect, Harmless
    from roark_otel._settings.settings import Settings


_DEFAULTS: Final = (2_048, 5_000, 512, 30_000)
"""OpenTelemetry's own: the length of the queue, the pause in ms, the spans of a batch, the time of an export in ms."""


class Withholding(SpanExporter):
    """Exports spans without content. It runs on the exporter's thread, so the app's threads pay nothing for it.

    Args:
        to: The exporter that gets the spans without content.
        harmless: Which attributes are exported.
        patterns: What is replaced in them, and in the names of spans.
    """

    def __init__(self, to: SpanExporter, harmless: Harmless, patterns: Patterns = NO_PATTERNS) -> None:
        self._to = to
        self._harmless = harmless
        self._patterns = patterns

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports the spans without content; none of them if content cannot be removed from one."""
        stripped = _all_without_content(spans, self._harmless, self._patterns)
        return SpanExportResult.FAILURE if stripped is None else self._to.export(stripped)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flushes the exporter."""
        return self._to.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shuts the exporter down."""
        self._to.shutdown()


@guarded(None)
def _all_without_content(
    spans: Sequence[ReadableSpan], harmless: Harmless, patterns: Patterns
) -> list[ReadableSpan] | None:
    return [without_content(span, harmless, patterns) for span in spans]


def conversation_traces(
    settings: Settings,
    api_key: SecretStr,
    dialects: Sequence[Dialect],
    seconds_at_exit: Callable[[], float],
    *,
    is_redacted: bool,
    takes: Callable[[str, Mapping[str, object]], bool] | None = None,
) -> ConversationTraces | None:
    """Makes the processor that exports the spans of conversations to Roark.

    Returns None, and logs an error once, if the extra `otlp` is missing, or the environment allows no connection.

    Args:
        settings: Where spans are sent, and whether content is.
        api_key: The key.
        dialects: The dialects that the app reads.
        seconds_at_exit: Returns how long an export may take when the process ends.
        is_redacted: Whether the app has a `redact` hook, which redacts calls but cannot redact spans.
        takes: Returns whether a conversation is exported, of its id and attributes; None to export all of them.
    """
    exporter = new_exporter(settings, api_key)
    if exporter is None:
        return None
    # Redaction finds texts in calls; spans hold them under any name. Where it is asked for, spans go without content.
    if is_redacted or not settings.capture_content or settings.replaced:
        exporter = Withholding(exporter, harmless_of(dialects), Patterns(settings.replaced))
    id_keys = EXTERNAL_ID, *settings.external_id_keys
    seen = None if takes is None else SeenIds(id_keys, takes)
    if seen is not None:
        exporter = Choosing(exporter, seen)
    return ConversationTraces(_batching(exporter), id_keys, seconds_at_exit, seen)


def _batching(exporter: SpanExporter) -> BatchSpanProcessor:
    """Returns the SDK's processor. What it cannot use of its variables, which are meant for all, stops no app."""
    try:
        return BatchSpanProcessor(exporter)
    except ValueError as fault:
        log_once(
            logging.WARNING,
            (),
            "the variables OTEL_BSP_* cannot be used (%s), and traces are exported to Roark with their defaults; "
            "correct or unset them, because the app's own BatchSpanProcessor fails with them too",
            fault,
        )
        return BatchSpanProcessor(exporter, *_DEFAULTS)


def endpoint(settings: Settings) -> str:
    """Returns the URL that spans are sent to; empty if the environment has none that can be used."""
    if settings.traces_endpoint is None or not settings.address:
        return f"{settings.address}/v1/traces" if settings.address else ""
    return settings.traces_endpoint


def new_exporter(settings: Settings, api_key: SecretStr) -> SpanExporter | None:
    """Returns the stock exporter.

    Returns None, and logs an error once, if the extra `otlp` is missing, or the environment allows no connection.
    """
    if not (url := endpoint(settings)):
        return None  # that was logged when the settings were read
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
    # The exit waits for an export, and the process must end within its grace period.
    seconds = max(1.0, min(settings.http_timeout_seconds, settings.exit_timeout_seconds))
    from roark_otel._traces.session import authorities_for, session_for  # they need what the exporter needs

    try:
        session, trusted = session_for(url), authorities_for(url)
    except Misconfigured as fault:
        log_once(logging.ERROR, (fault.variable,), "no traces are exported: %s; calls are made", fault)
        return None
    return OTLPSpanExporter(url, certificate_file=trusted, headers=headers, timeout=seconds, session=session)
