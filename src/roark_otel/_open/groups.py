"""The groups of a process: rows go in, and it says when a group is due to be read. `group` has their states.

Not thread-safe: one thread owns it. It has no thread, no clock and no file.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import (
    ATTRIBUTES,
    EVENTS,
    KIND,
    NAME,
    ORIGIN,
    OWN_ID,
    SPAN,
    STRENGTH,
    TRACE,
    Kind,
    Origin,
    Row,
    Strength,
)
from roark_otel._open.group import Group, Made, State
from roark_otel._open.kept_logs import KeptLogs
from roark_otel._open.log import append
from roark_otel._open.logs import Logs
from roark_otel._open.places import Places
from roark_otel._open.schedule import Schedule, Waits
from roark_otel._open.taken import Taken
from roark_otel._open.verdicts import Closed, Forgotten, Noticed, Output, Over, Pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._open.rows_in import RowsIn
    from roark_otel._open.verdicts import Verdict

MAX_MEMBERS: Final = 1_024
"""The most open spans of other groups that are remembered to be part of a call."""

MAX_CANDIDATE_BYTES: Final = 16 * 1024 * 1024
"""The most bytes of logs without an id or a root that may get one."""

MAX_BYTES: Final = 512 * 1024 * 1024
"""The most bytes of all logs. Over it, the conversation idle longest is finished as incomplete."""

_ENDED, _OPEN, _ABANDONED = int(Kind.ENDED), int(Kind.OPEN), int(Kind.ABANDONED)
_LOST = int(Kind.LOST)


class Groups(Logs):
    """All groups of a process.

    Args:
        vocabulary: What the dialects know together.
        rows_in: Makes rows exact.
        waits: The waits and bounds.
        activity: Returns a number that changes whenever a span of a group starts.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        rows_in: RowsIn,
        waits: Waits,
        activity: Callable[[int], int] = lambda _: 0,
    ) -> None:
        super().__init__(rows_in)
        self.places = Places(vocabulary, self.pack, self._absorbed)
        self.schedule = Schedule(waits, self.places, activity)
        self._taken = Taken()
        self._outputs: list[Output] = []
        self._members: OrderedDict[int, int] = OrderedDict()
        self.kept = KeptLogs()

    def __len__(self) -> int:
        """The number of conversations that are not closed. Any thread may ask: it counts in a copy made in one go."""
        return sum(1 for group in list(self.schedule.open) if group.is_known)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is open, and nothing late waits to be read."""
        return self.schedule.is_idle

    def outputs(self) -> list[Output]:
        """Returns what has come of it since the last time."""
        found, self._outputs = self._outputs, []
        return found

    # What comes in

    def take(self, entry: tuple[object, ...], now: float, now_ns: int) -> None:
        """Takes in one entry of the inbox, at this monotonic time in seconds."""
        number: int = entry[0]  # type: ignore[assignment]
        row: Row = entry[3:]
        kind, trace_id, span_id = row[KIND], row[TRACE], row[SPAN]
        if kind == _ENDED and self._taken.was_taken(trace_id, span_id):
            return  # a second processor saw it too
        if span_id in self._members:
            number = self._members[span_id]
        group = self.places.by_number.get(number)
        if group is None:
            group = self._begin(number, trace_id)
        elif trace_id not in group.traces:
            group.traces += (trace_id,)
            self.places.join_trace(group, trace_id)
        self.schedule.trace_touched(trace_id, now)
        if group.state is State.CLOSED:
            self._take_late(group, kind, row, now, now_ns)
            return
        if kind != _OPEN:
            self._keep(group, entry[1], entry[2], self._rows_in.exact(row, now_ns))  # type: ignore[arg-type]
        else:
            if group.resource is None and entry[1]:
                self._keep_resource(group, entry[1], trace_id)  # type: ignore[arg-type]
            if entry[2] is not None:
                self._keep_context(group, entry[2], row)  # type: ignore[arg-type]
        group = self._learn(group, kind, row)
        self.schedule.touch(group, now)
        if kind == _LOST:
            self._outputs.append(Noticed("dropped_spans", group.external_id))
        if (kind in {_ENDED, _ABANDONED, _LOST} and group.end_root(span_id)) or (
            group.state is State.RESTING and kind == _ENDED
        ):
            self.schedule.linger(group, now)

    def pack(self) -> None:
        """Packs the rows that were taken since the last time."""
        for group, failed in self._pack():
            self.schedule.heard(group)
            self._outputs.extend([Noticed("unreadable", group.external_id)] * failed)
        self._keep_bounds()

    def _keep_bounds(self) -> None:
        """Closes groups while the logs are too large: first those that no conversation is known to need."""
        if self._candidate_bytes > MAX_CANDIDATE_BYTES:
            self._candidate_bytes = sum(group.size for group in self.schedule.open if not group.is_known)
            for group in [group for group in self.schedule.open if not group.is_known]:
                if self._candidate_bytes <= MAX_CANDIDATE_BYTES:
                    break
                self._candidate_bytes -= group.size
                self._outputs.append(Noticed("unattributed", None))
                self._close(group, None, 0)
        if self._bytes > MAX_BYTES:
            self.schedule.give_up_longest()

    def _begin(self, number: int, trace_id: int) -> Group:
        self.schedule.make_room()
        group = Group(number, trace_id)
        self.places.add(group)
        self.schedule.add(group)
        return group

    def _learn(self, group: Group, kind: int, row: Row) -> Group:
        """Learns the id of a row, and whether its span is a root. Returns the group that it is part of by now."""
        own_id, strength, span_id = row[OWN_ID], row[STRENGTH], row[SPAN]
        if own_id is not None and not is_external_id(own_id):
            self._outputs.append(Noticed("bad_ids", None, str(row[NAME])))
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
        self._bytes -= group.size
        self.schedule.drop(group)  # first, so that no bound closes it meanwhile
        for _ in self._move(group.log, into):
            self.pack()

    def _take_late(self, group: Group, kind: int, row: Row, now: float, now_ns: int) -> None:
        """Keeps a row of a closed group apart: no span of it is in the call."""
        if kind != _ENDED or not (row[ATTRIBUTES] or row[EVENTS]):
            return  # nothing is on it
        self._outputs.append(Noticed("late_spans", group.external_id, str(row[NAME])))
        if group.call is None:
            return
        head, names, values, events = self._rows_in.exact(row, now_ns)
        append(group.late, [(*head, (names, (), *values), *events)])
        self.schedule.late(group, now)

    # What is due

    def next_due(self, now: float) -> Pass | None:
        """Returns the next group that is due to be read; None if none is."""
        self.pack()
        while (one := self.schedule.next_due(now)) is not None:
            group = self.places.by_number[one.number]
            if not one.is_rest_over:
                return one
            self._close(group, group.external_id, group.origin)  # its call is in the spool as it is
        return None

    def rows(self, number: int) -> Iterator[list[Row]]:
        """Yields the rows of a group, a batch at a time."""
        self.pack()
        group = self.places.by_number.get(number)
        return iter(()) if group is None else self._rows(group.log)

    def numbers(self, number: int) -> tuple[int, ...]:
        """Returns the numbers under which capture knows a group."""
        group = self.places.by_number.get(number)
        return () if group is None else group.numbers

    def took(self, number: int, seconds: float) -> None:
        """Notes how long the last pass over a group took."""
        group = self.places.by_number.get(number)
        if group is not None:
            group.cost = seconds

    def made(self, number: int) -> Made | None:
        """Returns the call that was made of a group; None if none was."""
        group = self.places.by_number.get(number)
        return None if group is None else group.call

    def late_rows(self, number: int) -> tuple[list[Row], Iterator[list[Row]] | None]:
        """Returns what came late for a group, and lets go of it. Then all rows of the group, if its log is kept."""
        group = self.places.by_number[number]
        rows = [row for batch in self._rows(group.late) for row in batch]
        log = self.kept.add(number, group.late)
        group.late = bytearray()
        group.due = None
        return rows, None if log is None else self._rows(log)

    def settle(self, one: Pass, verdicts: Sequence[Verdict], now: float, around: frozenset[int] = frozenset()) -> None:
        """Takes in what a pass found: what is over is let go of, with its rows.

        `around`: the ids of open spans that were read too, although they are another group's.
        """
        group = self.places.by_number.get(one.number)
        if group is None or group.state is State.CLOSED or one.is_reopened:
            return
        over = [verdict for verdict in verdicts if isinstance(verdict, Over)]
        for each in over:
            members = around if each.spans is None else around & each.spans
            self._members.update(dict.fromkeys(members if each.call else (), group.number))
        while len(self._members) > MAX_MEMBERS:
            self._members.popitem(last=False)
        if one.closing or (over and len(over) == len(verdicts)):
            self._settle_whole(group, one, over, now)
            return
        self.schedule.go_on(group)
        if over:
            self._let_go(group, [verdict for verdict in over if verdict.spans is not None])

    def _settle_whole(self, group: Group, one: Pass, over: Sequence[Over], now: float) -> None:
        first = over[0] if over else Over(None)
        group.external_id = group.external_id or first.external_id
        if group.call is None:
            group.call = first.call
        rests = one.quiet > 0 and not one.closing and any(each.rests for each in over)
        if rests:
            self.schedule.rest(group, now + one.quiet)
            return
        for each in over[1:]:
            self.places.close(group, each.external_id, each.origin)
        self._close(group, first.external_id, first.origin)

    def _close(self, group: Group, external_id: str | None, origin: int) -> None:
        self.places.close(group, external_id, origin)
        self._bytes -= group.size
        if group.call is not None and group.call.waits:
            self.kept.keep(group.number, group.log)
        self.schedule.close(group)
        self._outputs.extend([Closed(number) for number in group.numbers])

    def _let_go(self, group: Group, over: Sequence[Over]) -> None:
        """Takes the rows of conversations that are over out of a log that others share."""
        gone = frozenset(span_id for each in over for span_id in each.spans or ())
        log, group.log = group.log, bytearray()
        self._bytes -= len(log) + (0 if group.cutter is None else group.cutter.size)
        group.cutter = None
        for _ in self._move(log, group, without=gone):
            self.pack()
        for span_id in gone:
            group.roots.pop(span_id, None)

    def expire(self, now: float, is_open: Callable[[int], bool]) -> None:
        """Forgets traces that are over. `is_open` says whether a span of a group is open."""
        for trace_id in self.schedule.quiet_traces(now):
            if self.schedule.keep_or_give_up(trace_id, now, is_open):
                continue
            self.places.forget(trace_id)
            self._outputs.append(Forgotten(trace_id))
