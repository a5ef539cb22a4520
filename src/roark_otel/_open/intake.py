"""Takes rows in: finds the group of each, keeps it, and learns its id and its roots.

Most rows take a short way: those of a span below a root, of an open group, that look like earlier ones. Whatever else
comes is looked at in full. Both keep the same.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import (
    ATTRIBUTES,
    DROPPED,
    EVENTS,
    KIND,
    NAME,
    ORIGIN,
    OWN_ID,
    SPAN,
    START,
    STRENGTH,
    TRACE,
    Kind,
    Origin,
    Row,
    Strength,
)
from roark_otel._open.group import Group, State
from roark_otel._open.layouts import ROW
from roark_otel._open.log import append
from roark_otel._open.logs import Logs
from roark_otel._open.places import Places
from roark_otel._open.schedule import Schedule
from roark_otel._open.taken import Taken
from roark_otel._open.verdicts import Noticed, Output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._open.rows_in import RowsIn
    from roark_otel._open.schedule import Activity, Waits

_ENDED, _OPEN, _ABANDONED = int(Kind.ENDED), int(Kind.OPEN), int(Kind.ABANDONED)
_LOST = int(Kind.LOST)
_OF_SPAN, _OF_BAGGAGE = int(Origin.SPAN), int(Origin.BAGGAGE)
_ENDS = frozenset({_ENDED, _LOST})
_GOES_ON = State.OPEN  # to look a member up takes as long as a call

_NUMBER: Final = 0
_RESOURCE: Final = 1
_CONTEXT: Final = 2
_KIND, _TRACE, _SPAN, _START, _OWN_ID, _ORIGIN = (ROW + at for at in (KIND, TRACE, SPAN, START, OWN_ID, ORIGIN))


class Intake(Logs):
    """Takes rows into groups.

    Args:
        vocabulary: What the dialects know together.
        rows_in: Makes rows exact.
        waits: The waits and bounds.
        activity: Returns a number that changes whenever a span of a group starts.
    """

    def __init__(self, vocabulary: Vocabulary, rows_in: RowsIn, waits: Waits, activity: Activity) -> None:
        super().__init__(rows_in)
        self.places = Places(vocabulary, self.pack, self._absorbed)
        self.schedule = Schedule(waits, self.places, activity)
        self._taken = Taken()
        self._outputs: list[Output] = []
        self._members: OrderedDict[int, int] = OrderedDict()
        self._now = 0.0

    def take(self, entry: Row, now: float, now_ns: int) -> None:
        """Takes in one entry of the inbox."""
        self.take_all((entry,), now, now_ns)

    def take_all(self, entries: Iterable[Row], now: float, now_ns: int) -> None:
        """Takes in entries of the inbox.

        This is the hot path: it is one loop, and notes activity when the rows are packed.

        Args:
            entries: The number of a group, the resource, the values of `call_attributes` or None, and a row.
            now: The monotonic time in seconds.
            now_ns: The time in ns since the epoch.
        """
        self._now = now
        group_of, layout_of, members = self.places.by_number.get, self._layouts.find, self._members
        newer, older, pending = self._taken.newer, self._taken.older, self._pending
        for entry in entries:
            group = group_of(entry[_NUMBER])
            if (
                group is None
                or group.state is not _GOES_ON
                or entry[_SPAN] in group.roots
                or entry[_TRACE] not in group.traces
                or (entry[_RESOURCE] is not group.resource and entry[_RESOURCE])
                or entry[_CONTEXT] is not None
                or entry[_SPAN] in members
                or (layout := layout_of(entry)) is None
                or (entry[_OWN_ID] is not None and not _shows_nothing_new(group, entry))
            ):
                self._take(entry, now, now_ns)
                pending = self._pending
                continue
            if layout.kind == _ENDED:
                start = entry[_START]
                key = entry[_TRACE], entry[_SPAN], start if type(start) is int else 0
                if key in newer or key in older:
                    continue  # a second processor saw it too
                newer.add(key)
            row = self._laid_out(group, layout, entry)
            if row is None:
                row = self._cut(group, self._rows_in.exact(entry[ROW:], now_ns))
            if group in pending:
                pending[group].append(row)
            else:
                pending[group] = [row]
        self._taken.turn()

    def _take(self, entry: Row, now: float, now_ns: int) -> None:
        """Takes in an entry, whatever it is."""
        number: int = entry[_NUMBER]
        row: Row = entry[ROW:]
        kind, trace_id, span_id = row[KIND], row[TRACE], row[SPAN]
        start = row[START]
        if kind in _ENDS and self._taken.was_taken((trace_id, span_id, start if type(start) is int else 0)):
            return
        if span_id in self._members:
            number = self._members[span_id]
        group = self.places.by_number.get(number)
        if group is None:
            group = self._begin(number, trace_id)
        elif trace_id not in group.traces:
            group.traces += (trace_id,)
            self.places.join_trace(group, trace_id)
        self.schedule.trace_touched(trace_id, now)
        if kind == _LOST:
            self._note_dropped(group.external_id, str(row[NAME]), 1, int(row[DROPPED]))
        if group.state is State.CLOSED:
            self._take_late(group, kind, row, now, now_ns)
            return
        if kind != _OPEN:
            self._keep(group, entry[_RESOURCE], entry[_CONTEXT], self._rows_in.exact(row, now_ns))
        else:
            if group.resource is None and entry[_RESOURCE]:
                self._keep_resource(group, entry[_RESOURCE], trace_id)
            if entry[_CONTEXT] is not None:
                self._keep_context(group, entry[_CONTEXT], row)
        group = self._learn(group, kind, row)
        self.schedule.touch(group, now)
        if (kind in {_ENDED, _ABANDONED, _LOST} and group.end_root(span_id)) or (
            group.state is State.RESTING and kind in _ENDS
        ):
            self.schedule.linger(group, now)

    def _note_dropped(self, external_id: str | None, name: str, spans: int, events: int) -> None:
        """Notes how many spans, and events of theirs, there was no room for."""
        counts = {"dropped_spans": spans, "dropped_events": events}
        self._outputs += [Noticed(kind, external_id, name, number) for kind, number in counts.items() if number]

    def pack(self) -> None:
        """Packs the rows that were taken since the last time."""
        for group, failed in self._pack():
            self.schedule.heard(group, self._now)
            self._outputs.extend([Noticed("unreadable", group.external_id)] * failed)
        self._keep_bounds()

    def _keep_bounds(self) -> None:
        """Closes groups while the logs are too large."""
        raise NotImplementedError

    def _begin(self, number: int, trace_id: int) -> Group:
        if self.schedule.is_full:
            self.pack()  # notes which groups are active
            self.schedule.give_up_longest()
        group = Group(number, trace_id, self._shapes)
        self.places.add(group)
        self.schedule.add(group)
        return group

    def _learn(self, group: Group, kind: int, row: Row) -> Group:
        """Learns the id of a row, and whether its span is a root. Returns the group that it is part of by now."""
        own_id, strength, span_id = row[OWN_ID], row[STRENGTH], row[SPAN]
        if own_id is not None and not is_external_id(own_id):
            self._outputs.append(Noticed("bad_ids", None, str(row[NAME])))
            own_id = None
        if own_id is not None and row[ORIGIN] == _OF_BAGGAGE:
            if strength is None and group.external_id is None and (kind == _OPEN or not group.has_open_root()):
                group.begin_root(span_id, Strength.IMPLIED)  # of a fragment, which is over when that ends
            own_id = None
        if own_id is None and strength is None:
            if kind == _OPEN and not group.roots and self.places.resource_id(group) is not None:
                group.begin_root(span_id, Strength.IMPLIED)
            return group
        if strength is not None and (group.roots.get(span_id, -1) & 3) < strength:
            group.begin_root(span_id, strength)
            self.places.strengthen(group, row[TRACE])
        elif kind == _OPEN or not group.has_open_root():
            group.begin_root(span_id, Strength.IMPLIED)
        if own_id is None or (row[ORIGIN] != Origin.SPAN and group.external_id is not None):
            return group
        return self.places.show(group, own_id, row[ORIGIN], row[TRACE])

    def _absorbed(self, group: Group) -> None:
        """A group became part of another: its rows are cut again, because what they repeat is another's now."""
        into = self.places.by_number[group.number]
        self._count(group, 0)
        group.forget_texts()
        self.schedule.drop(group)  # first, so that no bound closes it meanwhile
        self._move(group.log, into)
        self.schedule.grown(into)
        self._keep_bounds()

    def _take_late(self, group: Group, kind: int, row: Row, now: float, now_ns: int) -> None:
        """Keeps a row of a closed group apart: no span of it is in the call."""
        if kind != _LOST and (kind != _ENDED or not (row[ATTRIBUTES] or row[EVENTS])):
            return  # nothing is on it
        self._outputs.append(Noticed("late_spans", group.external_id, str(row[NAME])))
        if group.call is None:
            return
        head, names, values, events = self._rows_in.exact(row, now_ns)
        late = bytearray(group.late)
        append(late, [(None, *head, (names, (), *values), *events)])
        group.late = late
        self.schedule.late(group, now)


def _shows_nothing_new(group: Group, entry: Any) -> bool:  # noqa: ANN401 - what capture leaves
    """Returns whether the id on a row is known to be its group's, and some span is its root."""
    return bool(
        (entry[_OWN_ID] == group.external_id or entry[_ORIGIN] == _OF_BAGGAGE)
        and entry[_ORIGIN] != _OF_SPAN
        and group.has_open_root()
    )
