"""Exports the spans of conversations to Roark, so that the trace that a call links to is there.

Only traces that show an external id are exported, each whole. Spans that end before the id is known wait, up to a
limit, and are dropped if the trace shows none until its last span ends. Calls do not wait for any of this.
"""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections import deque
from multiprocessing import util as multiprocessing_util
from typing import TYPE_CHECKING, Final

from opentelemetry import baggage
from opentelemetry.sdk.trace import SpanProcessor

from roark_otel._safety.guard import guarded, log_once
from roark_otel._safety.hook_thread import HookThread
from roark_otel.attributes import EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from roark_otel._traces.choosing import SeenIds


MAX_WAITING_SPANS: Final = 10_000
"""The most ended spans that may wait for an id, in all traces together; beyond it, the oldest trace's are dropped."""

MAX_TRACES: Final = 10_000
"""The most traces with open spans that are known, and the most traces with an id that are remembered."""


class _OpenSpan(weakref.ref["Span"]):
    """An open span. One that an app never ends is let go of with it."""

    __slots__ = ("is_root", "span_id", "trace_id")

    is_root: bool
    span_id: int
    trace_id: int


class _Trace:
    """A trace with open spans: whether it shows an id, and its ended spans that wait."""

    __slots__ = ("has_id", "open", "waiting")

    def __init__(self) -> None:
        self.has_id = False
        self.open: dict[int, _OpenSpan] = {}
        self.waiting: deque[ReadableSpan] = deque()

    def roots(self) -> list[Span]:
        """Returns its open local roots, which may get an id late."""
        opened = list(self.open.values())
        return [span for one in opened if one.is_root and (span := one()) is not None]


