"""Capture: all that happens on the app's threads.

A few look-ups decide whether a span is relevant: its trace is that of a conversation, its scope is a framework's, or
the name of one of its attributes or events is relevant. When a relevant span ends, its values are copied into a tuple,
which goes to the inbox: no lock, no JSON, no I/O, and nothing of the SDK outlives the span.

A span that begins is only noted, in the branch of its parent, unless it opens a branch of its own: a root, the first
span of its trace, or one with another id than those above.
"""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import time
import weakref
from enum import IntEnum
from os import getpid
from typing import TYPE_CHECKING

from roark_otel._capture import call_context
from roark_otel._capture.branches import Branches
from roark_otel._capture.identities import Identities
from roark_otel._capture.inbound import Inbound
from roark_otel._capture.inbox import SAMPLED
from roark_otel._capture.open_rows import OpenRows
from roark_otel._capture.relevance import Relevance
from roark_otel._capture.resources import Resources
from roark_otel._capture.same_ids import warn_of_same_ids
from roark_otel._capture.sdk_spans import (
    IS_REMOTE,
    NOTHING,
    SPAN_ID,
    TRACE_ID,
    bare,
    captured,
    characters,
    has_failed,
    public,
)
from roark_otel._model.rows import Kind, Origin

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Event, ReadableSpan, Span
    from opentelemetry.trace import SpanContext

    from roark_otel._capture.branch import Branch
    from roark_otel._capture.inbox import Inbox
    from roark_otel._model.vocabulary import Vocabulary


class Took(IntEnum):
    """What capture did with a span; false if nothing."""

    NOTHING = 0
    SPAN = 1
    FORKED = 2
    """Nothing, because this process is a forked child and the inbox is its parent's."""
    ROOT = 3
    """The span, with which a conversation may have ended."""


# To look a member up takes as long as a call.
_NOTHING_TAKEN, _TAKEN, _FORKED, _ROOT = Took.NOTHING, Took.SPAN, Took.FORKED, Took.ROOT
_EDGE, _LOST, _BAGGAGE = int(Kind.EDGE), int(Kind.LOST), int(Origin.BAGGAGE)

_captures: tuple[weakref.ref[Capture], ...] = ()
"""Those in use; one tuple takes the place of another, so that any thread may read it."""


