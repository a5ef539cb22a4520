"""`configure`: OpenTelemetry and calls at Roark in one line, for an app that has not set up tracing."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider

from roark_otel._safety.guard import log_once
from roark_otel._settings.on_demand import settings_class
from roark_otel._settings.overrides import SettingsOverrides, check_names
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

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from roark_otel._model.hooks import Accepts
    from roark_otel._settings.settings import Settings

TracesGo: TypeAlias = Literal["to_roark", "elsewhere", "nowhere"]
"""Where the spans of conversations are exported to; `elsewhere`: where another processor of the provider sends
them."""


@dataclass(frozen=True, slots=True)
class Configured:
    """Reports what `roark_otel.configure` did.

    Attributes:
        provider: `made`: a new provider is the global one now; `joined`: an existing one is used; `untouched`.
        processor: Ours was `added` or was `there` already; `none` where no calls are sent to Roark.
        traces: Where the spans of conversations are exported to.
    """

    provider: Literal["made", "joined", "untouched"]
    processor: Literal["added", "there", "none"]
    traces: TracesGo


def configure(
    *,
    recording_url: str | None = None,
    accepts: Accepts | None = None,
    service_name: str | None = None,
    settings: Settings | None = None,
    **overrides: Unpack[SettingsOverrides],
) -> Configured:
    """Sets up OpenTelemetry tracing with calls at Roark, and exports the traces of these calls if asked to.

    Call it once, before the framework is imported if you can. It joins the tracer provider that exists, and never
    replaces one. `export_traces=True` (`ROARK_EXPORT_TRACES`) exports the spans of conversations to Roark, and needs
    the extra `otlp`.

    Args:
        recording_url: The recording of every call whose spans name none.
        accepts: Returns whether the processor takes a conversation, as `RoarkSpanProcessor` has it.
        service_name: The name of the app in traces and calls, if a provider is made. Default `OTEL_SERVICE_NAME`.
        settings: All settings at once.
        **overrides: Single settings, such as `api_key`; they win over `settings`. `help(RoarkSpanProcessor)` lists
            them.

    Returns:
        What was done.

    Raises:
        ValueError: if an argument is invalid; the message says what to set.
        TypeError: if an argument does not exist.
    """
    check_names("configure", overrides)
    wanted = (settings or settings_class().from_env()).with_arguments(**overrides)
    if is_off(wanted):
        if wanted.api_key is None:
            RoarkSpanProcessor(settings=wanted)  # warns of the missing key, unless the kill switch is off
        return Configured(provider="untouched", processor="none", traces="nowhere")
    found = trace.get_tracer_provider()
    made = _made(service_name) if isinstance(found, trace.ProxyTracerProvider) else None
    provider = made or found
    goes = _traces_go(provider, wanted)
    attachment = attach_processor(
        provider, lambda: RoarkSpanProcessor(settings=wanted, recording_url=recording_url, accepts=accepts)
    )
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
        "add an exporter of your own that sends them to Roark",
    )
