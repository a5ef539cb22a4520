"""Capture: all that happens on the app's threads.

A few look-ups decide whether a span is relevant: its trace is that of a conversation, its scope is a framework's, or
the name of one of its attributes or events is relevant. A relevant span is copied into a compact record, which goes to
the inbox: no lock, no JSON, no I/O.

An open span is held by weak references, so that one that an app never ends is freed when the app lets go of it. Of a
root, or a span with an id of its own, what it said is then read from its attributes and events, which outlive it.

`sdk_spans` documents how the SDK's spans are read, and which of their private attributes.
"""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import time
import weakref
from enum import IntEnum
from functools import partial
from os import getpid
from typing import TYPE_CHECKING, cast

from opentelemetry import baggage
from opentelemetry.trace import StatusCode

from roark_otel._capture import call_context
from roark_otel._capture.sdk_spans import (
    IS_REMOTE,
    NOTHING,
    SPAN_ID,
    TRACE_ID,
    alive,
    characters,
    copies,
    events_of,
    new,
    parts_of,
    public,
    record_of,
    record_of_parts,
    size_of,
    weakly,
)
from roark_otel._model.formats import is_external_id
from roark_otel._model.spans import EventsSeen, SpanAbandoned, SpanGone, SpanStart
from roark_otel._safety.guard import guarded
from roark_otel.attributes import CONVERSATION_ROOT, EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan, Span
    from opentelemetry.trace import SpanContext

    from roark_otel._capture.inbox import Inbox
    from roark_otel._model.dialect import OwnId
    from roark_otel._model.vocabulary import Vocabulary

MAX_NAMES = 10_000
"""The most names of attributes and events that are remembered as relevant, and as irrelevant."""

MAX_RESOURCES = 16
"""The most resources that are remembered."""

_ERROR = StatusCode.ERROR


class Took(IntEnum):
    """What capture did with a span; false if nothing."""

    NOTHING = 0
    SPAN = 1
    FORKED = 2
    """Nothing, because this process is a forked child and the inbox is its parent's."""


_NOTHING_TAKEN, _TAKEN, _FORKED = Took.NOTHING, Took.SPAN, Took.FORKED  # to look a member up takes as long as a call


class _LiveTrace:
    """A trace with spans of a conversation.

    `ids` are those that its spans have shown, `hosts` its open spans whose events are read early, and `unnamed` its
    open roots without an id, each with the dialect's way to an own id if it may have one.
    """

    __slots__ = ("hosts", "ids", "unnamed")

    def __init__(self) -> None:
        self.ids: set[object] = set()
        self.hosts: dict[int, _Host] = {}
        self.unnamed: dict[int, tuple[object, OwnId | None]] = {}


class _Host:
    """An open span that is a root or has an id of its own.

    Its events are read early, if it may be read while it is open; `seen` says how many were, with those that the SDK
    dropped.
    """

    __slots__ = ("alive", "may_be_read", "seen")

    def __init__(self, alive: Callable[[], Span | None], *, may_be_read: bool) -> None:
        self.alive = alive
        self.may_be_read = may_be_read
        self.seen = 0


_captures: tuple[weakref.ref[Capture], ...] = ()
"""Those in use; one tuple takes the place of another, so that any thread may read it."""


def shows_an_id(trace_id: int) -> bool:
    """Whether a span of this trace had an external id when it started, and more of the trace may come."""
    return any((capture := alive()) is not None and capture.shows_an_id(trace_id) for alive in _captures)


