"""What the instrumentor of `opentelemetry-instrument` does where there is a key.

This module needs the extra `auto`; no other module of this package imports it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, cast

from wrapt import register_post_import_hook

from roark_otel._instrumentation.instrument import listen_to
from roark_otel._model.formats import is_http_url
from roark_otel._safety.guard import guarded, log_once
from roark_otel._settings.lenient import warn_of_unknown, with_valid
from roark_otel._settings.overrides import OVERRIDABLE
from roark_otel._settings.settings import Settings
from roark_otel._setup.processor import RoarkSpanProcessor
from roark_otel._setup.providers import Following, is_off
from roark_otel_zero_code.instrumentor import RoarkInstrumentor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from roark_otel._model.hooks import RecordingResolver

__all__ = ["RoarkInstrumentor", "begin_to_follow", "when_imported", "zero_code_settings"]


_NOT_SETTINGS: Final = ("accepts", "recording_url", "unknown")
"""What an instrumentor is given besides settings; `unknown` is what a config file has of other names."""


@guarded(None)
def begin_to_follow(arguments: dict[str, Any]) -> Following | None:
    """Starts to add a processor to every tracer provider; returns None, and does nothing, where all is off.

    Args:
        arguments: Fields of `Settings`, `accepts` and `recording_url`. What is invalid or unknown is logged, and costs
            nothing else.
    """
    given = {name: arguments.pop(name, None) for name in _NOT_SETTINGS}
    known = {*OVERRIDABLE, "accepts", "recording_url"}
    warn_of_unknown((name for name in [*arguments, *(given["unknown"] or ())] if name not in OVERRIDABLE), known)
    settings = zero_code_settings(arguments)
    if is_off(settings):
        if settings.enabled and settings.api_key is None and arguments:
            log_once(logging.WARNING, (), "settings without a key, so no calls are sent to Roark: set ROARK_API_KEY")
        return None
    recording_url = _checked_url(given["recording_url"])

    def make() -> RoarkSpanProcessor:
        return RoarkSpanProcessor(settings=settings, accepts=given["accepts"], recording_url=recording_url)

    following = Following(make, when_imported)
    following.begin()
    listen_to(settings.instrument)
    return following


def _checked_url(given: object) -> str | RecordingResolver | None:
    if given is None or callable(given) or (isinstance(given, str) and is_http_url(given)):
        return cast("str | RecordingResolver | None", given)
    message = "roark_otel: recording_url: must be an absolute http or https URL; ignoring it"
    log_once(logging.WARNING, ("recording_url",), message)
    return None


def zero_code_settings(arguments: Mapping[str, Any]) -> Settings:
    """Returns the settings of arguments and environment, with `auto_external_id` unless they say otherwise."""
    settings = Settings.from_env()
    if "auto_external_id" not in settings.model_fields_set:
        arguments = {"auto_external_id": True, **arguments}
    return with_valid(settings, arguments)


def when_imported(module: str, then: Callable[[ModuleType], None]) -> None:
    """Calls a function with a module when the module is imported, or now if it is already."""
    register_post_import_hook(then, module)
