"""Tracer providers: which of them have a processor of ours, and hearing of those that an app sets later.

A provider is never made here. One that was made before the app's would shut the app's out: OpenTelemetry takes the
first and refuses the rest.
"""

from __future__ import annotations

import functools
import logging
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from opentelemetry import trace
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED

from roark_otel._safety.guard import guarded, log_once
from roark_otel._setup.processor import RoarkSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from opentelemetry.sdk.trace import SpanProcessor

    from roark_otel._settings.settings import Settings

SETTERS: tuple[tuple[str, str], ...] = (
    ("opentelemetry.trace", "set_tracer_provider"),
    # LiveKit's own: it may have a provider that is not the global one.
    ("livekit.agents.telemetry.traces", "set_tracer_provider"),
    ("livekit.agents.telemetry", "set_tracer_provider"),
)
"""The functions through which an app or a framework says which provider it uses: module and name."""

DOUBLES: tuple[str, ...] = ("pipecat_roark", "roark_analytics_python_livekit")
"""Roark's own integrations, which create calls too."""


class Provider(Protocol):
    """A tracer provider that takes span processors."""

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Adds one."""
        ...


@dataclass(frozen=True, slots=True)
class Added:
    """A processor was added to the provider."""

    processor: RoarkSpanProcessor


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The provider had one."""

    processor: RoarkSpanProcessor


@dataclass(frozen=True, slots=True)
class TakesNone:
    """What there is takes no span processors: it is no provider of OpenTelemetry's SDK."""

    kind: str


Attachment: TypeAlias = "Added | AlreadyThere | TakesNone"


def is_off(settings: Settings) -> bool:
    """Whether there is nothing to attach: no key, or the kill switch or OpenTelemetry's own is thrown."""
    disabled = os.environ.get(OTEL_SDK_DISABLED, "").strip().lower() == "true"
    return disabled or not settings.enabled or (settings.api_key is None and settings.api_key_file is None)


_known: weakref.WeakKeyDictionary[Provider, RoarkSpanProcessor] = weakref.WeakKeyDictionary()


def attach(provider: object, make: Callable[[], RoarkSpanProcessor]) -> Attachment:
    """Adds a processor to a provider, unless it has one.

    Args:
        provider: The provider.
        make: Makes the processor.
    """
    if not callable(getattr(provider, "add_span_processor", None)):
        return TakesNone(f"{type(provider).__module__}.{type(provider).__qualname__}")
    able = cast("Provider", provider)
    there = _known.get(able) or next((one for one in processors_of(able) if isinstance(one, RoarkSpanProcessor)), None)
    if there is not None:
        return AlreadyThere(there)
    _known[able] = processor = make()
    able.add_span_processor(processor)
    return Added(processor)


def processors_of(provider: object) -> tuple[object, ...]:
    """The span processors of a provider of the SDK; none where its private attributes are not as they were."""
    many = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    return tuple(cast("Iterable[object]", many)) if isinstance(many, (list, tuple)) else ()


class Following:
    """Attaches to the provider there is, and to every one that is set from now on.

    Args:
        make: Makes a processor, for each provider one.
        when_imported: Calls a function with a module when that is imported, or now if it has been.
    """

    def __init__(
        self,
        make: Callable[[], RoarkSpanProcessor],
        when_imported: Callable[[str, Callable[[ModuleType], None]], None],
    ) -> None:
        self._make = make
        self._when_imported = when_imported
        self._is_on = False

    def begin(self) -> None:
        """Begins to follow."""
        self._is_on = True
        for module, name in SETTERS:
            self._when_imported(module, functools.partial(self._wrap, name))
        for module in DOUBLES:
            self._when_imported(module, _warn_of_double)
        if not isinstance(provider := trace.get_tracer_provider(), trace.ProxyTracerProvider):
            self._attach(provider)

    def end(self) -> None:
        """Follows no longer. Processors that were added stay, and go on until their provider is shut down."""
        self._is_on = False

    def _wrap(self, name: str, module: ModuleType) -> None:
        original: Callable[..., Any] = getattr(module, name)
        if getattr(original, "_roark_follows", None) is not None:
            original = original._roark_follows  # type: ignore[attr-defined]  # noqa: SLF001 - our own mark

        @functools.wraps(original)
        def setter(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the original takes and returns
            answer = original(*args, **kwargs)
            self._attach(args[0] if args else kwargs.get("tracer_provider"))
            return answer

        setter._roark_follows = original  # type: ignore[attr-defined]  # noqa: SLF001
        setattr(module, name, setter)

    @guarded(None)
    def _attach(self, provider: object) -> None:
        if not self._is_on or provider is None:
            return
        attachment = attach(provider, self._make)
        if isinstance(attachment, TakesNone):
            warn_of(attachment)


def warn_of(attachment: TakesNone) -> None:
    """Says once that a provider cannot be attached to, and the cure."""
    log_once(
        logging.WARNING,
        (attachment.kind,),
        "the tracer provider %s takes no span processors, so its spans make no calls: use "
        "opentelemetry.sdk.trace.TracerProvider, and add RoarkSpanProcessor() to it",
        attachment.kind,
    )


def _warn_of_double(module: ModuleType) -> None:
    log_once(
        logging.WARNING,
        (module.__name__,),
        "%s is imported too and creates a call for every conversation, as this package does, so every call "
        "is created twice: use one of them",
        module.__name__,
    )
