"""The instrumentor that `opentelemetry-instrument` loads: with a key, conversations become calls without a code change.

Installing the package does nothing by itself. This module needs the extra `auto`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from roark_otel_zero_code import has_key
from roark_otel_zero_code.configuration import RoarkConfiguration

if TYPE_CHECKING:
    from collections.abc import Collection

    from roark_otel._setup.providers import Following


_OF_LOADERS: Final = frozenset({"raise_exception_on_conflict", "skip_dep_check"})
"""Arguments of `instrument()` by which the SDK loads instrumentors; they are none of ours."""


class RoarkInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Adds a `RoarkSpanProcessor` to the current tracer provider, and to every one that is set later.

    `instrument(**arguments)` takes the fields of `Settings`, such as `api_key=`, `recording_url=` and `accepts=`; the
    rest comes from the environment. Without a key and without arguments it does nothing, logs nothing, and imports
    nothing. A voice conversation without an id gets one, unless `auto_external_id` or `ROARK_AUTO_EXTERNAL_ID` says
    otherwise. It never raises; an invalid argument is logged. An exception here would cost the app all its other
    instrumentations.
    """

    configuration = RoarkConfiguration
    """The type of its block in a config file, which `opentelemetry-configuration` looks for."""

    _following: Following | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Returns no dependency: it reads the spans of every framework that is installed."""
        return ()

    def instrument(self, **arguments: Any) -> Any:  # noqa: ANN401 - as the base class has it
        """Starts to add processors. Where a config file has begun it, `opentelemetry-instrument` comes second."""
        if self.is_instrumented_by_opentelemetry and arguments.keys() <= _OF_LOADERS:
            return None
        return super().instrument(**arguments)

    def _instrument(self, **arguments: Any) -> None:  # noqa: ANN401 - the fields of `Settings`
        if not arguments and not has_key():
            return
        from roark_otel._setup.instrumentor import begin_to_follow

        self._following = begin_to_follow(arguments)

    def _uninstrument(self, **_: Any) -> None:  # noqa: ANN401
        if self._following is not None:
            self._following.end()
            self._following = None
