"""`configure`: OpenTelemetry and calls at Roark in one line, for an app that has not set up tracing."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from roark_otel._capture.call_context import note_inert
from roark_otel._instrumentation.instrument import listen_to
from roark_otel._safety.guard import log_once
from roark_otel._settings.on_demand import settings_class
from roark_otel._settings.overrides import SettingsOverrides, check_names
from roark_otel._setup.log_providers import attach_to_global_log_provider
from roark_otel._setup.processor import RoarkSpanProcessor, exports_traces, makes_calls
from roark_otel._setup.providers import (
    Added,
    AlreadyThere,
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

_DROPS_ALL: Final = re.compile(r"(RoarkSampler\{)?(ParentBased\{root:)?(AlwaysOffSampler|TraceIdRatioBased\{0(\.0)?\})")
"""The description of a sampler that drops every trace, unless its parent's was sampled."""

TracesGo: TypeAlias = Literal["to_roark", "elsewhere", "nowhere"]
"""Where the spans of conversations are exported to; `elsewhere`: where another processor of the provider sends
them."""


@dataclass(frozen=True, slots=True)
class Configured:
    """Reports what `roark_otel.configure` did.

    Attributes:
        provider: `made`: a new provider is the global one now; `joined`: an existing one is used; `untouched`.
        processor: Ours was `added` or was `there` already; `none` where no calls are sent to Roark.
        traces: Where the spans of conversations are exported to. `to_roark` only where that is set up and can work.
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
    replaces one; also the logger provider, for messages of models that are logged. `export_traces=True`
    (`ROARK_EXPORT_TRACES`) exports the spans of conversations to Roark, and needs the extra `otlp`.

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
        note_inert()
        if wanted.api_key is None:
            RoarkSpanProcessor(settings=wanted)  # warns of the missing key, unless the kill switch is off
        return Configured(provider="untouched", processor="none", traces="nowhere")
    found = trace.get_tracer_provider()
    made = _made(service_name) if isinstance(found, trace.ProxyTracerProvider) else None
    provider = made or found
    attachment = attach_processor(
        provider, lambda: RoarkSpanProcessor(settings=wanted, recording_url=recording_url, accepts=accepts)
    )
    if isinstance(attachment, TakesNone):
        warn_of(attachment)
        return Configured(provider="untouched", processor="none", traces="nowhere")
    if made is not None:
        trace.set_tracer_provider(made)
        set_in_frameworks(made)
    listen_to(wanted.instrument)
    attach_to_global_log_provider()
    goes = traces_go(provider, attachment.processor)
    if goes != "to_roark":
        _warn_of_unlinked(goes, provider, attachment, is_wanted=wanted.export_traces)
    return Configured(
        provider="joined" if made is None else "made",
        processor=_processor_is(attachment),
        traces=goes,
    )


def _made(service_name: str | None) -> TracerProvider:
    return TracerProvider(resource=Resource.create({SERVICE_NAME: service_name} if service_name else {}))


def _processor_is(attachment: Added | AlreadyThere) -> Literal["added", "there", "none"]:
    if not makes_calls(attachment.processor):
        return "none"
    return "added" if isinstance(attachment, Added) else "there"


def traces_go(provider: object, processor: RoarkSpanProcessor) -> TracesGo:
    """Returns where the spans of conversations are exported to, as the provider really is now."""
    if samples_none(provider):
        return "nowhere"
    if exports_traces(processor):
        return "to_roark"
    return "elsewhere" if any(map(_may_export, processors_of(provider))) else "nowhere"


def _may_export(processor: object) -> bool:
    """Returns whether a processor does something with spans that have ended, and is not ours."""
    at_end = getattr(type(processor), "on_end", SpanProcessor.on_end)
    return not isinstance(processor, RoarkSpanProcessor) and at_end is not SpanProcessor.on_end


def samples_none(provider: object) -> bool:
    """Returns whether the sampler of a provider drops every trace that begins in this process."""
    describe = getattr(getattr(provider, "sampler", None), "get_description", None)
    return callable(describe) and _DROPS_ALL.match(str(describe())) is not None


def _warn_of_unlinked(goes: TracesGo, provider: object, attachment: Added | AlreadyThere, *, is_wanted: bool) -> None:
    if samples_none(provider):
        message = (
            "the sampler drops every trace, so calls have none: choose another one, such as "
            "OTEL_TRACES_SAMPLER=parentbased_always_on"
        )
    elif is_wanted and isinstance(attachment, AlreadyThere):
        message = (
            "export_traces has no effect, because the tracer provider has a RoarkSpanProcessor already: "
            "pass export_traces=True to that one"
        )
    elif is_wanted or goes == "elsewhere":
        return  # why it cannot be done was logged, or the app sends them itself
    else:
        message = (
            "nothing exports the spans, so calls are made without a trace: set ROARK_EXPORT_TRACES=true, or "
            "add an exporter of your own that sends them to Roark"
        )
    log_once(logging.WARNING, (), message)
