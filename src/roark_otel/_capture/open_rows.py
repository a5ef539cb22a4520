"""Reads spans that are open as rows without an end: one of them may hold the last words."""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from roark_otel._capture.branch import NOTHING_AT_START
from roark_otel._capture.identities import is_cut
from roark_otel._capture.sdk_spans import NOTHING, SPAN_ID, TRACE_ID, events_of, public, values_of
from roark_otel._model.rows import Kind, Origin

if TYPE_CHECKING:
    import weakref
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace import Span

    from roark_otel._capture.branch import AtStart, Branch
    from roark_otel._capture.branches import Branches
    from roark_otel._capture.inbound import Inbound
    from roark_otel._capture.inbox import Entry
    from roark_otel._capture.resources import Resources
    from roark_otel._model.vocabulary import Vocabulary

_OPEN, _SPAN = int(Kind.OPEN), int(Origin.SPAN)


class OpenRows:
    """Reads the open spans of groups, for the assembler.

    Args:
        branches: Where they are known.
        vocabulary: Which of them may be read.
        resources: The resources of spans.
        inbound: What baggage came in with traces.
    """

    def __init__(self, branches: Branches, vocabulary: Vocabulary, resources: Resources, inbound: Inbound) -> None:
        self._inbound = inbound
        self._branches = branches
        self._open = branches.open
        self._vocabulary = vocabulary
        self._resources = resources

    def has_open(self, number: int) -> bool:
        """Returns whether a span of a group is open."""
        first = self._branches.first(number)
        return first is not None and next(self._open.below(first), None) is not None

    def of(self, number: int) -> tuple[list[Entry], list[Entry]]:
        """Returns the rows of the open spans of a group, and those of the open spans around it."""
        first = self._branches.first(number)
        if first is None:
            return [], []
        found = [row for opened in self._open.below(first) if (row := self._open_row(number, *opened)) is not None]
        return found, list(self._around(first))

    def words(self, number: int) -> int:
        """Returns a number that changes when an open span of a group gets another id, attribute or event."""
        first = self._branches.first(number)
        return 0 if first is None else sum(self._size(opened[0]) for opened in self._open.below(first))

    def _size(self, alive: weakref.ref[Any]) -> int:
        span = cast("Span | None", alive())
        if span is None:
            return 0
        try:
            attributes, events = cast("Any", span)._attributes._dict, cast("Any", span)._events
            count = len(events._dq) + events.dropped
        except AttributeError:
            attributes = span.attributes or NOTHING
            count = len(span.events) + span.dropped_events
        return hash((len(attributes), count, *map(attributes.get, self._vocabulary.id_keys)))

    def _around(self, branch: Branch) -> Iterator[Entry]:
        span = cast("Span | None", branch())
        parent = None if span is None else span.parent
        while parent is not None:
            found = self._open.find(parent[TRACE_ID], parent[SPAN_ID])
            if found is None:
                return
            row = self._open_row(branch.number, *found)
            above = cast("Span | None", found[0]())
            if row is None or above is None:
                return
            yield row
            parent = above.parent

    def _identity(self, span: Span, attributes: Mapping[str, object], at_start: AtStart) -> tuple[object, int]:
        """Returns the id of an open span, and where that came from."""
        found = self._vocabulary.external_id(attributes)
        known, origin = at_start[:2]
        if found is None or known == found or is_cut(found, known, span):
            return known, origin
        return found, _SPAN

    def _open_row(self, number: int, opened: weakref.ref[Any], at_start: AtStart | None) -> Entry | None:
        span = cast("Span | None", opened())
        if span is None or not span.is_recording():
            return None  # it has ended, and its row is on its way
        context, parent, scope, attributes = public(span)
        parent_id = 0 if parent is None else parent[SPAN_ID]
        start = context[TRACE_ID], context[SPAN_ID], parent_id, scope, span.name, span.start_time
        at_start = at_start or NOTHING_AT_START
        is_live = self._vocabulary.may_be_read_open(scope)
        if not is_live:
            attributes = {key: attributes[key] for key in self._vocabulary.id_keys if key in attributes}
        attributes = self._inbound.without(context[TRACE_ID], attributes)
        identity = self._identity(span, attributes, at_start)
        strength = self._vocabulary.strength(scope, span.name, marked=at_start[2])
        dropped, events = events_of(span) if is_live else (0, [])
        row = (_OPEN, *start, None, *identity, strength, False, dropped, {**attributes}, values_of(events))
        return (number, self._resources.of(span)[1], at_start[3], *row)
