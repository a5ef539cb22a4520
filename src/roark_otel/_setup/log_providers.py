"""Attaches the log record processor to logger providers: to the one there is, and to those that an app sets later.

As with tracer providers, none is made here.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Final, Protocol, cast

from roark_otel._instrumentation.genai import log_processor_class
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk._logs import LogRecordProcessor

LOG_SETTER: Final = ("opentelemetry._logs", "set_logger_provider")
"""The module and name of the function that sets the global logger provider."""


class LogProvider(Protocol):
    """A logger provider that accepts log record processors."""

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        """Adds a log record processor."""
        ...


_known: weakref.WeakSet[LogProvider] = weakref.WeakSet()


@guarded(None)
def attach_log_processor(provider: object) -> None:
    """Adds a log record processor to a provider that accepts one, unless it has one of this package already."""
    if not callable(getattr(provider, "add_log_record_processor", None)):
        return
    able = cast("LogProvider", provider)
    made_by = log_processor_class()
    if able in _known or any(isinstance(one, made_by) for one in log_processors_of(able)):
        return
    _known.add(able)
    able.add_log_record_processor(made_by())


@guarded(None)
def attach_to_global_log_provider() -> None:
    """Adds a log record processor to the global logger provider, if an app has set one of the SDK."""
    if (logs := sys.modules.get("opentelemetry._logs")) is not None and "opentelemetry.sdk._logs" in sys.modules:
        attach_log_processor(logs.get_logger_provider())


def log_processors_of(provider: object) -> tuple[object, ...]:
    """Returns the processors of a logger provider; none if its private attributes are not those of today's SDK."""
    many = getattr(getattr(provider, "_multi_log_record_processor", None), "_log_record_processors", ())
    return tuple(cast("Iterable[object]", many)) if isinstance(many, (list, tuple)) else ()
