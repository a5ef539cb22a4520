"""A conversation, as a pass finds it: its id, its roots and its spans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._assembly.rows import NO_RESOURCE, Resources, has_gap, is_over, latest_ns, shows
from roark_otel._model import reading
from roark_otel._model.finished import (
    DROPPED_EVENTS,
    DROPPED_SPANS,
    Ended,
    Ending,
    Errored,
    FinishedConversation,
    NeverEnded,
)
from roark_otel._model.hangups import telling_type
from roark_otel._model.rows import (
    DROPPED,
    END,
    ERROR,
    EVENT_VALUE_LIMIT,
    KIND,
    LARGEST_ID,
    SPAN,
    SPAN_VALUE_LIMIT,
    START,
    TRACE,
    Kind,
    Origin,
    Strength,
    attributes_of,
    events_of,
    id_in_trace,
)
from roark_otel.attributes import EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import Row, SpanView

_OF_SDK = frozenset({SPAN_VALUE_LIMIT, EVENT_VALUE_LIMIT})
_LOST, _ABANDONED = int(Kind.LOST), int(Kind.ABANDONED)


class Root(NamedTuple):
    """A span whose end ends the conversation."""

    row: Row
    strength: int

    @property
    def span_id(self) -> int:
        """Its id."""
        return int(self.row[SPAN])

    @property
    def start_ns(self) -> int:
        """When it began."""
        return int(self.row[START])

    @property
    def end_ns(self) -> int | None:
        """When it ended; None if it has not, or never can."""
        found: int | None = self.row[END]
        return found


@dataclass(slots=True, eq=False)
class Conversation:
    """The spans of one external id and one root. Times are ns since the epoch."""

    external_id: str | None = None
    origin: int = int(Origin.AUTO)
    roots: list[Root] = field(default_factory=list["Root"])
    rows: list[Row] = field(default_factory=list["Row"])
    gaps: list[Row] = field(default_factory=list["Row"])
    resources: Resources = field(default_factory=Resources)
    contexts: list[SpanView] = field(default_factory=list["SpanView"])
    traces: dict[int, None] = field(default_factory=dict["int", None])
    is_fragment: bool = False
    """Whether it has an id from baggage only, so that another process may own the conversation."""

    @property
    def strong_root(self) -> Root | None:
        """The root that a mark or a framework makes one, the strongest first."""
        root = self.root
        return root if root is not None and root.strength > Strength.IMPLIED else None

    @property
    def root(self) -> Root | None:
        """The root that gives the call its start: the strongest, then the first."""
        if len(self.roots) == 1:
            return self.roots[0]
        return min(self.roots, key=lambda root: (-root.strength, root.start_ns, root.span_id), default=None)

    @property
    def has_ended(self) -> bool:
        """Whether its roots have ended: every strong one, else every implied one."""
        return bool(self.roots) and all(is_over(root.row) for root in self._deciding)

    @property
    def _deciding(self) -> list[Root]:
        """The roots whose end is its end: one for each session of a framework in a room, or each turn of an app."""
        return [root for root in self.roots if root.strength > Strength.IMPLIED] or self.roots

    @property
    def resource(self) -> Mapping[str, object]:
        """The resource of its first span."""
        of = self.resources.of
        return next((found for row in self.rows if (found := of(row))), NO_RESOURCE)

    @property
    def lost(self) -> int:
        """How many of its spans there was no room for."""
        return sum(row[KIND] == _LOST for row in self.gaps)

    def named(self, external_id: str, origin: int) -> None:
        """Gives it its id, or the same id from a stronger origin."""
        self.external_id = external_id
        self.origin = max(self.origin, origin)

    def add(self, row: Row) -> None:
        """Takes in a span."""
        self.rows.append(row)
        if has_gap(row):
            self.gaps.append(row)
        self.traces[row[TRACE]] = None

    def absorb(self, other: Conversation, *, with_roots: bool) -> None:
        """Takes in another one, which turned out to be the same."""
        self.rows += other.rows
        self.gaps += other.gaps
        self.traces.update(other.traces)
        if with_roots:
            self.roots += other.roots

    def attributes(self) -> dict[str, object]:
        """Returns what its resource, `call_attributes` and its roots say, the strongest root last."""
        found = {name: value for name, value in self.resource.items() if name not in _OF_SDK}
        for context in self.contexts:
            found |= context.attributes
        for root in sorted(self.roots, key=lambda root: (root.strength, -root.start_ns, root.span_id)):
            found |= attributes_of(root.row)
        return found

    def span_ids(self) -> frozenset[int]:
        """Returns the ids of its spans."""
        # The ids of nearly all are those that they have: a call for each row would be too many.
        ids = [row[SPAN] for row in self.rows]
        return frozenset(ids if max(ids, default=0) <= LARGEST_ID else map(id_in_trace, ids))

    def finished(
        self, moments: tuple[tuple[str, tuple[Moment, ...]], ...], generic: frozenset[str]
    ) -> FinishedConversation:
        """Returns it as it is handed to linking. It has an id."""
        root = self.root
        trace_id = root.row[TRACE] if root else next(iter(self.traces), 0)
        resource = self.resource
        service = reading.text(resource.get("service.name"))
        return FinishedConversation(
            external_id=self.external_id or "",
            trace_id=trace_id,
            root_span_id=root.span_id if root else 0,
            # Without a root its first trace distinguishes it from another conversation of the id.
            file_span_id=root.span_id if root else trace_id & (2**64 - 1),
            started_ns=root.start_ns if root else min((row[START] for row in self.rows), default=0),
            ended_ns=self._ended_ns(),
            ending=self._ending(),
            moments=moments,
            generic=generic,
            service_name=service if service and not service.startswith("unknown_service") else None,
            notes=self._notes(resource),
        )

    def _ended_ns(self) -> int:
        """Returns the end of the last strong root, or implied one; while one is open, the last that was seen."""
        ends = [root.end_ns for root in self._deciding]
        known = [end for end in ends if end is not None]
        if known and len(known) == len(ends):
            return max(known)
        return max(map(latest_ns, self.rows), default=0)

    def _ending(self) -> Ending:
        if not self.has_ended:
            return NeverEnded()
        last = (
            self.roots[0]
            if len(self.roots) == 1
            else max(
                self.roots,
                key=lambda root: (
                    root.strength,
                    root.row[KIND] == _ABANDONED,
                    root.end_ns or 0,
                    root.span_id,
                ),
            )
        )
        return _ending_of(last.row)

    def _notes(self, resource: Mapping[str, object]) -> dict[str, int | bool]:
        notes: dict[str, int | bool] = {}
        if self.gaps:
            notes[DROPPED_SPANS] = self.lost
            notes[DROPPED_EVENTS] = sum(row[DROPPED] or 0 for row in self.gaps)
        if EXTERNAL_ID not in resource and not self._shows_its_id():
            notes["roark_unlinked"] = True
        return {name: value for name, value in notes.items() if value}

    def _shows_its_id(self) -> bool:
        """Returns whether each of its traces shows the id on a span."""
        missing = set(self.traces)
        for row in self.rows:
            if row[TRACE] in missing and shows(row, EXTERNAL_ID):
                missing.discard(row[TRACE])
                if not missing:
                    return True
        return not missing


def _ending_of(row: Row) -> Ending:
    """Returns how a root ended, by its status and the exceptions that it recorded."""
    if row[KIND] == _ABANDONED:
        return NeverEnded()
    if not row[ERROR]:
        return Ended()
    raised = [event.attributes for event in events_of(row) if event.name == "exception"]
    types = [(each.get("exception.type"), each.get("exception.stacktrace")) for each in raised]
    return Errored(tuple([telling_type(one, trace) for one, trace in types if isinstance(one, str)]))
