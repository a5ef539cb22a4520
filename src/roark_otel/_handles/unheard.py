"""Warns of a conversation that makes no call because no processor of this package hears of it."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

from roark_otel._capture import call_context
from roark_otel._capture.savers import savers
from roark_otel._safety.guard import log_once

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

_ON: Final = ("", "true", "1", "yes", "on")
"""Values of the kill switch that turn nothing off."""

_CURE: Final = (
    "call roark_otel.configure() once when the app starts, or add RoarkSpanProcessor() to %s; under "
    "opentelemetry-instrument, set ROARK_API_KEY"
)


def warn_of_unheard(root: Span, provider: TracerProvider | None) -> None:
    """Logs what is missing, unless calls are switched off or a sampler has dropped the conversation.

    Args:
        root: The root of the conversation, which no processor of this package has seen begin.
        provider: The provider that the app has given; None for the global one.
    """
    if _is_off():
        return
    if provider is None and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        message = "conversation() makes no call, because this process has no tracer provider: " + _CURE
        log_once(logging.WARNING, (), message, "a TracerProvider and pass that to trace.set_tracer_provider()")
    elif root.is_recording():
        message = "conversation() makes no call, because its tracer provider has no RoarkSpanProcessor: " + _CURE
        log_once(logging.WARNING, (), message, "this provider")


def _is_off() -> bool:
    """Returns whether no calls are wanted here, or it was logged already why there are none."""
    switch = os.environ.get("ROARK_OBSERVABILITY_ENABLED", "").strip().lower()
    sdk_is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    # A processor that works beside it was perhaps added to another provider.
    is_inert = bool(call_context.made_inert) and not savers
    return is_inert or switch not in _ON or sdk_is_off