def shows_an_id(trace_id: int) -> bool:
    """Returns whether a span of this trace had an external id when it started, and more of the trace may come."""
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
        self.vocabulary = vocabulary
        self.inbox = inbox
        self._scopes = vocabulary.scopes
        self._resources = Resources(vocabulary)
        self._inbound = inbound = Inbound(vocabulary)
        self.branches = Branches(vocabulary, inbox, self._resources, inbound)
        self.open_rows = OpenRows(self.branches, vocabulary, self._resources, inbound)
        self._identities = Identities(vocabulary, parents_traces)
        self._homes = self.branches.homes
        self._open = self.branches.open
        self.relevance = relevance = Relevance(vocabulary)
        self._irrelevant, self._relevant = relevance.irrelevant, relevance.relevant
        self._has_relevant = relevance.has_relevant
        global _captures
        _captures = (*(alive for alive in _captures if alive() is not None), weakref.ref(self))

    def shows_an_id(self, trace_id: int) -> bool:
        """Returns whether a span of this trace had an external id when it started."""
        home = self._homes.get(trace_id)
        return home is not None and bool(home.ids)

    def knows(self, trace_id: int) -> bool:
        """Returns whether a span of this trace was taken, and more of the trace may come."""
        return trace_id in self._homes

    def known_traces(self) -> frozenset[int]:
        """Returns the traces of this process's conversations, and of its parents'."""
        inherited = self._parents_traces if isinstance(self._parents_traces, frozenset) else frozenset[int]()
        return inherited.union(list(self._homes))

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
        carried = self._inbound.note(span, context[TRACE_ID], parent_context) if local_root else None
        if (
            context[TRACE_ID] in self._homes
            or scope in self._scopes
            or not self._relevant.isdisjoint(attributes)
            or (not self._irrelevant.issuperset(attributes) and self._has_relevant(attributes))
            or ((local_root or call_context.in_use) and self._is_of_a_call(span, parent_context, local_root=local_root))
        ):
            parent = None if local_root else parent
            return self._start(span, context, parent, scope, attributes, parent_context, carried)
        return _NOTHING_TAKEN

    def _is_of_a_call(self, span: Span, parent_context: Context | None, *, local_root: bool) -> bool:
        """Returns whether the surroundings of a span give it an id; baggage alone does not."""
        if call_context.in_use and call_context.call_attributes_in(parent_context):
            return True
        return local_root and self._resources.of(span)[2]

    def _start(
        self,
        span: Span,
        context: SpanContext,
        parent: SpanContext | None,
        scope: str,
        attributes: Mapping[str, object],
        parent_context: Context | None,
        carried: Mapping[str, object] | None,
    ) -> Took:
        """Notes a span below a branch, or opens a branch.

        Of a local root, `parent` is None, and `carried` is the baggage of its context.
        """
        trace_id, span_id = context[TRACE_ID], context[SPAN_ID]
        home = self._homes.get(trace_id)
        if home is None and getpid() != self._pid:
            # Asked where a trace begins only: in a child, a trace that is known is its parent's.
            return _FORKED
        branches, opened = self.branches, self._open
        if opened.branch_of(home, trace_id, span_id) is not None:
            warn_of_same_ids(span, opened.find(trace_id, span_id))
            return _TAKEN  # a second processor saw it too
        if home is not None and home.unnamed:
            branches.stamping.stamp_late(home)
        around = None if parent is None else opened.branch_of(home, trace_id, parent[SPAN_ID])
        if parent is not None and around is not None:
            opened.note_parent(around, parent[SPAN_ID])
        if self._inbound.roots:
            if home is not None and self._inbound.of(trace_id):
                home.sdk_resource = None  # see `Branches.begin`
            attributes = self._inbound.without(trace_id, attributes)
        at_start = self._identities.at_start(span, home, scope, attributes, trace_id, parent_context, carried)
        strength = self.vocabulary.strength(scope, span.name, marked=at_start is not None and at_start[2])
        branch = around or home
        if (
            home is None
            or branch is None
            or strength is not None
            or (at_start is not None and at_start[0] is not None and branches.opens(around, branch, at_start))
        ):
            branches.begin(span, context, parent, scope, at_start, strength, home, around)
        else:
            if around is None and parent is not None and home.others:
                branch = branches.around_ended(span, home, trace_id, parent[SPAN_ID])
            branches.note(span, context, home, branch, at_start)
        return _TAKEN

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
        home = self._homes.get(context[TRACE_ID])
        is_relevant = scope in self._scopes or (
            not is_irrelevant
            and (
                (candidate is not irrelevant and candidate in self._relevant)
                or not self._relevant.isdisjoint(attributes)
                or self._has_relevant(attributes)
                or self._has_relevant([event.name for event in events])
            )
        )
        if home is None and not is_relevant:
            return _NOTHING_TAKEN
        return self._end(span, context, home, scope, attributes, events, is_relevant=is_relevant)

    def _end(
        self,
        span: ReadableSpan,
        context: SpanContext,
        home: Branch | None,
        scope: str,
        attributes: Mapping[str, object],
        events: Iterable[Event],
        *,
        is_relevant: bool,
    ) -> Took:
        trace_id, span_id = context[TRACE_ID], context[SPAN_ID]
        if trace_id in self._parents_traces and (span.start_time or 0) < self._born_ns:
            return _NOTHING_TAKEN  # the parent began it, and will end it too
        if home is None:
            if getpid() != self._pid:
                return _FORKED
            home = self.branches.begin_unseen(trace_id)
        if home.unnamed:
            home.unnamed.pop(span_id, None)
            home.settle()
        opened = self._open.end(home, trace_id, span_id)
        branch, at_start, has_below = (home, None, False) if opened is None else opened
        opens_it = opened is not None and branch.span_id == span_id
        if opens_it:
            self.branches.end(branch)
        if (above := branch.outer if opens_it else branch) is not None:
            self.branches.read_events(above)
        if not is_relevant and not opens_it and not has_failed(span):
            if has_below:
                self.inbox.append((branch.number, NOTHING, None, *bare(_EDGE, span, context, scope)))
            return _TAKEN
        carried_id = None
        if self._inbound.roots:
            carried_id = self._inbound.names_it(trace_id)
            attributes = self._inbound.without(trace_id, attributes)
        identity = self._identities.at_end(span, scope, attributes, at_start, carried_id)
        is_root = opens_it or identity[2] is not None or _comes_late(identity, branch)
        if not is_root and not self.inbox.has_room():
            events_lost = span.dropped_events + len(span.events)
            self.inbox.append((branch.number, NOTHING, None, *bare(_LOST, span, context, scope, events_lost)))
            return _TAKEN
        resource = self._resources.of(span)[1]
        row = captured(branch.number, resource, None, span, context, scope, identity, attributes, events)
        self.inbox.append(row, SAMPLED * characters(row[-2], row[-1]) if self.inbox.is_sample() else 0)
        if not is_root:
            return _TAKEN
        self.inbox.ring()
        return _ROOT if branch.outer is None else _TAKEN


def _comes_late(identity: tuple[object, int, int | None], branch: Branch) -> bool:
    """Returns whether an id is news to the branch of its span, so that the span may be the root of a conversation."""
    external_id, origin, _ = identity
    return external_id is not None and external_id != branch.external_id and origin != _BAGGAGE
