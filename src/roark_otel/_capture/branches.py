"""Branches: how each begins, goes on and ends."""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sys
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, cast

from roark_otel._capture.branch import NOTHING_AT_START, AtStart, Branch
from roark_otel._capture.open_spans import OpenSpans
from roark_otel._capture.sdk_spans import (
    NOTHING,
    SPAN_ID,
    TRACE_ID,
    characters,
    events_of,
    left_of,
    parts_of,
    values_of,
)
from roark_otel._capture.stamping import Stamping
from roark_otel._capture.watched_events import watch
from roark_otel._model.joining import joins
from roark_otel._model.rows import Kind, Origin
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span
    from opentelemetry.trace import SpanContext

    from roark_otel._capture.inbound import Inbound
    from roark_otel._capture.inbox import Inbox
    from roark_otel._capture.resources import Resources
    from roark_otel._model.vocabulary import Vocabulary

_OPEN, _ABANDONED, _EVENTS, _EDGE = int(Kind.OPEN), int(Kind.ABANDONED), int(Kind.EVENTS), int(Kind.EDGE)


class _NoSpan:
    """Stands for a span whose start was not seen."""

    __slots__ = ("__weakref__",)

    parent = None

    def is_recording(self) -> bool:
        """Returns False: nothing of it can be read."""
        return False


_NO_SPAN = _NoSpan()


