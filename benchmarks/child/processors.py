"""Makes the span processor of a contestant, inside the virtual environment that has it."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace.export import BatchSpanProcessor

OURS = ("before", "unsaved", "now")
"""The contestants that are this package."""


class NoOp(SpanProcessor):
    """Does nothing, in Python: what any processor at least costs."""

    def on_start(self, span: object, parent_context: object = None) -> None:
        """Does nothing."""

    def on_end(self, span: object) -> None:
        """Does nothing."""


def provider_with(processor: SpanProcessor | None) -> TracerProvider:
    """Returns a provider with at most one processor, which does nothing at exit."""
    provider = TracerProvider(shutdown_on_exit=False)
    if processor is not None:
        provider.add_span_processor(processor)
    return provider


def make(contestant: str, port: int, directory: str, **settings: object) -> SpanProcessor | None:
    """Returns the processor of this contestant; None for the bare SDK.

    Args:
        contestant: Its name.
        port: The loopback receiver: of OTLP, and of Roark's calls.
        directory: Where spools go.
        **settings: Of `RoarkSpanProcessor`; ignored for all others.
    """
    if contestant in OURS:
        return roark(port, directory, **settings)
    return _MAKERS[contestant](port)


def roark(port: int, directory: str, **settings: object) -> SpanProcessor:
    """Returns our processor, with a spool of its own unless one is named. Without a recording, calls are not sent."""
    from roark_otel import RoarkSpanProcessor

    defaults: dict[str, object] = {
        "api_key": "benchmark",
        "base_url": f"http://127.0.0.1:{port}",
        "linger_seconds": 0.2,
    }
    if "spool_dir" not in settings:
        settings["spool_dir"] = tempfile.mkdtemp(dir=directory)
    return RoarkSpanProcessor(**{**defaults, **settings})


def _batch(port: int) -> BatchSpanProcessor:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}/v1/traces"))


def _langfuse(port: int) -> SpanProcessor:
    from langfuse._client.span_processor import LangfuseSpanProcessor

    return LangfuseSpanProcessor(
        public_key="pk-lf-benchmark",
        secret_key="sk-lf-benchmark",  # noqa: S106 - no key of anyone
        base_url=f"http://127.0.0.1:{port}",
        should_export_span=lambda _: True,
    )


def _langsmith_livekit(port: int) -> SpanProcessor:
    from langsmith.integrations.livekit.processor import LiveKitLangSmithSpanProcessor

    return LiveKitLangSmithSpanProcessor(_batch(port), recording_mode="none")


def _langsmith_pipecat(port: int) -> SpanProcessor:
    from langsmith.integrations.pipecat.processor import PipecatLangSmithSpanProcessor

    return PipecatLangSmithSpanProcessor(_batch(port))


def _logfire(port: int) -> SpanProcessor:
    from logfire.sampling._tail_sampling import TailSamplingProcessor

    def at_the_root_s_end(info: object) -> float:
        return 1.0 if info.event == "end" and info.span.parent is None else 0.0

    return TailSamplingProcessor(_batch(port), at_the_root_s_end)


def _braintrust(port: int) -> SpanProcessor:
    from braintrust.otel import BraintrustSpanProcessor

    return BraintrustSpanProcessor(
        api_key="sk-benchmark", parent="project_name:benchmark", api_url=f"http://127.0.0.1:{port}"
    )


def _traceloop(port: int) -> SpanProcessor:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from traceloop.sdk.tracing.tracing import get_default_span_processor

    return get_default_span_processor(exporter=OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}/v1/traces"))


_MAKERS: dict[str, Callable[[int], SpanProcessor | None]] = {
    "bare": lambda _: None,
    "no-op": lambda _: NoOp(),
    "batch": _batch,
    "langfuse": _langfuse,
    "langsmith-livekit": _langsmith_livekit,
    "langsmith-pipecat": _langsmith_pipecat,
    "logfire": _logfire,
    "braintrust": _braintrust,
    "traceloop": _traceloop,
}
