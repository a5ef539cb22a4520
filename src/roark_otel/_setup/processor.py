"""The span processor: what an app adds to its tracer provider."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace import SpanProcessor

from roark_otel._capture.call_context import note_inert
from roark_otel._capture.hooks import SpanHooks
from roark_otel._engine import process, registry
from roark_otel._model.hooks import Hooks
from roark_otel._model.stats import Stats, added
from roark_otel._safety import own_threads
from roark_otel._safety.guard import guarded, guarded_hook, log_once
from roark_otel._safety.off_loop import off_loop
from roark_otel._settings.on_demand import settings_class
from roark_otel._settings.overrides import OVERRIDABLE, SettingsOverrides, check_names
from roark_otel._settings.variable import described
from roark_otel._setup.argument_types import check_types
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from typing_extensions import Unpack

    from roark_otel._engine.engine import Engine
    from roark_otel._model.dialect import Dialect
    from roark_otel._model.hooks import Accepts, ReceiptHook, RecordingResolver, Redactor
    from roark_otel._settings.settings import Settings
    from roark_otel._traces.processor import ConversationTraces


LOOPBACK_ONLY: Final = "_ROARK_OTEL_LOOPBACK_ONLY"
"""Set by the pytest plugin, which tests that send calls to Roark itself turn off."""

UNDER_PYTEST: Final = (
    "under pytest calls go to loopback hosts only, so none are sent: use the fixture roark_calls or roark_sandbox, or "
    "run pytest with --roark-live"
)


class RoarkSpanProcessor(SpanProcessor):
    """Turns the conversations that an app traces into linked calls at Roark.

    Add it to a tracer provider. It keeps a compact record of the spans of a conversation and, when the root span ends,
    creates a call with the external id that the spans carry. It never blocks the app, and no fault in it reaches the
    app.

    Every setting is an argument too, and has an environment variable and a default. An argument wins over `settings`,
    which win over the environment. Without a key the processor does nothing, and logs one warning.

    Args:
        settings: All settings at once.
        recording_url: The recording of every call whose spans name none: a URL, or a function that finds it, see
            `roark_otel.types.RecordingResolver`.
        redact: Changes or withholds each utterance, tool use and call before it is sent, see
            `roark_otel.types.Redactor`.
        dialects: The dialects that are read; the first has the highest priority.
        on_receipt: Called with the outcome of each attempt to deliver a call, see `roark_otel.types.ReceiptHook`.
        accepts: Returns whether this processor takes a conversation, of its external id and attributes: for an app that
            adds a processor for each of several projects, see `roark_otel.types.Accepts`. Default: it takes all.
        meter_provider: Where the metrics about this package go. Default: the global one; without an SDK they cost
            nothing.
        **overrides: Single settings, by the names below.

    Raises:
        ValueError: if an argument is invalid; the message says what to set.
        TypeError: if an argument does not exist.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        recording_url: str | RecordingResolver | None = None,
        redact: Redactor | None = None,
        dialects: Sequence[Dialect] = DIALECTS,
        on_receipt: ReceiptHook | None = None,
        accepts: Accepts | None = None,
        meter_provider: MeterProvider | None = None,
        **overrides: Unpack[SettingsOverrides],
    ) -> None:
        self._engine: Engine | None = None
        self._traces: ConversationTraces | None = None
        self._is_shut_down = False
        self.hooks: SpanHooks = SpanHooks(lambda _span, _context: None, lambda _span: None)
        check_names("RoarkSpanProcessor", overrides)
        dialects = tuple(dialects)  # read more than once: an app may pass an iterator
        check_types(settings, recording_url, redact, dialects, accepts)
        self._settings = (settings or settings_class().from_env()).with_arguments(**overrides)
        self._dialects, self._app_hooks = dialects, Hooks(recording_url, redact, on_receipt, accepts)
        if not self._settings.enabled:
            note_inert()
            return
        _made.add(self)
        if (capturing := registry.captured_by()) is not None:
            self._move_to(capturing.engine(self._settings, dialects, self._app_hooks))
            return
        if _is_on_loopback_only() and not self._settings.is_local:
            _warn_of_inert(UNDER_PYTEST)
            return
        if self._settings.api_key is None:
            _warn_of_inert("no usable key, so no calls are sent to Roark: set ROARK_API_KEY or pass api_key=")
            return
        key = self._settings.api_key
        self._move_to(engine := registry.acquire(self._settings, key, dialects, self._app_hooks, meter_provider))
        if self._settings.export_traces:
            from roark_otel._traces.exporter import conversation_traces

            self._traces = traces = conversation_traces(
                self._settings,
                key,
                dialects,
                partial(process.seconds_to_export, self._settings.exit_timeout_seconds),
                is_redacted=redact is not None,
                takes=None if accepts is None else engine.takes,
            )
            self.hooks = engine.hooks if traces is None else _both(engine.hooks, traces)

    @property
    def _configured(self) -> tuple[Settings, Sequence[Dialect], Hooks]:
        """How it was made."""
        return self._settings, self._dialects, self._app_hooks

    def _move_to(self, engine: Engine) -> Callable[[], None]:
        """Gives the spans that come from now on to an engine. Returns what gives them to the one before again."""
        before, hooks = self._engine, self.hooks
        self._engine, self.hooks = engine, engine.hooks
        _processors[id(self)] = self

        def back() -> None:
            self._engine, self.hooks = before, hooks
            if before is None:
                _processors.pop(id(self), None)

        return back

    @guarded_hook
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Takes in a span that starts; the SDK calls it on the thread of the app."""

    @guarded_hook
    def on_end(self, span: ReadableSpan) -> None:
        """Takes in a span that has ended; the SDK calls it on the thread of the app."""

    @guarded(False)
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Finishes and delivers every conversation whose root has ended; closes none whose root is open.

        Args:
            timeout_millis: How long it may take, in milliseconds.

        Returns:
            True if everything that was due was delivered in time. A call that waits for its recording is not due.
        """
        deadline = time.monotonic() + timeout_millis / 1000
        delivered = self._engine is None or self._engine.flush(timeout_millis / 1000)
        if self._traces is None or own_threads.is_here():
            return delivered
        left = max(0, int((deadline - time.monotonic()) * 1000))
        return self._traces.force_flush(left) and delivered

    @guarded(None)
    def shutdown(self) -> None:
        """Flushes, and closes idle conversations as incomplete.

        Spans that come later are still taken: some frameworks shut down the provider of an app that goes on.
        """
        if self._engine is None:
            return
        began, limit = time.monotonic(), self._settings.exit_timeout_seconds
        if process.is_exiting():
            process.leave([self._engine], close_idle=0.0)
        else:
            self._engine.shut_down(self._settings.linger_seconds)
        if self._traces is not None and not own_threads.is_here():
            if process.is_exiting():
                with process.exporting():
                    self._traces.shutdown(process.seconds_to_export(limit))
            else:  # spans that come later are exported too
                self._traces.force_flush(max(0, int((began + limit - time.monotonic()) * 1000)))
        if not self._is_shut_down and self._settings.api_key is not None:
            self._is_shut_down = True
            _processors.pop(id(self), None)
            registry.release(self._engine, self._settings.api_key)

    def stats(self) -> Stats:
        """Returns what has happened so far, in numbers."""
        return Stats() if self._engine is None else self._engine.stats()


