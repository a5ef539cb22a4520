"""Attaches processors to tracer providers: to the one there is, and to those that an app sets later.

No provider is made here. One made before the app's would shut the app's out: OpenTelemetry takes the first and refuses
the rest.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from opentelemetry import trace
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED

from roark_otel._engine import registry
from roark_otel._safety.guard import guarded, log_once
from roark_otel._setup import log_providers
from roark_otel._setup.processor import RoarkSpanProcessor
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from opentelemetry.sdk.trace import SpanProcessor

    from roark_otel._model.dialect import Dialect
    from roark_otel._settings.settings import Settings

GLOBAL_SETTER: Final = ("opentelemetry.trace", "set_tracer_provider")
"""The module and name of the function that sets the global provider; dialects name those of frameworks."""

DOUBLES: Final = ("pipecat_roark", "roark_analytics_python_livekit")
"""Roark's own integrations, which create calls too."""


class Provider(Protocol):
    """A tracer provider that accepts span processors."""

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Adds a span processor."""
        ...


@dataclass(frozen=True, slots=True)
class Added:
    """A processor was added to the provider."""

    processor: RoarkSpanProcessor


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The provider already had a processor of this package."""

    processor: RoarkSpanProcessor


@dataclass(frozen=True, slots=True)
class TakesNone:
    """The provider does not accept span processors: it is not one of OpenTelemetry's SDK. `kind` names its class."""

    kind: str


Attachment: TypeAlias = "Added | AlreadyThere | TakesNone"


def is_off(settings: Settings) -> bool:
    """Returns whether nothing is to be attached: without a key, or with the kill switch or OpenTelemetry's own."""
    disabled = os.environ.get(OTEL_SDK_DISABLED, "").strip().lower() == "true"
    has_key = settings.api_key is not None or settings.api_key_file is not None or registry.captured_by() is not None
    return disabled or not settings.enabled or not has_key


_known: weakref.WeakKeyDictionary[Provider, RoarkSpanProcessor] = weakref.WeakKeyDictionary()


def attach_processor(provider: object, make: Callable[[], RoarkSpanProcessor]) -> Attachment:
    """Adds a processor to a provider, unless it has one of this package already.

    Args:
        provider: The provider.
        make: Makes the processor; called only if one is added.
    """
    if not callable(getattr(provider, "add_span_processor", None)):
        return TakesNone(f"{type(provider).__module__}.{type(provider).__qualname__}")
    able = cast("Provider", provider)
    known = _known.get(able) or next((one for one in processors_of(able) if isinstance(one, RoarkSpanProcessor)), None)
    if known is not None:
        return AlreadyThere(known)
    _known[able] = processor = make()
    able.add_span_processor(processor)
    return Added(processor)


def processors_of(provider: object) -> tuple[object, ...]:
    """Returns the span processors of a provider; none if its private attributes are not those of today's SDK."""
    many = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    return tuple(cast("Iterable[object]", many)) if isinstance(many, (list, tuple)) else ()


def set_in_frameworks(provider: Provider, dialects: Iterable[Dialect] = DIALECTS) -> None:
    """Sets the provider in frameworks that are imported already: they keep the one that they found at their import."""
    setters: dict[object, Callable[..., object]] = {}
    for module, name in (setter for dialect in dialects for setter in dialect.setters):
        if (setter := getattr(sys.modules.get(module), name, None)) is not None:
            setters[getattr(setter, "_roark_follows", setter)] = setter  # one function may have several names
    for setter in setters.values():
        setter(provider)


class Following:
    """Attaches a processor to the current provider, and to every one that is set from now on. To logger providers too.

    Args:
        make: Makes a processor; called once for each provider.
        when_imported: Calls a function with a module when that is imported, or at once if it has been.
        dialects: The dialects whose frameworks may set a provider of their own.
    """

    def __init__(
        self,
        make: Callable[[], RoarkSpanProcessor],
        when_imported: Callable[[str, Callable[[ModuleType], None]], None],
        dialects: Iterable[Dialect] = DIALECTS,
    ) -> None:
        self._make = make
        self._when_imported = when_imported
        self._setters = (GLOBAL_SETTER, *(setter for dialect in dialects for setter in dialect.setters))
        self._is_on = False

    def begin(self) -> None:
        """Starts to attach processors."""
        self._is_on = True
        for module, name in self._setters:
            self._when_imported(module, functools.partial(self._wrap, name, self._attach))
        log_module, log_setter = log_providers.LOG_SETTER
        self._when_imported(log_module, functools.partial(self._wrap, log_setter, self._attach_to_logs))
        for module in DOUBLES:
            self._when_imported(module, _warn_of_double)
        if not isinstance(provider := trace.get_tracer_provider(), trace.ProxyTracerProvider):
            self._attach(provider)
        log_providers.attach_to_global_log_provider()

    def end(self) -> None:
        """Stops. Processors that were added stay, and work until their provider is shut down."""
        self._is_on = False

    def _wrap(self, name: str, attach: Callable[[object], object], module: ModuleType) -> None:
        original: Callable[..., Any] = getattr(module, name)
        if getattr(original, "_roark_follows", None) is not None:
            original = original._roark_follows  # type: ignore[attr-defined]  # noqa: SLF001 - our own mark

        @functools.wraps(original)
        def setter(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the original takes and returns
            answer = original(*args, **kwargs)
            attach(args[0] if args else kwargs.get("tracer_provider", kwargs.get("logger_provider")))
            return answer

        setter._roark_follows = original  # type: ignore[attr-defined]  # noqa: SLF001
        setattr(module, name, setter)

    @guarded(None)
    def _attach(self, provider: object) -> None:
        if not self._is_on or provider is None:
            return
        attachment = attach_processor(provider, self._make)
        if isinstance(attachment, TakesNone):
            warn_of(attachment)

    def _attach_to_logs(self, provider: object) -> None:
        if self._is_on:
            log_providers.attach_log_processor(provider)


def warn_of(attachment: TakesNone) -> None:
    """Warns once that a provider does not accept span processors, and names the cure."""
    log_once(
        logging.WARNING,
        (attachment.kind,),
        "the tracer provider %s takes no span processors, so its conversations are not sent to Roark: use "
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
