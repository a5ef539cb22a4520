"""What `opentelemetry-instrument` loads: with a key in the environment, conversations become calls without a change.

Installing the package does nothing by itself. This module needs the extra `auto`; nothing else imports it.
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
    """Adds a `RoarkSpanProcessor` to the tracer provider there is, and to every one that is set later.

    `instrument(**arguments)` takes what `Settings` has, such as `api_key=`; the rest comes from the environment.
    Without a key it does nothing, and says nothing. A voice conversation without an id gets one, unless
    `auto_external_id` or `ROARK_AUTO_EXTERNAL_ID` says otherwise. It never raises, not even for a bad argument, which
    is logged: what raises here costs the app all its other instrumentations.
    """

    _following: Following | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: it reads the spans of whatever is there."""
        return ()

    def _instrument(self, **arguments: Any) -> None:  # noqa: ANN401 - whatever `Settings` takes
        self._begin(arguments)

    @guarded(None)
    def _begin(self, arguments: dict[str, Any]) -> None:
        try:
            settings = zero_code_settings(arguments)
        except ValueError as fault:
            log_once(logging.ERROR, (), "%s; no calls are made", fault)
            return
        if is_off(settings):
            return
        self._following = Following(lambda: RoarkSpanProcessor(settings=settings), when_imported)
        self._following.begin()

    def _uninstrument(self, **_: Any) -> None:  # noqa: ANN401
        if self._following is not None:
            self._following.end()
            self._following = None


def zero_code_settings(arguments: dict[str, Any]) -> Settings:
    """The settings of arguments and environment; a conversation without an id gets one unless they say otherwise.

    Raises:
        ValueError: if an argument cannot be right.
    """
    told = Settings.from_env()
    automatic = {} if "auto_external_id" in told.model_fields_set else {"auto_external_id": True}
    return told.with_arguments(**{**automatic, **arguments})


def when_imported(module: str, then: Callable[[ModuleType], None]) -> None:
    """Calls a function with a module when that is imported, or now if it has been."""
    register_post_import_hook(then, module)