class ConversationTraces(SpanProcessor):
    """Hands the spans of traces that show an external id to another processor.

    It holds no lock: the thread that finds the id of a trace takes the spans that wait one by one, and a span that
    another thread adds meanwhile is taken by that thread.

    Args:
        to: The processor that gets them, such as a `BatchSpanProcessor`.
        id_keys: The names of attributes that hold an external id.
        seconds_at_exit: Returns how long an export may take when the process ends.
        seen: Notes the ids of traces, where only some of them are exported.
    """

    def __init__(
        self,
        to: SpanProcessor,
        id_keys: Sequence[str],
        seconds_at_exit: Callable[[], float] = lambda: 30.0,
        seen: SeenIds | None = None,
    ) -> None:
        self._to = to
        self._seen = seen
        self._seconds_at_exit = seconds_at_exit
        self._thread = HookThread("roark-otel-traces", is_patient=True)
        self._id_keys = tuple(id_keys)
        self._on_death = self._forget  # one object for all weak references
        self._open: dict[int, _Trace] = {}
        self._with_id: dict[int, None] = {}
        self._waiting = 0
        self._pid = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Takes in a span that began; its attributes, its resource or its baggage may have an id already."""
        context = span.get_span_context()
        if not context.trace_flags.sampled:
            return
        trace = self._open.get(context.trace_id)
        if trace is None:
            trace = self._begin(context.trace_id)
        try:
            opened = _OpenSpan(span, self._on_death)
        except TypeError:  # a span of a type that knows no weak references
            return
        opened.trace_id, opened.span_id = context.trace_id, context.span_id
        opened.is_root = span.parent is None or span.parent.is_remote
        trace.open[context.span_id] = opened
        if trace.has_id:
            return
        carried = baggage.get_baggage(EXTERNAL_ID, parent_context)
        if context.trace_id in self._with_id or self._shows_id(span) or carried is not None:
            trace.has_id = True
            if self._seen is not None and carried is not None and not self._shows_id(span):
                self._seen.note_id(context.trace_id, carried, {**span.resource.attributes, **(span.attributes or {})})

    def on_end(self, span: ReadableSpan) -> None:
        """Takes in a span that ended: hands it on, or keeps it until its trace shows an id."""
        context = span.get_span_context()
        trace = None if context is None else self._open.get(context.trace_id)
        if context is None:
            return
        if trace is None:
            if context.trace_id in self._with_id:
                self._to.on_end(span)
            return  # it began before this processor was added, or was crowded out
        trace.waiting.append(span)
        self._waiting += 1
        trace.has_id = trace.has_id or self._shows_id(span) or any(map(self._shows_id, trace.roots()))
        if trace.has_id:
            self._hand_on(context.trace_id, trace)
        elif self._waiting > MAX_WAITING_SPANS:
            self._drop_oldest()
        self._end(context.trace_id, context.span_id, trace)

    def _begin(self, trace_id: int) -> _Trace:
        """Takes in a trace. Beyond the bound the oldest is forgotten: one with an id is exported all the same."""
        if len(self._open) >= MAX_TRACES:
            for oldest in list(self._open)[: MAX_TRACES // 10]:
                if (trace := self._open.pop(oldest, None)) is not None:
                    self._waiting -= len(trace.waiting)
        return self._open.setdefault(trace_id, _Trace())

    def _end(self, trace_id: int, span_id: int, trace: _Trace) -> None:
        """Lets go of a span that has ended or never can, and with the last one of its trace."""
        trace.open.pop(span_id, None)
        if not trace.open and self._open.pop(trace_id, None) is not None:
            self._waiting -= len(trace.waiting)

    @guarded(None)
    def _forget(self, opened: _OpenSpan) -> None:
        """The app has let go of an open span: it can never end. Runs wherever that happened."""
        if (trace := self._open.get(opened.trace_id)) is not None:
            self._end(opened.trace_id, opened.span_id, trace)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Exports the ended spans of traces that show an id. Returns whether that was done in time."""
        return self._in_time(lambda: self._to.force_flush(timeout_millis), timeout_millis / 1000)

    def flush_at_exit(self) -> None:
        """Exports what is left, in the time that the process has for it."""
        self.force_flush(int(self._seconds_at_exit() * 1000))

    def __del__(self) -> None:
        """Lets the thread end."""
        self._thread.rest()

    def shutdown(self, seconds: float = 30.0) -> None:
        """Exports the same spans, and shuts the other processor down, in at most these seconds."""
        self._in_time(self._to.shutdown, seconds)

    def _in_time(self, work: Callable[[], bool | None], seconds: float) -> bool:
        """Returns whether work was done in time, for which the SDK's own processor has no limit."""
        if self._pid != os.getpid():
            return True  # no span was handed on in this process
        answers: list[bool | None] = []
        self._thread.call_soon(lambda _: answers.append(work()), None)
        self._thread.wait(time.monotonic() + seconds)
        return bool(answers) and answers[0] is not False

    def _shows_id(self, span: ReadableSpan) -> bool:
        attributes, resource = span.attributes or {}, span.resource.attributes
        return any(key in attributes for key in self._id_keys) or any(key in resource for key in self._id_keys)

    def _hand_on(self, trace_id: int, trace: _Trace) -> None:
        if trace_id not in self._with_id:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._thread = HookThread("roark-otel-traces", is_patient=True)
                self._thread.start()  # at the exit Python 3.12 starts none
                self._export_at_exit()
            if len(self._with_id) >= MAX_TRACES:
                for oldest in list(self._with_id)[: MAX_TRACES // 10]:
                    self._with_id.pop(oldest, None)
            self._with_id[trace_id] = None
        if self._seen is not None:
            self._seen.note(trace_id, (*trace.roots(), *trace.waiting))
        while trace.waiting:
            try:
                span = trace.waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            self._waiting -= 1
            self._to.on_end(span)

    def _export_at_exit(self) -> None:
        """Registers a flush at the exit of this process, after that of calls. Multiprocessing skips atexit."""
        alive = weakref.ref(self)

        @guarded(None)
        def at_exit() -> None:
            if (left := alive()) is not None:
                left.flush_at_exit()

        multiprocessing_util.Finalize(None, at_exit, exitpriority=5)

    def _drop_oldest(self) -> None:
        """Drops the waiting spans of the oldest trace, and counts the others: without a lock the count drifts."""
        traces = list(self._open.values())
        oldest = next((trace for trace in traces if trace.waiting), None)
        if oldest is not None:
            oldest.waiting.clear()
            log_once(
                logging.WARNING,
                (),
                "more than %d spans wait for an external id; the oldest trace is not exported whole: set "
                "roark.external_id early",
                MAX_WAITING_SPANS,
            )
        self._waiting = sum(len(trace.waiting) for trace in traces)
