"""What the instrumentor of `opentelemetry-instrument` does where there is a key.

This module needs the extra `auto`; no other module of this package imports it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from wrapt import register_post_import_hook

from roark_otel._safety.guard import guarded, log_once
from roark_otel._settings.settings import Settings
from roark_otel._setup.processor import RoarkSpanProcessor
from roark_otel._setup.providers import Following, is_off
from roark_otel_zero_code.instrumentor import RoarkInstrumentor

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["RoarkInstrumentor", "begin_to_follow", "when_imported", "zero_code_settings"]


@guarded(None)
def begin_to_follow(arguments: dict[str, Any]) -> Following | None:
    """Starts to add a processor to every tracer provider; returns None, and does nothing, where all is off.

    Args:
        arguments: Fields of `Settings`, and `accepts`; an invalid one is logged.
    """
    accepts = arguments.pop("accepts", None)
    try:
        settings = zero_code_settings(arguments)
    except ValueError as fault:
        log_once(logging.ERROR, (), "%s; no calls are sent to Roark", fault)
        return None
    if is_off(settings):
        return None
    following = Following(lambda: RoarkSpanProcessor(settings=settings, accepts=accepts), when_imported)
    following.begin()
    return following


def zero_code_settings(arguments: dict[str, Any]) -> Settings:
    """Returns the settings of arguments and environment, with `auto_external_id` unless they say otherwise.

    Raises:
        ValueError: if an argument is invalid.
    """
    settings = Settings.from_env()
    if "auto_external_id" not in settings.model_fields_set:
        arguments = {"auto_external_id": True, **arguments}
    return settings.with_arguments(**arguments)


def when_imported(module: str, then: Callable[[ModuleType], None]) -> None:
    """Calls a function with a module when the module is imported, or now if it is already."""
    register_post_import_hook(then, module)
