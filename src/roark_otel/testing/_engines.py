"""Engines that give calls to a Roark in memory, and keep the spans that they are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from roark_otel._engine.engine import Engine
from roark_otel.testing.memory import NO_RECORDING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from roark_otel._delivery.client import Client
    from roark_otel._engine.plan import Plan
    from roark_otel._model.dialect import Dialect
    from roark_otel._model.hooks import Hooks
    from roark_otel._model.stats import Stats
    from roark_otel._settings.settings import Settings
    from roark_otel.testing.memory import MemoryRoark
    from roark_otel.testing.spans import SeenSpans

_LONG: Final = 3_600.0
"""A linger and a quiet time that no test waits for: to ask for calls ends both."""


class CapturingEngines:
    """Gives processors engines that send nothing: see `registry.Capturing`.

    Args:
        roark: Takes their calls.
        spans: Takes the spans that they are given.
    """

    def __init__(self, roark: MemoryRoark, spans: SeenSpans) -> None:
        self._roark = roark
        self._spans = spans
        self._made: list[tuple[tuple[Settings, tuple[Dialect, ...], Hooks], Engine]] = []

    def engine(self, settings: Settings, dialects: Sequence[Dialect], hooks: Hooks) -> Engine:
        """Returns the engine of a processor: processors that are configured alike share one."""
        wanted = settings, tuple(dialects), hooks
        for known, engine in self._made:
            if known == wanted:
                return engine
        engine = self._new(*wanted)
        self._made.append((wanted, engine))
        return engine

    def engines(self) -> list[Engine]:
        """Returns the engines that it has made."""
        return [engine for _, engine in self._made]

    def flush(self, seconds: float) -> None:
        """Makes calls of all conversations that have ended."""
        for engine in self.engines():
            engine.flush(seconds)

    def stats(self) -> list[Stats]:
        """Returns the numbers of each engine."""
        return [engine.stats() for engine in self.engines()]

    def close(self) -> None:
        """Ends their threads."""
        for engine in self.engines():
            engine.discard()

    def _new(self, settings: Settings, dialects: tuple[Dialect, ...], hooks: Hooks) -> Engine:
        from pydantic import SecretStr

        in_memory = settings.with_arguments(
            api_key="captured", spool="memory", linger_seconds=_LONG, quiet_seconds=_LONG, export_traces=False
        )
        if hooks.recording_url is None and in_memory.recording_url_template is None:
            hooks = replace(hooks, recording_url=NO_RECORDING)
        made = Engine(in_memory, SecretStr("captured"), dialects, hooks, connect=self._connect)
        _watch(made, self._spans)
        return made

    def _connect(self, _plan: Plan) -> Client:
        return cast("Client", self._roark)


def _watch(engine: Engine, spans: SeenSpans) -> None:
    """Has the spans that an engine is given kept as well."""
    on_start, on_end = engine.hooks.on_start, engine.hooks.on_end

    def start(span: Span, context: Context | None) -> None:
        on_start(span, context)  # first, because it may give the span its id
        spans.started(span)

    def end(span: ReadableSpan) -> None:
        spans.ended(span)
        on_end(span)

    engine.hooks.on_start, engine.hooks.on_end = start, end