class Branches:
    """Begins branches, reads their events while they are open, and ends them.

    Any app thread may change it at any time, so each step is one that the interpreter does not interrupt.

    Args:
        vocabulary: What the dialects know together.
        inbox: Where a branch that opens, its events, and its span that can never end are reported.
        resources: The resources of spans.
        inbound: What baggage came in with traces.
    """

    def __init__(self, vocabulary: Vocabulary, inbox: Inbox, resources: Resources, inbound: Inbound) -> None:
        self._inbound = inbound
        self._vocabulary = vocabulary
        self._inbox = inbox
        self._resources = resources
        self.stamping = Stamping(vocabulary, resources, inbound)
        self._numbers = count(1)
        self._on_branch_death = self._on_death  # one object for all weak references
        self._before_drop = guarded(None)(self._read_events)
        self._first: dict[int, Branch] = {}
        self.open = OpenSpans()
        self.homes = self.open.homes

    # A span begins

    def opens(self, above: Branch | None, branch: Branch, at_start: AtStart) -> bool:
        """Returns whether a span with this id begins a branch of its own below this one."""
        if above is None:
            return at_start[1] != Origin.BAGGAGE
        inherits = at_start[1] == Origin.BAGGAGE or (at_start[1] != Origin.SPAN and branch.external_id is not None)
        return not inherits and at_start[0] != branch.external_id

    def note(self, span: Span, context: SpanContext, home: Branch, branch: Branch, at_start: AtStart | None) -> None:
        """Notes a span that is open in a branch."""
        trace_id, span_id = context[TRACE_ID], context[SPAN_ID]
        self.open.note(span, home, branch, span_id, at_start)
        if at_start is not None and at_start[3] is not None and at_start[3] is not branch.context:
            branch.context = at_start[3]
            row = (_OPEN, trace_id, span_id, 0, "", "", span.start_time, None, None, 0, None, False, 0, NOTHING, ())
            self._inbox.append((branch.number, branch.resource, at_start[3], *row))

    def begin(
        self,
        span: Span,
        context: SpanContext,
        parent: SpanContext | None,
        scope: str,
        at_start: AtStart | None,
        strength: int | None,
        home: Branch | None,
        around: Branch | None,
    ) -> None:
        """Begins a branch with a span that opens one, below a span that is open in `around`."""
        trace_id, span_id = context[TRACE_ID], context[SPAN_ID]
        own_id = None if at_start is None or at_start[1] == Origin.BAGGAGE else at_start[0]
        if around is not None and not joins(around.external_id, around.strength, own_id, strength):
            around = None
        branch = self._branch(span, around, own_id, strength)
        branch.trace_id, branch.span_id, branch.is_open = trace_id, span_id, True
        branch.at_start = at_start
        parent_id = 0 if parent is None else parent[SPAN_ID]
        branch.start = (trace_id, span_id, parent_id, scope, span.name, span.start_time)
        branch.live = self._vocabulary.may_be_read_open(scope)
        if branch.live:
            is_watched = watch(span, self._before_drop, branch)
            branch.attributes, branch.events = parts_of(span)
            is_safe = is_watched and branch.events is not None  # else what it said is lost if the app lets go of it
            branch.queue = None if is_safe else getattr(branch.events, "_dq", ())
            if not is_safe:
                branch.read_at = _next_read(branch.queue, 0)
        branch.sdk_resource, resource, _ = self._resources.of(span)
        branch.resource = resource
        if self._inbound.roots and self._inbound.of(trace_id):
            branch.sdk_resource = None  # its spans go the long way, where what came in is taken off
        if home is None:
            branch.places, branch.others = {}, {}
            home = self.homes.setdefault(trace_id, branch)
        if around is None and branch is not home and home.others is not None:
            home.remembers = home.remembers or home.is_known or home.second > 0
            home.second = home.second or branch.number
            home.others[branch.number] = branch
        if branch is not home:
            self.open.place(home, branch, span_id)
        if around is not None:
            around.below[span_id] = branch
        self.stamping.name(home, branch, span, scope, at_start, is_local_root=parent is None)
        shown, origin = (None, 0) if at_start is None else at_start[:2]
        branch.context = values = None if at_start is None else at_start[3]
        row = (_OPEN, *branch.start, None, shown, origin, strength, False, 0, NOTHING, ())
        self._inbox.append((branch.number, resource, values, *row))

    def begin_unseen(self, trace_id: int) -> Branch:
        """Begins the first branch of a trace with a span whose start was not seen."""
        branch = self._branch(_NO_SPAN, None, None, None)
        branch.trace_id, branch.span_id = trace_id, 0
        branch.places, branch.others = {}, {}
        return self.homes.setdefault(trace_id, branch)

    def _branch(self, span: object, around: Branch | None, own_id: object, strength: int | None) -> Branch:
        try:
            branch = Branch(span, self._on_branch_death)
        except TypeError:
            branch = Branch(_NO_SPAN)
        branch.at_start = branch.context = branch.unnamed = branch.attributes = branch.events = None
        branch.ids = ()
        branch.places = branch.others = None
        branch.is_settled = branch.is_open = branch.live = branch.is_forgotten = branch.remembers = False
        branch.seen = branch.looks = branch.activity = branch.read_at = branch.second = 0
        branch.queue = branch.sdk_resource = None
        branch.below = {}
        branch.start = ()
        branch.resource = NOTHING
        branch.external_id, branch.strength, branch.outer = own_id, strength, around
        if around is None:
            branch.number, branch.over = next(self._numbers), bytearray()
            self._first[branch.number] = branch
        else:
            branch.number, branch.over = around.number, around.over
            around.external_id = branch.external_id = around.external_id or own_id
            around.strength = branch.strength = _stronger(around.strength, strength)
        return branch

    def around_ended(self, span: Span, home: Branch, trace_id: int, parent_id: int) -> Branch:
        """Returns the branch of a span that begins below one that has ended, or of which the start was not seen."""
        others = home.others or {}
        for branch in (home, *others.copy().values()):
            if branch.has_over(parent_id):
                # The ended span may have left no row, but in the pass this one must not hang in the air.
                edge = (_EDGE, trace_id, parent_id, branch.span_id, "", "", span.start_time, span.start_time)
                self._inbox.append((branch.number, NOTHING, None, *edge, None, 0, None, False, 0, NOTHING, ()))
                return branch
        # What is not remembered ended before there could be a second conversation.
        return home if home.is_known else others.get(home.second, home)

    # It goes on

    def read_events(self, branch: Branch | None) -> None:
        """Reads the events of an open branch that are new since the last time, before the SDK's limit drops them."""
        while branch is not None:
            if branch.queue is not None and len(branch.queue) >= branch.read_at:
                self._read_events(branch)
            branch = branch.outer

    def _read_events(self, branch: Branch) -> None:
        span = cast("Span | None", branch())
        if span is None or not branch.is_open:
            return
        dropped, events = events_of(span)
        first = max(branch.seen, dropped)
        if dropped + len(events) == branch.seen or self._inbox.is_flooded():
            return
        values = values_of(events[first - dropped :])
        branch.seen = dropped + len(events)
        branch.read_at = _next_read(branch.queue, len(events))
        row = (_EVENTS, *branch.start, None, None, 0, None, False, first, NOTHING, values)
        self._inbox.append((branch.number, branch.resource, None, *row), characters(NOTHING, values))

    @guarded(None)
    def _on_death(self, branch: Branch) -> None:
        """The app has let go of the span of a branch. Runs wherever that happens, so it only takes notes."""
        if not branch.is_open:
            return
        self.open.remove(branch)
        dropped, attributes, events = left_of(branch.attributes, branch.events)
        attributes = self._inbound.without(branch.trace_id, attributes)
        self.end(branch)
        at_start = branch.at_start or NOTHING_AT_START
        identity = *at_start[:2], branch.strength if branch.outer is None else None
        row = (_ABANDONED, *branch.start, None, *identity, False, dropped, attributes, events)
        self._inbox.append((branch.number, branch.resource, at_start[3], *row), characters(attributes, events))
        self._inbox.ring()

    # For the assembler

    def forget_group(self, number: int) -> None:
        """The group of this number is closed, and its open spans are not asked for again."""
        first = self._first.get(number)
        if first is not None and first.is_open:
            first.is_forgotten = True  # as soon as its span is over: until then, others may begin below it
        elif first is not None:
            self._forget(first)

    def _forget(self, first: Branch) -> None:
        self._first.pop(first.number, None)
        home = self.homes.get(first.trace_id)
        if home is not None and home.others is not None:
            home.others.pop(first.number, None)

    def end(self, branch: Branch) -> None:
        """Lets go of the span of a branch, which is over: the branch outlives it."""
        branch.let_go()
        if branch.is_forgotten:
            self._forget(branch)

    def first(self, number: int) -> Branch | None:
        """Returns the first branch of a group; None if it is closed."""
        return self._first.get(number)

    def activity(self, number: int) -> int:
        """Returns a number that changes whenever a span of a group starts."""
        first = self._first.get(number)
        return 0 if first is None else first.activity


def _stronger(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)


def _next_read(queue: object, length: int) -> int:
    """Returns at which length of a queue of events it is read next: a full one drops one for each that comes."""
    if not isinstance(queue, deque):
        return 0  # another SDK: it is read whenever there is an occasion
    return sys.maxsize if queue.maxlen is None else min(length + 1, queue.maxlen)
