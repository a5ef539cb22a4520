"""The span processor: what an app adds to its tracer provider."""

from __future__ import annotations

import logging
import time
import weakref
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor

from roark_otel._engine import process, registry
from roark_otel._model.formats import is_http_url
from roark_otel._model.hooks import Hooks
from roark_otel._model.stats import Stats, added
from roark_otel._safety.guard import guarded, guarded_hook, log_once
from roark_otel._settings.settings import Settings
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from re import Pattern

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from roark_otel._engine.engine import Engine
    from roark_otel._model.dialect import Dialect
    from roark_otel._model.hooks import ReceiptHook, RecordingResolver, Redactor
    from roark_otel._traces.processor import ConversationTraces


class RoarkSpanProcessor(SpanProcessor):
    """Turns the conversations that an app traces into linked calls at Roark.

    Add this span processor to a tracer provider. It keeps a compact record of the spans of a conversation and, when its
    root span ends, creates a call with the same external id that the spans carry. It never blocks the app, and nothing
    that goes wrong in it reaches the app.

    Every argument has an environment variable and a default; an argument wins over `settings`, they over the
    environment. Without a key the processor does nothing, and says so once.

    Args:
        api_key: The key of the Roark project. `ROARK_API_KEY`.
        api_key_file: A file that holds the key. `ROARK_API_KEY_FILE`.
        base_url: Where Roark is. `ROARK_BASE_URL`, default `https://api.roark.ai`.
        project_id: The project, for a key that belongs to a user. `ROARK_PROJECT_ID`.
        spool_dir: Where finished calls wait. `ROARK_SPOOL_DIR`, default the user's state directory.
        spool: `disk` or `memory`. `ROARK_SPOOL`, default disk.
        spool_max_bytes: How many bytes may wait. `ROARK_SPOOL_MAX_BYTES`, default 1 GiB.
        spool_max_age_seconds: How old a call may grow there. `ROARK_SPOOL_MAX_AGE_SECONDS`, default 604800.
        recording_url: The recording of every call whose spans name none: a URL, or a function that finds it, see
            `roark_otel.types.RecordingResolver`.
        recording_url_template: The same with names in braces. `ROARK_RECORDING_URL_TEMPLATE`.
        recording_delay_seconds: How long after the end the template's URL is good. Default 0.
            `ROARK_RECORDING_DELAY_SECONDS`.
        recording_wait_seconds: How long a call waits for its recording. `ROARK_RECORDING_WAIT_SECONDS`, default 86400.
        recording_fallback_url: The recording when the wait is over. `ROARK_RECORDING_FALLBACK_URL`.
        agent_name: The agent's name. `ROARK_AGENT_NAME`.
        agent_custom_id: Your id of the agent. `ROARK_AGENT_CUSTOM_ID`.
        interface_type: PHONE or WEB. `ROARK_INTERFACE_TYPE`.
        call_direction: INBOUND or OUTBOUND. `ROARK_CALL_DIRECTION`.
        capture_content: False: no text, argument or result leaves the process. `ROARK_CAPTURE_CONTENT`.
        redact_patterns: What is replaced in every text, argument and result: `card`, `phone`, `email`, or patterns
            of your own. `ROARK_REDACT`.
        properties_allow: The only properties that may be sent. `ROARK_PROPERTIES_ALLOW`, default all.
        export_traces: True: the spans of conversations go to Roark too; needs the extra `otlp`. `ROARK_EXPORT_TRACES`.
        traces_endpoint: Where they go. `ROARK_TRACES_ENDPOINT`.
        log_external_id: How logs name a call: `plain` or `hash`. `ROARK_LOG_EXTERNAL_ID`.
        auto_external_id: True: a voice framework's conversation without an id gets one. `ROARK_AUTO_EXTERNAL_ID`.
        external_id_keys: Further attribute names to take the id from. `ROARK_EXTERNAL_ID_KEYS`.
        call_sample_ratio: The share of calls that are sent. `ROARK_CALL_SAMPLE_RATIO`, default 1.
        linger_seconds: How long late spans still count. `ROARK_LINGER_SECONDS`, default 2.
        quiet_seconds: How long a call with an implied root rests. `ROARK_QUIET_SECONDS`, default 60.
        idle_timeout_seconds: When a silent conversation is given up. `ROARK_IDLE_TIMEOUT_SECONDS`, default 14400.
        max_conversations: How many may be open. `ROARK_MAX_CONVERSATIONS`, default 10000.
        exit_timeout_seconds: How long `shutdown()` may take. `ROARK_EXIT_TIMEOUT_SECONDS`, default 5.
        http_timeout_seconds: How long a request may take. `ROARK_HTTP_TIMEOUT_SECONDS`, default 10.
        settings: All of these at once.
        dialects: The dialects that are read, the highest first.
        redact: Your own word on each utterance, tool use and call before it is sent, see `roark_otel.types.Redactor`.
        on_receipt: Told what became of each attempt to deliver a call, see `roark_otel.types.ReceiptHook`.
        meter_provider: Where the metrics about ourselves go. Default: the global one; without an SDK there is no cost.

    Raises:
        ValueError: if an argument cannot be right; the message says what to set.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        api_key_file: str | PathLike[str] | None = None,
        base_url: str | None = None,
        project_id: str | None = None,
        spool_dir: str | PathLike[str] | None = None,
        spool: str | None = None,
        spool_max_bytes: int | None = None,
        spool_max_age_seconds: float | None = None,
        recording_url: str | RecordingResolver | None = None,
        recording_url_template: str | None = None,
        recording_delay_seconds: float | None = None,
        recording_wait_seconds: float | None = None,
        recording_fallback_url: str | None = None,
        agent_name: str | None = None,
        agent_custom_id: str | None = None,
        interface_type: str | None = None,
        call_direction: str | None = None,
        capture_content: bool | None = None,
        redact_patterns: Sequence[str | Pattern[str]] | None = None,
        properties_allow: Sequence[str] | None = None,
        export_traces: bool | None = None,
        traces_endpoint: str | None = None,
        log_external_id: str | None = None,
        auto_external_id: bool | None = None,
        external_id_keys: Sequence[str] | None = None,
        call_sample_ratio: float | None = None,
        linger_seconds: float | None = None,
        quiet_seconds: float | None = None,
        idle_timeout_seconds: float | None = None,
        max_conversations: int | None = None,
        exit_timeout_seconds: float | None = None,
        http_timeout_seconds: float | None = None,
        settings: Settings | None = None,
        dialects: Sequence[Dialect] = DIALECTS,
        redact: Redactor | None = None,
        on_receipt: ReceiptHook | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._engine: Engine | None = None
        self._traces: ConversationTraces | None = None
        self._is_shut_down = False
        self._settings = (settings or Settings.from_env()).with_arguments(
            api_key=api_key,
            api_key_file=api_key_file,
            base_url=base_url,
            project_id=project_id,
            spool_dir=spool_dir,
            spool=spool,
            spool_max_bytes=spool_max_bytes,
            spool_max_age_seconds=spool_max_age_seconds,
            recording_url_template=recording_url_template,
            recording_delay_seconds=recording_delay_seconds,
            recording_wait_seconds=recording_wait_seconds,
            recording_fallback_url=recording_fallback_url,
            agent_name=agent_name,
            agent_custom_id=agent_custom_id,
            interface_type=interface_type,
            call_direction=call_direction,
            capture_content=capture_content,
            redact_patterns=redact_patterns,
            properties_allow=properties_allow,
            export_traces=export_traces,
            traces_endpoint=traces_endpoint,
            log_external_id=log_external_id,
            auto_external_id=auto_external_id,
            external_id_keys=external_id_keys,
            call_sample_ratio=call_sample_ratio,
            linger_seconds=linger_seconds,
            quiet_seconds=quiet_seconds,
            idle_timeout_seconds=idle_timeout_seconds,
            max_conversations=max_conversations,
            exit_timeout_seconds=exit_timeout_seconds,
            http_timeout_seconds=http_timeout_seconds,
        )
        if isinstance(recording_url, str) and not is_http_url(recording_url):
            raise ValueError("roark_otel: recording_url: must be an absolute http or https URL")
        if redact is not None and not callable(redact):
            raise ValueError("roark_otel: redact: must be a function, see roark_otel.types.Redactor")
        if not self._settings.enabled:
            return
        if self._settings.api_key is None:
            log_once(logging.WARNING, (), "no key, so no calls are made: set ROARK_API_KEY or pass api_key=")
            return
        hooks = Hooks(recording_url, redact, on_receipt)
        self._engine = registry.acquire(self._settings, self._settings.api_key, dialects, hooks, meter_provider)
        _processors[id(self)] = self
        if self._settings.export_traces:
            from roark_otel._traces.processor import conversation_traces

            self._traces = conversation_traces(self._settings, self._settings.api_key, is_redacted=redact is not None)

    @guarded_hook
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Called when a span is started."""
        if self._engine is not None:
            self._engine.on_start(span, parent_context)
        if self._traces is not None:
            self._traces.on_start(span, parent_context)

    @guarded_hook
    def on_end(self, span: ReadableSpan, _: None = None) -> None:
        """Called when a span is ended."""
        if self._engine is not None:
            self._engine.on_end(span)
        if self._traces is not None:
            self._traces.on_end(span)

    @guarded(False)
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Finishes and delivers every conversation whose root has ended; closes none whose root is open.

        Args:
            timeout_millis: How long it may take, in milliseconds.

        Returns:
            Whether everything that was due was delivered in time. A call that waits for its recording is not due.
        """
        deadline = time.monotonic() + timeout_millis / 1000
        delivered = self._engine is None or self._engine.flush(timeout_millis / 1000)
        if self._traces is None:
            return delivered
        left = max(0, int((deadline - time.monotonic()) * 1000))
        return self._traces.force_flush(left) and delivered

    @guarded(None)
    def shutdown(self) -> None:
        """Flushes, and closes as incomplete the conversations in which nothing happens any more.

        Spans that come later are still taken: some frameworks shut down the provider of an app that goes on.
        """
        if self._engine is None:
            return
        if process.is_exiting():
            process.leave([self._engine], close_idle=0.0)
        else:
            self._engine.shut_down(self._settings.linger_seconds)
        if self._traces is not None:
            self._traces.force_flush()
            if process.is_exiting():  # spans that come after another shutdown are exported too
                self._traces.shutdown()
        if not self._is_shut_down and self._settings.api_key is not None:
            self._is_shut_down = True
            _processors.pop(id(self), None)
            registry.release(self._engine, self._settings.api_key)

    def stats(self) -> Stats:
        """What happened so far, in numbers."""
        return Stats() if self._engine is None else self._engine.stats()


_processors: weakref.WeakValueDictionary[int, RoarkSpanProcessor] = weakref.WeakValueDictionary()


def get_processor() -> RoarkSpanProcessor | None:
    """The processor of this process: the first with a key that was made and not shut down; None if there is none."""
    return next(iter(list(_processors.values())), None)


def force_flush(timeout_millis: int = 30_000) -> bool:
    """Flushes every processor of this process, as `RoarkSpanProcessor.force_flush`; the time is for all together."""
    deadline = time.monotonic() + timeout_millis / 1000
    delivered = [engine.flush(max(0.0, deadline - time.monotonic())) for engine in registry.engines()]
    return all(delivered)


def stats() -> Stats:
    """The numbers of all processors of this process, added up."""
    return added([engine.stats() for engine in registry.engines()])
