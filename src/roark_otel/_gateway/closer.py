"""The closer's thread: reads the groups that are due, and puts their calls into the spool.

What a kill may interrupt is done in this order, so that it can be taken up again:

    note in the store that the call is about to be spooled -> put it into the spool
    -> note that the conversation is over, and remove its spans -> hand the call to the courier

A process that finds the first note alone makes the call again, under the name that it had. If its file is gone from the
spool it may have been sent: then it counts as tried, so that Roark's 409 means that it has this very call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from roark_otel._engine.written import Written
from roark_otel._gateway.reading_groups import ReadGroup
from roark_otel._gateway.store import ClosedCall
from roark_otel._safety.answer import Answer
from roark_otel._safety.guard import guarded
from roark_otel._safety.threads import Mailbox
from roark_otel._safety.worker import Worker
from roark_otel._spool.claims import Spooled
from roark_otel._spool.names import FINISHED, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._engine.calls import Calls
    from roark_otel._gateway.reading_groups import EndedHere, GroupReader, LateHere
    from roark_otel._gateway.store import SpanStore
    from roark_otel._gateway.trace_group import DueGroup
    from roark_otel._model.stats import Tally
    from roark_otel._spool.spool import Spool

TOGETHER: Final = 16
"""The most groups that share the syncs of the disk."""


@dataclass(slots=True)
class ClosedGroups:
    """What has come of some groups. `taken` is set when the store has it.

    Attributes:
        groups: What was found in each.
        calls: The conversations that are over, by their groups' numbers.
        again: The numbers of groups whose calls are not on the disk, and that are read again.
    """

    groups: list[ReadGroup] = field(default_factory=list[ReadGroup])
    calls: dict[int, list[ClosedCall]] = field(default_factory=dict[int, list[ClosedCall]])
    again: set[int] = field(default_factory=set[int])
    taken: Answer = field(default_factory=Answer)


class Closer:
    """Reads groups, and spools their calls.

    Args:
        store: The store, opened for this thread alone.
        reader: Reads groups.
        calls: Puts calls into the spool.
        spool: The spool.
        tally: Counts what makes no call.
        report: Hands on what has come of groups.
    """

    def __init__(
        self,
        store: SpanStore,
        reader: GroupReader,
        calls: Calls,
        spool: Spool,
        tally: Tally,
        report: Callable[[ClosedGroups], None],
    ) -> None:
        self._store = store
        self._reader = reader
        self._calls = calls
        self._spool = spool
        self._tally = tally
        self._report = report
        self._due: Mailbox[DueGroup | None] = Mailbox()
        self._is_stopping = False
        self.worker = Worker("roark-otel-closer", self._round, self._due.has_some)

    # On the keeper's thread

    def read(self, due: DueGroup) -> None:
        """Has a group read."""
        self._due.put(due)

    def stop(self, seconds: float) -> None:
        """Ends the thread after what it is doing. What is due stays in the store."""
        self._is_stopping = True
        self.worker.stop(lambda: self._due.put(None), seconds)

    # On its own

    def _round(self) -> None:
        several: list[DueGroup] = []
        one = self._due.get(None)
        while one is not None:
            several.append(one)
            one = self._due.get(0.0) if len(several) < TOGETHER else None
        if several and not self._is_stopping and not self._close(several):
            numbers = {due.number for due in several}
            groups = [ReadGroup(due) for due in several]
            self._report(ClosedGroups(groups, {number: [] for number in numbers}, numbers))

    @guarded(False)
    def _close(self, several: list[DueGroup]) -> bool:
        """Reads groups, and spools their calls. Returns False where the disk, or this package, fails on the way."""
        closed = ClosedGroups()
        for due in several:
            found = self._read(due)
            if found is None:  # a fault of ours, which is in the log: it is read once more, at the end of its idle time
                found = ReadGroup(due, over=set(due.expired), patient=set(due.ripe - due.expired))
                self._tally.add("unreadable")
            closed.groups.append(found)
        self._store.begin_calls(
            self._closed_call(one, None) for found in closed.groups for one in found.ended if one.earlier is None
        )
        with self._spool.together():
            for found in closed.groups:
                closed.calls[found.due.number] = self._put_all(found, closed)
        self._report(closed)
        while not closed.taken.wait(1.0):
            if self._is_stopping:
                return True
        self._calls.hand_on()
        return True

    @guarded(None)
    def _read(self, due: DueGroup) -> ReadGroup | None:
        return self._reader.read(due, list(self._store.bodies(due.traces, due.last)))

    def _put_all(self, found: ReadGroup, closed: ClosedGroups) -> list[ClosedCall]:
        calls: list[ClosedCall] = []
        for reason in found.counted:
            self._tally.add(reason)
        if found.lost:
            self._tally.add("unreadable", found.lost)
        for one in found.ended:
            if self._put(one):
                calls.append(self._closed_call(one, 0.0))
            else:
                closed.again.add(found.due.number)
        return calls + [self._add_late(late) for late in found.late]

    def _put(self, one: EndedHere) -> bool:
        """Puts a call into the spool. Returns whether it is safe there, or there is none."""
        call = one.ended.call
        if not isinstance(call, Written):
            self._calls.leave_out(one.ended.made, call.reason)
            return True
        is_again = one.earlier is not None and one.earlier.closed is None
        if is_again and self._spool.has_departed(call.name):
            return True
        is_there = is_again and call.name in self._spool.names(FINISHED)
        if is_there and call.name in self._spool.names((Stage.TRIED,)):
            return True
        self._calls.put(call, 0.0)
        if is_again and not is_there:
            with self._spool.claim(call.name, (Stage.READY,)) as claimed:
                if isinstance(claimed, Spooled):
                    self._spool.mark_tried(claimed)
        return self._spool.is_on_disk(call.name)

    def _add_late(self, late: LateHere) -> ClosedCall:
        self._tally.add("late_spans", len(late.spans))
        if late.conversation is not None:
            self._calls.add_late(late.conversation)
        known = late.closed
        traces = tuple(dict.fromkeys((*known.traces, *late.traces)))
        return known._replace(traces=traces, spans=known.spans | late.spans)

    def _closed_call(self, one: EndedHere, closed: float | None) -> ClosedCall:
        """Returns what is remembered of a conversation: of several with one id, the call that was made first."""
        made, call, earlier = one.ended.made, one.ended.call, one.earlier
        traces, spans, name = one.traces, one.spans, call.name if isinstance(call, Written) else ""
        if earlier is not None and earlier.closed is not None:
            traces, spans = tuple(dict.fromkeys((*earlier.traces, *traces))), earlier.spans | spans
            return earlier._replace(traces=traces, spans=spans)
        return ClosedCall(made.external_id, name, closed, list(made), traces, spans)