class Capture:
    """Takes the spans of conversations, and leaves all others alone.

    Args:
        vocabulary: What the dialects know together.
        inbox: Where it leaves what it took.
        parents_traces: In a forked child the traces of its parent's conversations: what the parent began stays with it.
    """

    def __init__(self, vocabulary: Vocabulary, inbox: Inbox, parents_traces: Container[int] = ()) -> None:
        self._pid = getpid()
        self._born_ns = time.time_ns()
        self._parents_traces = parents_traces
        self._vocabulary = vocabulary
        self._inbox = inbox
        self._scopes = vocabulary.scopes
        self._has_other_ids = len(vocabulary.id_keys) > 1
        self._traces: dict[int, _LiveTrace] = {}
        self._irrelevant: set[object] = set()
        self._relevant: set[object] = set()
        self._resources: dict[int, tuple[Resource, Mapping[str, object], bool]] = {}
        self._latest_resource: tuple[Resource, Mapping[str, object], bool] | None = None
        global _captures
        _captures = (*(alive for alive in _captures if alive() is not None), weakref.ref(self))

    def shows_an_id(self, trace_id: int) -> bool:
        """Whether a span of this trace had an external id when it started."""
        trace = self._traces.get(trace_id)
        return trace is not None and bool(trace.ids)

    def forget(self, trace_id: int) -> None:
        """Nothing of this trace is waited for any more. Called by the assembler."""
        self._traces.pop(trace_id, None)

    def known_traces(self) -> frozenset[int]:
        """The traces of this process's conversations, and of its parents'."""
        inherited = self._parents_traces if isinstance(self._parents_traces, frozenset) else frozenset[int]()
        return inherited.union(list(self._traces))

    # A span begins

    def on_start(self, span: Span, parent_context: Context | None) -> Took:
        """Takes in a span that began, if it matters."""
        try:
            context: SpanContext = span._context  # type: ignore[assignment]
            parent = span._parent
            scope: str = span._instrumentation_scope._name  # type: ignore[union-attr]
            attributes: Mapping[str, object] = span._attributes._dict  # type: ignore[union-attr]
        except AttributeError:
            context, parent, scope, attributes = public(span)
        local_root = parent is None or parent[IS_REMOTE]
        if (
            context[TRACE_ID] in self._traces
            or scope in self._scopes
            or (not self._irrelevant.issuperset(attributes) and self._has_relevant(attributes))
            or ((local_root or call_context.in_use) and self._is_of_a_call(span, parent_context, local_root=local_root))
        ):
            return self._start(span, context, parent, scope, attributes, parent_context)
        return _NOTHING_TAKEN

    def _is_of_a_call(self, span: Span, parent_context: Context | None, *, local_root: bool) -> bool:
        """Whether the surroundings of a span give it an id."""
        if call_context.in_use and call_context.call_attributes_in(parent_context):
            return True
        if not local_root:
            return False
        return self._resource(span)[2] or baggage.get_baggage(EXTERNAL_ID, parent_context) is not None

    def _start(
        self,
        span: Span,
        context: SpanContext,
        parent: SpanContext | None,
        scope: str,
        attributes: Mapping[str, object],
        parent_context: Context | None,
    ) -> Took:
        if self._inbox.is_flooded():
            return _TAKEN
        trace_id, span_id = context[TRACE_ID], context[SPAN_ID]
        trace = self._traces.get(trace_id)
        if trace is None:
            # Asked where a trace begins only: in a child, a trace that is known is its parent's.
            if getpid() != self._pid:
                return _FORKED
            trace = self._traces.setdefault(trace_id, _LiveTrace())
        local_root = parent is None or parent[IS_REMOTE]
        external_id = attributes.get(EXTERNAL_ID)
        if external_id is None and self._has_other_ids:
            external_id = self._vocabulary.external_id(attributes)
        call_attributes = call_context.call_attributes_in(parent_context) if call_context.in_use else NOTHING
        if trace.unnamed:
            self._stamp_late(trace)
        baggage_id = None
        if external_id is None and EXTERNAL_ID in call_attributes and trace_id in self._parents_traces:
            # The call is the parent's; here is a fragment of it, as where the id comes from baggage only.
            baggage_id, call_attributes = call_attributes[EXTERNAL_ID], NOTHING
        elif (known_id := call_attributes.get(EXTERNAL_ID) if external_id is None else external_id) is not None:
            if EXTERNAL_ID not in attributes:
                self._stamp(trace, span, known_id)
            elif isinstance(known_id, str):
                trace.ids.add(known_id)
        else:
            if not trace.ids:
                baggage_id = baggage.get_baggage(EXTERNAL_ID, parent_context)
            self._note_unnamed(trace, span_id, span, scope, local_root, has_id=baggage_id is not None)
        start = new(
            SpanStart,
            (
                trace_id,
                span_id,
                None if parent is None else parent[SPAN_ID],
                scope,
                span.name,
                span.start_time or 0,
                local_root,
                external_id,
                attributes.get(CONVERSATION_ROOT) is True,
                call_attributes,
                baggage_id,
                self._resource(span)[1],
                weakly(span),
            ),
        )
        if local_root or external_id is not None:
            trace.hosts[span_id] = self._host(start, span)
        self._inbox.append(start)
        return _TAKEN

    def _host(self, start: SpanStart, span: Span) -> _Host:
        may_be_read = self._vocabulary.may_be_read_open(start.scope)
        # The weak reference has to live as long as the host, or its callback is never called.
        on_death = partial(self._on_abandoned, start, parts_of(span) if may_be_read else None, may_be_read)
        try:
            return _Host(weakref.ref(span, on_death), may_be_read=may_be_read)
        except TypeError:
            return _Host(lambda: span, may_be_read=may_be_read)

    @guarded(None)
    def _on_abandoned(
        self, start: SpanStart, parts: tuple[object, object] | None, may_be_read: bool, _: object
    ) -> None:
        """The app has let go of an open span: it can never end. Runs wherever that happened, so it only takes notes."""
        trace = self._traces.get(start.trace_id)
        if trace is None or trace.hosts.pop(start.span_id, None) is None or self._inbox.is_flooded():
            return
        record = record_of_parts(start, parts) if may_be_read else None
        self._inbox.append(
            SpanAbandoned(start.trace_id, start.span_id, record), 0 if record is None else size_of(record)
        )

    def _note_unnamed(
        self, trace: _LiveTrace, span_id: int, span: Span, scope: str, local_root: bool, *, has_id: bool
    ) -> None:
        """A root without an id may get one later, which is then stamped on it."""
        own_id = self._vocabulary.own_id(scope, span.name)
        if own_id is not None and (has_id or self._resource(span)[2]):
            own_id = None  # it has an id, though not one of its own
        if own_id is not None or (local_root and not trace.ids):
            trace.unnamed[span_id] = weakly(span), own_id

    def _stamp(self, trace: _LiveTrace, span: Span, external_id: object) -> None:
        """Sets the one attribute that we ever set: without it on one of its spans the trace would not be linked."""
        if is_external_id(external_id) and external_id not in trace.ids:
            span.set_attribute(EXTERNAL_ID, cast("str", external_id))
            trace.ids.add(external_id)

    def _stamp_late(self, trace: _LiveTrace) -> None:
        """Stamps open roots whose id came after their start, under another key or from their framework."""
        for span_id, (reference, own_id) in list(trace.unnamed.items()):
            span = cast("Span | None", alive(reference))
            if span is None:
                trace.unnamed.pop(span_id, None)
                continue
            try:
                attributes: Mapping[str, object] = span._attributes._dict  # type: ignore[union-attr]
            except AttributeError:
                attributes = span.attributes or NOTHING
            found = self._vocabulary.external_id(attributes)
            if found is None and own_id is not None:
                found = own_id(attributes, span_id)
            if isinstance(found, str):
                trace.unnamed.pop(span_id, None)
                if EXTERNAL_ID not in attributes:
                    self._stamp(trace, span, found)
                trace.ids.add(found)

    # A span ends

    def on_end(self, span: ReadableSpan) -> Took:
        """Takes in a span that ended, if it matters."""
        irrelevant = self._irrelevant
        try:
            context: SpanContext = span._context  # type: ignore[assignment]
            scope: str = span._instrumentation_scope._name  # type: ignore[union-attr]
            attributes: Mapping[str, object] = span._attributes._dict  # type: ignore[union-attr]
            events: Iterable[Event] = span._events._dq  # type: ignore[attr-defined]
            candidate: object = irrelevant
            for event in events:
                if event._name not in irrelevant:
                    candidate = event._name
                    break
            is_irrelevant = candidate is irrelevant and irrelevant.issuperset(attributes)
        except (AttributeError, TypeError):  # an event's name may be anything, a list too
            context, _, scope, attributes = public(span)
            events, candidate, is_irrelevant = span.events, None, False
        trace = self._traces.get(context[TRACE_ID])
        is_relevant = scope in self._scopes or (
            not is_irrelevant
            and (
                (candidate is not irrelevant and candidate in self._relevant)
                or self._has_relevant(attributes)
                or self._has_relevant([event.name for event in events])
            )
        )
        if trace is None and not is_relevant:
            return _NOTHING_TAKEN
        return self._end(span, context, trace, scope, attributes, events, is_relevant=is_relevant)

    def _end(
        self,
        span: ReadableSpan,
        context: SpanContext,
        trace: _LiveTrace | None,
        scope: str,
        attributes: Mapping[str, object],
        events: Iterable[Event],
        *,
        is_relevant: bool,
    ) -> Took:
        trace_id, span_id = context[TRACE_ID], context[SPAN_ID]
        if trace_id in self._parents_traces and (span.start_time or 0) < self._born_ns:
            return _NOTHING_TAKEN  # the parent began it, and will end it too
        if trace is None:
            if getpid() != self._pid:
                return _FORKED
            trace = self._traces.setdefault(trace_id, _LiveTrace())
        if trace.unnamed:
            trace.unnamed.pop(span_id, None)
        if trace.hosts:
            trace.hosts.pop(span_id, None)
            for host_id, host in list(trace.hosts.items()):
                self._read_events(trace_id, host_id, host)
        error = span.status.status_code is _ERROR
        if not is_relevant and not error:
            if not self._inbox.is_flooded():
                self._inbox.append(new(SpanGone, (trace_id, span_id, span.end_time or 0, False)))
            return _TAKEN
        if (
            not self._inbox.has_room()
            and not self._vocabulary.is_root(scope, span.name)
            and EXTERNAL_ID not in attributes
        ):
            self._inbox.append(SpanGone(trace_id, span_id, span.end_time or 0, dropped=True))
            return _TAKEN
        record = record_of(span, context, scope, attributes, events, self._resource(span)[1], error=error)
        # While little waits, what it weighs is not worth a measurement.
        self._inbox.append(record, size_of(record) if self._inbox.is_filling() else 0)
        return _TAKEN

    def _read_events(self, trace_id: int, span_id: int, host: _Host) -> None:
        """Reads the events of an open span that are new since the last time, before the SDK's limit drops them."""
        if not host.may_be_read or (span := host.alive()) is None:
            return
        try:
            known = span._events
            if known.dropped + len(known._dq) == host.seen:  # type: ignore[attr-defined]
                return
        except AttributeError:
            pass
        dropped, events = events_of(span)
        if dropped + len(events) == host.seen:
            return
        first = max(host.seen, dropped)
        fresh = copies(events[first - dropped :])
        host.seen = dropped + len(events)
        if not self._inbox.is_flooded():
            self._inbox.append(
                EventsSeen(trace_id, span_id, first, fresh), sum([characters(e.attributes) for e in fresh])
            )

    # Small questions

    def _has_relevant(self, names: Iterable[object]) -> bool:
        """Returns whether one of these names is relevant. All are remembered: a set operation settles the next span."""
        for name in names:
            if not isinstance(name, str) or name in self._irrelevant:
                continue
            if name in self._relevant:
                return True
            if self._vocabulary.is_relevant(name):
                if len(self._relevant) < MAX_NAMES:
                    self._relevant.add(name)
                return True
            if len(self._irrelevant) < MAX_NAMES:
                self._irrelevant.add(name)
        return False

    def _resource(self, span: ReadableSpan) -> tuple[Resource, Mapping[str, object], bool]:
        """The resource of a span, its attributes, and whether they have an id. Its identity changes with a fork."""
        resource = span.resource
        known = self._latest_resource
        if known is not None and known[0] is resource:
            return known
        known = self._resources.get(id(resource))
        if known is None or known[0] is not resource:
            if len(self._resources) >= MAX_RESOURCES:
                self._resources.clear()
            attributes = dict(resource.attributes)
            known = resource, attributes, self._vocabulary.external_id(attributes) is not None
            self._resources[id(resource)] = known
        self._latest_resource = known
        return known
