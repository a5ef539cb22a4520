"""The spans that a processor was given while calls were captured."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel.attributes import EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan

MAX_SPANS: Final = 20_000
"""The most spans that are kept of one capture."""


_MS: Final = 1_000_000
_OURS: Final = "roark_otel."


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event of a span, and when it was, in nanoseconds since the epoch."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span that has ended.

    Attributes:
        name: Its name.
        scope: The name of its instrumentation scope.
        trace_id: The id of its trace.
        span_id: Its id.
        parent_id: The id of the span above; None if there is none.
        start_ns: Its start, in nanoseconds since the epoch.
        end_ns: Its end.
        attributes: Its attributes.
        events: Its events.
        kind: Its kind: `internal`, `server`, `client`, `producer` or `consumer`.
        status: The code of its status: `unset`, `ok` or `error`.
        status_message: What its status says.
    """

    name: str
    scope: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    events: tuple[SeenEvent, ...] = ()
    kind: str = "internal"
    status: str = "unset"
    status_message: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether an instrumentation of this package wrote it, for calls: exporters get it only if they are to."""
        return self.scope.startswith(_OURS)

    def as_json(self, started_ns: int) -> dict[str, Any]:
        """Returns it as a call's document has it: ids in hex digits, times in ms from the start of the call."""
        return {
            "traceId": f"{self.trace_id:032x}",
            "spanId": f"{self.span_id:016x}",
            "parentSpanId": None if self.parent_id is None else f"{self.parent_id:016x}",
            "name": self.name,
            "kind": self.kind,
            "scope": self.scope,
            "startMs": (self.start_ns - started_ns) / _MS,
            "endMs": (self.end_ns - started_ns) / _MS,
            "status": {"code": self.status, "message": self.status_message},
            "attributes": _plain_values(self.attributes),
            "events": [
                {
                    "name": one.name,
                    "atMs": (one.time_ns - started_ns) / _MS,
                    "attributes": _plain_values(one.attributes),
                }
                for one in self.events
            ],
        }


def _plain_values(found: Mapping[str, Any]) -> dict[str, object]:
    return {key: _plain(value) for key, value in found.items()}


def _plain(value: object) -> object:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """A span that has not ended."""

    name: str
    scope: str
    trace_id: int
    start_ns: int
    external_id: str | None


class SeenSpans:
    """Keeps spans, from any thread. Attributes are those at the start until a span ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recorded: dict[tuple[int, int], tuple[str, str]] = {}
        self._dropped = 0
        self._open: dict[tuple[int, int], OpenSpan] = {}
        self._ended: dict[tuple[int, int], SeenSpan] = {}
        self._ids: dict[int, str] = {}

    def started(self, span: ReadableSpan) -> None:
        """Takes in a span that starts."""
        context = span.get_span_context()
        if context is None:
            return
        found = OpenSpan(
            span.name,
            _scope(span),
            context.trace_id,
            span.start_time or time.time_ns(),
            self._id(context.trace_id, span),
        )
        with self._lock:
            if len(self._open) < MAX_SPANS:
                self._open[context.trace_id, context.span_id] = found

    def ended(self, span: ReadableSpan) -> None:
        """Takes in a span that has ended. The same one twice counts once."""
        context = span.get_span_context()
        if context is None:
            return
        start_ns = span.start_time or 0
        found = SeenSpan(
            name=span.name,
            scope=_scope(span),
            trace_id=context.trace_id,
            span_id=context.span_id,
            parent_id=None if span.parent is None else span.parent.span_id,
            start_ns=start_ns,
            end_ns=span.end_time or start_ns,
            attributes=dict(span.attributes or {}),
            events=tuple(SeenEvent(one.name, one.timestamp, dict(one.attributes or {})) for one in span.events),
            kind=span.kind.name.lower(),
            status=span.status.status_code.name.lower(),
            status_message=span.status.description or "",
        )
        self._id(context.trace_id, span)
        with self._lock:
            self._open.pop((context.trace_id, context.span_id), None)
            if len(self._ended) < MAX_SPANS:
                self._ended[context.trace_id, context.span_id] = found

    def recorded(self, span: ReadableSpan) -> None:
        """Takes in a span that a tracer provider of the SDK records, whether or not it has a processor of ours."""
        context = span.get_span_context()
        if context is None or _scope(span).startswith(_OURS):
            return
        with self._lock:
            if len(self._recorded) < MAX_SPANS:
                self._recorded[context.trace_id, context.span_id] = _scope(span), span.name

    def dropped(self) -> None:
        """Counts a span that a sampler drops, so that no processor is given it."""
        with self._lock:
            self._dropped += 1

    def number_dropped(self) -> int:
        """Returns how many spans samplers have dropped."""
        return self._dropped

    def _id(self, trace_id: int, span: ReadableSpan) -> str | None:
        attributes = {**span.resource.attributes, **(span.attributes or {})}
        found = attributes.get(EXTERNAL_ID)
        if isinstance(found, str):
            self._ids[trace_id] = found
        return self._ids.get(trace_id)

    def of_traces(self, trace_ids: set[int]) -> tuple[SeenSpan, ...]:
        """Returns the spans of these traces that have ended, by their start."""
        with self._lock:
            found = [one for one in self._ended.values() if one.trace_id in trace_ids]
        return tuple(sorted(found, key=lambda one: (one.start_ns, one.span_id)))

    def open_conversations(self) -> list[OpenSpan]:
        """Returns the first open span of each trace that shows an id."""
        found: dict[int, OpenSpan] = {}
        with self._lock:
            opened = list(self._open.values())
        for one in sorted(opened, key=lambda each: each.start_ns):
            if one.trace_id in self._ids:
                found.setdefault(one.trace_id, one)
        return list(found.values())

    def id_of(self, trace_id: int) -> str | None:
        """Returns the external id that a trace shows."""
        return self._ids.get(trace_id)

    def traces_of(self, external_id: str) -> set[int]:
        """Returns the traces that show an external id."""
        return {trace_id for trace_id, one in self._ids.copy().items() if one == external_id}

    def last_in(self, trace_id: int) -> SeenSpan | None:
        """Returns the span of a trace that ended last."""
        with self._lock:
            found = [one for one in self._ended.values() if one.trace_id == trace_id]
        return max(found, key=lambda one: one.end_ns, default=None)

    def without_an_id(self) -> Counter[tuple[str, str]]:
        """Returns scopes and names of spans in traces that show no id, with how many there were."""
        with self._lock:
            return Counter((one.scope, one.name) for one in self._ended.values() if one.trace_id not in self._ids)

    def elsewhere(self) -> Counter[tuple[str, str]]:
        """Returns scopes and names of spans that no processor of ours was given, with how many there were."""
        with self._lock:
            if len(self._open) >= MAX_SPANS or len(self._ended) >= MAX_SPANS:  # which of the rest are ours is not known
                return Counter()
            return Counter(
                named for key, named in self._recorded.items() if key not in self._open and key not in self._ended
            )

    def __len__(self) -> int:
        """How many spans were seen."""
        return len(self._open) + len(self._ended)


def _scope(span: ReadableSpan) -> str:
    return "" if span.instrumentation_scope is None else span.instrumentation_scope.name
