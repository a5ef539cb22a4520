"""The instrumentor that `opentelemetry-instrument` loads: with a key, conversations become calls without a code change.

Installing the package does nothing by itself. This module needs the extra `auto`; no other module imports it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from wrapt import register_post_import_hook

from roark_otel._safety.guard import guarded, log_once
from roark_otel._settings.settings import Settings
from roark_otel._setup.processor import RoarkSpanProcessor
from roark_otel._setup.providers import Following, is_off

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import ModuleType


class RoarkInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Adds a `RoarkSpanProcessor` to the current tracer provider, and to every one that is set later.

    `instrument(**arguments)` takes the fields of `Settings`, such as `api_key=`, and `accepts=`; the rest comes from
    the environment. Without a key it does nothing, and logs nothing. A voice conversation without an id gets one,
    unless `auto_external_id` or `ROARK_AUTO_EXTERNAL_ID` says otherwise. It never raises; an invalid argument is
    logged. An exception here would cost the app all its other instrumentations.
    """

    _following: Following | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Returns no dependency: it reads the spans of every framework that is installed."""
        return ()

    def _instrument(self, **arguments: Any) -> None:  # noqa: ANN401 - the fields of `Settings`
        self._begin(arguments)

    @guarded(None)
    def _begin(self, arguments: dict[str, Any]) -> None:
        accepts = arguments.pop("accepts", None)
        try:
            settings = zero_code_settings(arguments)
        except ValueError as fault:
            log_once(logging.ERROR, (), "%s; no calls are sent to Roark", fault)
            return
        if is_off(settings):
            return
        self._following = Following(lambda: RoarkSpanProcessor(settings=settings, accepts=accepts), when_imported)
        self._following.begin()

    def _uninstrument(self, **_: Any) -> None:  # noqa: ANN401
        if self._following is not None:
            self._following.end()
            self._following = None


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