def _warn_of_inert(message: str) -> None:
    note_inert()
    log_once(logging.WARNING, (), message)


def _is_on_loopback_only() -> bool:
    """Returns whether tests run in this process, or in one above it. The plugin knows it where no variable does."""
    plugin = sys.modules.get("roark_otel_pytest")
    return LOOPBACK_ONLY in os.environ or (plugin is not None and plugin.is_on_loopback_only())


class _WithSettings(str):
    """A docstring that lists the settings when it is read, so that the import of this module needs no pydantic."""

    __slots__ = ()

    def __get__(self, instance: object, owner: type[object]) -> str:
        fields = settings_class().model_fields
        arguments = {name: field for name, field in fields.items() if name in OVERRIDABLE}
        return f"{inspect.cleandoc(self)}\n\nSettings:\n{described(arguments)}\n"


if RoarkSpanProcessor.__doc__ is not None:  # as under `python -OO`
    RoarkSpanProcessor.__doc__ = _WithSettings(RoarkSpanProcessor.__doc__)


def _both(hooks: SpanHooks, traces: ConversationTraces) -> SpanHooks:
    def on_start(span: Span, parent_context: Context | None) -> None:
        hooks.on_start(span, parent_context)
        traces.on_start(span, parent_context)

    def on_end(span: ReadableSpan) -> None:
        hooks.on_end(span)
        traces.on_end(span)

    return SpanHooks(on_start, on_end)


def makes_calls(processor: RoarkSpanProcessor) -> bool:
    """Returns whether a processor has what it needs to make calls, such as a key."""
    return processor._engine is not None  # noqa: SLF001 - this module's own class  # pyright: ignore[reportPrivateUsage]


def exports_traces(processor: RoarkSpanProcessor) -> bool:
    """Returns whether a processor exports the spans of its conversations to Roark."""
    return processor._traces is not None  # noqa: SLF001 - this module's own class  # pyright: ignore[reportPrivateUsage]


_made: weakref.WeakSet[RoarkSpanProcessor] = weakref.WeakSet()
"""Every processor that the kill switch lets work, with a key or without one."""

_processors: weakref.WeakValueDictionary[int, RoarkSpanProcessor] = weakref.WeakValueDictionary()


def move_all(engine_of: Callable[[Settings, Sequence[Dialect], Hooks], Engine]) -> Callable[[], None]:
    """Moves every processor of this process to other engines; returns what moves them back."""
    moves = [one._move_to(engine_of(*one._configured)) for one in list(_made)]  # noqa: SLF001 - this module's own class  # pyright: ignore[reportPrivateUsage]

    def back() -> None:
        for move in moves:
            move()

    return back


def get_processor() -> RoarkSpanProcessor | None:
    """Returns the first processor of this process that has a key and is not shut down, or None."""
    return next(iter(list(_processors.values())), None)


def force_flush(timeout_millis: int = 30_000) -> bool:
    """Flushes every processor of this process, as `RoarkSpanProcessor.force_flush`, within one time for all of them."""
    deadline = time.monotonic() + timeout_millis / 1000
    delivered = [engine.flush(max(0.0, deadline - time.monotonic())) for engine in registry.engines()]
    return all(delivered)


async def aforce_flush(timeout_millis: int = 30_000) -> bool:
    """Flushes as `force_flush` does, while the event loop goes on."""
    return await off_loop(partial(guarded(False)(force_flush), timeout_millis))


def stats() -> Stats:
    """Returns the numbers of all processors of this process, added up."""
    return added([engine.stats() for engine in registry.engines()])
