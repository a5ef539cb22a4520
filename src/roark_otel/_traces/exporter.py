"""The stock exporter, as spans are sent to Roark with it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from roark_otel._safety.guard import guarded, log_once
from roark_otel._traces.harmless import without_content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from pydantic import SecretStr

    from roark_otel._model.dialect import Harmless
    from roark_otel._settings.settings import Settings


class Withholding(SpanExporter):
    """Exports spans without content. It runs on the exporter's thread, so the app's threads pay nothing for it.

    Args:
        to: The exporter that gets the spans without content.
        harmless: Which attributes are exported.
    """

    def __init__(self, to: SpanExporter, harmless: Harmless) -> None:
        self._to = to
        self._harmless = harmless

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports the spans without content; none of them if content cannot be removed from one."""
        stripped = _all_without_content(spans, self._harmless)
        return SpanExportResult.FAILURE if stripped is None else self._to.export(stripped)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flushes the exporter."""
        return self._to.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shuts the exporter down."""
        self._to.shutdown()


@guarded(None)
def _all_without_content(spans: Sequence[ReadableSpan], harmless: Harmless) -> list[ReadableSpan] | None:
    return [without_content(span, harmless) for span in spans]


def endpoint(settings: Settings) -> str:
    """Returns the URL that spans are sent to."""
    return settings.traces_endpoint or f"{settings.base_url}/v1/traces"


def new_exporter(settings: Settings, api_key: SecretStr) -> SpanExporter | None:
    """Returns the stock exporter; None, and logs an error once, if the extra `otlp` is missing."""
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
    from roark_otel._traces.session import bounded_session  # it needs what the exporter needs

    return OTLPSpanExporter(endpoint(settings), headers=headers, timeout=seconds, session=bounded_session())
