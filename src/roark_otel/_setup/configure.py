"""`configure`: OpenTelemetry and calls at Roark in one line, for an app that has set up nothing."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider

from roark_otel._safety.guard import log_once
from roark_otel._settings.settings import Settings
from roark_otel._setup.processor import RoarkSpanProcessor
from roark_otel._setup.providers import (
    Added,
    TakesNone,
    attach_processor,
    is_off,
    processors_of,
    set_in_frameworks,
    warn_of,
)

TracesGo: TypeAlias = Literal["to_roark", "elsewhere", "nowhere"]
"""Where the spans of conversations are exported to; `elsewhere` is wherever another processor of the provider sends
them."""


@dataclass(frozen=True, slots=True)
class Configured:
    """Reports what `roark_otel.configure` did.

    Attributes:
        provider: A new provider was `made` and is the global one now, an existing one was `joined`, or left
            `untouched`.
        processor: Ours was `added` or was `there` already; `none` where no calls are made.
        traces: Where the spans go.
    """

    provider: Literal["made", "joined", "untouched"]
    processor: Literal["added", "there", "none"]
    traces: TracesGo


def configure(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    recording_url: str | None = None,
    recording_url_template: str | None = None,
    export_traces: bool | None = None,
    auto_external_id: bool | None = None,
    service_name: str | None = None,
    settings: Settings | None = None,
) -> Configured:
    """Sets up OpenTelemetry tracing, with calls at Roark, and with their traces if wanted.

    Call it once, before the framework is imported if you can. A tracer provider that is there is added to and never
    replaced. What is not an argument here is an environment variable, or a field of `settings`.

    Args:
        api_key: The key of the Roark project. `ROARK_API_KEY`.
        base_url: Where Roark is. `ROARK_BASE_URL`, default `https://api.roark.ai`.
        recording_url: The recording of every call whose spans name none.
        recording_url_template: The same with names in braces. `ROARK_RECORDING_URL_TEMPLATE`.
        export_traces: True: export the spans of conversations to Roark, with the extra `otlp`. `ROARK_EXPORT_TRACES`,
            default false.
        auto_external_id: True: a voice framework's conversation without an id gets one. `ROARK_AUTO_EXTERNAL_ID`,
            default false.
        service_name: What the app calls itself in traces and calls, if a provider is made. Default `OTEL_SERVICE_NAME`.
        settings: All settings at once; the arguments above win.

    Returns:
        What was done.

    Raises:
        ValueError: if an argument cannot be right; the message says what to set.
    """
    arguments: dict[str, Any] = {
        "api_key": api_key,
        "base_url": base_url,
        "recording_url_template": recording_url_template,
        "export_traces": export_traces,
        "auto_external_id": auto_external_id,
    }
    wanted = (settings or Settings.from_env()).with_arguments(**arguments)
    if is_off(wanted):
        if wanted.api_key is None:
            RoarkSpanProcessor(settings=wanted)  # says so, unless it is switched off
        return Configured(provider="untouched", processor="none", traces="nowhere")
    found = trace.get_tracer_provider()
    made = _made(service_name) if isinstance(found, trace.ProxyTracerProvider) else None
    provider = made or found
    goes = _traces_go(provider, wanted)
    attachment = attach_processor(provider, lambda: RoarkSpanProcessor(settings=wanted, recording_url=recording_url))
    if isinstance(attachment, TakesNone):
        warn_of(attachment)
        return Configured(provider="untouched", processor="none", traces=goes)
    if made is not None:
        trace.set_tracer_provider(made)
        set_in_frameworks(made)
    if goes == "nowhere":
        _warn_of_unlinked()
    return Configured(
        provider="joined" if made is None else "made",
        processor="added" if isinstance(attachment, Added) else "there",
        traces=goes,
    )


def _made(service_name: str | None) -> TracerProvider:
    return TracerProvider(resource=Resource.create({SERVICE_NAME: service_name} if service_name else {}))


def _traces_go(provider: object, settings: Settings) -> TracesGo:
    if settings.export_traces:
        return "to_roark"
    others = [one for one in processors_of(provider) if not isinstance(one, RoarkSpanProcessor)]
    return "elsewhere" if others else "nowhere"


def _warn_of_unlinked() -> None:
    log_once(
        logging.WARNING,
        (),
        "nothing exports the spans, so calls are made without a trace: set ROARK_EXPORT_TRACES=true, or "
        "add an exporter of yours that sends them to Roark",
    )
