"""The groups of a process: rows go in, and it says when a group is due to be read. `group` has their states.

Not thread-safe: one thread owns it. It has no thread, no clock and no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._open.group import Group, Made, State
from roark_otel._open.intake import Intake
from roark_otel._open.kept_logs import KeptLogs
from roark_otel._open.verdicts import Closed, Forgotten, Noticed, Output, Over, Pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from roark_otel._model.rows import Row
    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._open.rows_in import RowsIn
    from roark_otel._open.schedule import Activity, Waits
    from roark_otel._open.verdicts import Verdict

MAX_MEMBERS: Final = 1_024
"""The most open spans of other groups that are remembered to be part of a call."""

MAX_CANDIDATE_BYTES: Final = 16 * 1024 * 1024
"""The most bytes of logs without an id or a root that may get one. Over it, they keep ids and times of spans only."""

MAX_BYTES: Final = 512 * 1024 * 1024
"""The most bytes of all logs. Over it, the conversation idle longest is finished as incomplete."""


class Groups(Intake):
    """All groups of a process.

    Args:
        vocabulary: What the dialects know together.
        rows_in: Makes rows exact.
        waits: The waits and bounds.
        activity: Returns a number that changes whenever a span of a group starts.
    """

    def __init__(self, vocabulary: Vocabulary, rows_in: RowsIn, waits: Waits, activity: Activity = lambda _: 0) -> None:
        super().__init__(vocabulary, rows_in, waits, activity)
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

    def _keep_bounds(self) -> None:
        """Makes room while the logs are too large: first in those that no conversation is known to need."""
        if self._candidate_bytes > MAX_CANDIDATE_BYTES:
            candidates = [group for group in self.schedule.open if not group.is_known]
            self._candidate_bytes = sum(group.size for group in candidates)
            self._drop_bodies_of(candidates)
            self._close_some(candidates)
        if self._bytes > MAX_BYTES:
            self.schedule.give_up_longest()

    def _drop_bodies_of(self, candidates: Sequence[Group]) -> None:
        """Drops what spans say, of the group that is idle longest first: an id that comes later finds their number."""
        for group in candidates:
            if self._candidate_bytes <= MAX_CANDIDATE_BYTES // 2:  # so that it is not done again for every row
                return
            if group.has_bodies:
                self._note_dropped(None, "", *self._drop_bodies(group))

    def _close_some(self, candidates: Sequence[Group]) -> None:
        for group in candidates:
            if self._candidate_bytes <= MAX_CANDIDATE_BYTES:
                return
            self._outputs.append(Noticed("unattributed", None))
            self._close(group, None, 0)

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
        group.late = b""
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
        self._count(group, 0)
        self.places.close(group, external_id, origin)
        if group.call is not None and group.call.waits:
            self.kept.keep(group.number, group.log)
        self.schedule.close(group)
        self._outputs.extend([Closed(number) for number in group.numbers])

    def _let_go(self, group: Group, over: Sequence[Over]) -> None:
        """Takes the rows of conversations that are over out of a log that others share."""
        gone = frozenset(span_id for each in over for span_id in each.spans or ())
        self.pack()
        log, group.log = group.log, bytearray()
        group.forget_texts()
        self._count(group, 0)
        self._move(log, group, without=gone)
        for span_id in gone:
            group.roots.pop(span_id, None)

    def expire(self, now: float, is_open: Callable[[int], bool]) -> None:
        """Forgets traces that are over. `is_open` says whether a span of a group is open."""
        for trace_id in self.schedule.quiet_traces(now):
            if self.schedule.keep_or_give_up(trace_id, now, is_open):
                continue
            self.places.forget(trace_id)
            self._outputs.append(Forgotten(trace_id))
