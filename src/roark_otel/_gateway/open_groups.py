"""Which traces are one group, and which groups are due to be read. Pure: the caller passes the accepting time.

Traces are one group when an external id connects them; `due_times` says when each of its conversations is due.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from roark_otel._gateway.due_times import due_times
from roark_otel._gateway.trace_group import DueGroup, PieceArrival, ShownConversation, TraceGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from roark_otel._gateway.clock import AcceptingClock
    from roark_otel._gateway.trace_group import GroupWaits


class OpenGroups:
    """The groups that are open.

    Args:
        waits: The waits and bounds.
        auto_ids: Whether a framework's conversation without an id gets one.
        was_closed: Returns whether a call was made of this external id, or of this trace, so that what comes is late.
    """

    def __init__(self, waits: GroupWaits, *, auto_ids: bool, was_closed: Callable[[str | bytes], bool]) -> None:
        self._waits = waits
        self._auto_ids = auto_ids
        self._was_closed = was_closed
        self._numbers = count(1)
        self._groups: OrderedDict[int, TraceGroup] = OrderedDict()
        self._by_trace: dict[bytes, TraceGroup] = {}
        self._by_id: dict[str, TraceGroup] = {}
        self._by_resource: dict[str, dict[int, TraceGroup]] = {}
        self.traces = self._by_trace.keys()
        """The traces of all groups, as they are at any time."""
        self._due: list[tuple[float, int]] = []
        self._reading = self._reading_size = 0
        self.size = 0
        """The bytes of all pieces."""

    def __len__(self) -> int:
        return len(self._groups)

    def __contains__(self, trace: object) -> bool:
        return trace in self._by_trace

    @property
    def conversations(self) -> int:
        """How many conversations are open, as far as that is known before they are read."""
        return sum(max(1, len(group.named)) for group in self._groups.values() if group.is_known)

    def oldest(self) -> float | None:
        """Returns when the group was touched that waits longest; None if there is none."""
        return next((group.touched for group in self._groups.values()), None)

    # What comes

    def take(self, arrivals: Iterable[PieceArrival], now: float) -> None:
        """Takes in the pieces of a request that was stored."""
        touched: dict[int, TraceGroup] = {}
        for one in arrivals:
            group = self._by_trace.get(one.trace)
            if group is None:
                group = self._by_trace[one.trace] = TraceGroup(next(self._numbers), now)
                self._groups[group.number] = group
                group.traces[one.trace] = None
            group = self._learn(group, one, now)
            group.last, group.touched = max(group.last, one.number), now
            group.size += one.size
            self.size += one.size
            touched[group.number] = group
        for number, group in touched.items():
            if number in self._groups:
                self._groups.move_to_end(number)
                self._queue(group)

    def _learn(self, group: TraceGroup, one: PieceArrival, now: float) -> TraceGroup:
        if one.resource_id is not None:
            group.resource_ids.add(one.resource_id)
            self._by_resource.setdefault(one.resource_id, {})[group.number] = group
            if not group.several:
                group.several[None] = ShownConversation(now)
        group.is_late = group.is_late or self._was_closed(one.trace)
        for external_id, strength in one.shown:
            known = group.several.setdefault(external_id, ShownConversation(now))
            known.touched, known.is_patient = now, False
            known.has_root = known.has_root or strength is not None
            if external_id is not None:
                group.is_late = group.is_late or self._was_closed(external_id)
                group = self._join(self._by_id.setdefault(external_id, group), group)
        if not one.shown:
            for conversation in group.several.values():
                conversation.is_patient = False
                if len(group.named) <= 1:
                    conversation.touched = now
        return group

    def _join(self, into: TraceGroup, other: TraceGroup) -> TraceGroup:
        """Makes one group of two. Returns it."""
        if into is other:
            return into
        if len(into.traces) < len(other.traces):
            into, other = other, into
        self._forget(other)
        for trace in other.traces:
            self._by_trace[trace] = into
            into.traces[trace] = None
        for external_id, found in other.several.items():
            known = into.several.setdefault(external_id, found)
            known.touched = max(known.touched, found.touched)
            known.has_root = known.has_root or found.has_root
            known.is_patient = known.is_patient and found.is_patient
        for external_id in other.named:
            self._by_id[external_id] = into
        for resource_id in other.resource_ids:
            into.resource_ids.add(resource_id)
            self._by_resource.setdefault(resource_id, {})[into.number] = into
        into.last, into.touched = max(into.last, other.last), max(into.touched, other.touched)
        into.size += other.size
        into.is_late = into.is_late or other.is_late
        return into

    def _forget(self, group: TraceGroup) -> None:
        self._groups.pop(group.number, None)
        self._put_back(group)
        for resource_id in group.resource_ids:
            several = self._by_resource.get(resource_id, {})
            several.pop(group.number, None)
            if not several:
                self._by_resource.pop(resource_id, None)

    # What is due

    def _queue(self, group: TraceGroup) -> None:
        due = min(due_times(group, self._waits, auto_ids=self._auto_ids).values())
        if due < group.queued:
            group.queued = due
            heappush(self._due, (due, group.number))

    def due(self, clock: AcceptingClock) -> Iterator[DueGroup]:
        """Yields the groups that are due, each once until `passed` is called for it."""
        while self._is_too_much():
            yield self._read(self._longest(), clock.now, is_closing=True)
        again: list[TraceGroup] = []
        while self._due and clock.allows(self._due[0][0]):
            _, number = heappop(self._due)
            group = self._groups.get(number)
            if group is None or group.is_read:
                continue
            group.queued = float("inf")
            ripe = [
                external_id
                for external_id, due in due_times(group, self._waits, auto_ids=self._auto_ids).items()
                if clock.allows(due)
            ]
            if ripe:
                is_closing = clock.now >= group.touched + self._waits.idle
                yield self._read(group, clock.now, ripe, is_closing=is_closing)
            else:
                again.append(group)
        for group in again:
            self._queue(group)

    def _is_too_much(self) -> bool:
        number = len(self._groups) - self._reading
        return number > self._waits.groups or (number > 0 and self.size - self._reading_size > self._waits.bytes)

    def _longest(self) -> TraceGroup:
        """Returns the group without activity for longest, one without an id or a root first."""
        waiting = (group for group in self._groups.values() if not group.is_read and not group.is_known)
        return next(waiting, None) or next(group for group in self._groups.values() if not group.is_read)

    def _read(self, group: TraceGroup, now: float, ripe: Iterable[str | None] = (), *, is_closing: bool) -> DueGroup:
        if group.resource_ids and not group.named:
            group = self._with_those_of_its_resource(group)
        group.is_read, group.read_size = True, group.size
        self._reading += 1
        self._reading_size += group.size
        ripe = frozenset(group.several if is_closing else ripe)
        times = {external_id: one.touched + self._waits.idle for external_id, one in group.several.items()}
        expired = frozenset(one for one in ripe if is_closing or times.get(one, now + 1) <= now)
        return DueGroup(group.number, tuple(group.traces), group.last, ripe, expired, is_closing)

    def _with_those_of_its_resource(self, group: TraceGroup) -> TraceGroup:
        """Joins what has only the resource's id: it is the conversation of that id, in however many traces."""
        for resource_id in list(group.resource_ids):
            several = [*self._by_resource.get(resource_id, {}).values()]
            owner = self._by_id.get(resource_id)
            for one in [*several, *([owner] if owner is not None else ())]:
                if one is not group and not one.is_read and (one is owner or not one.named):
                    group = self._join(group, one)
        return group

    # What came of it

    def passed(self, number: int, over: Collection[str | None], patient: Collection[str | None]) -> None:
        """Notes that some conversations of a group are over, and that others go on."""
        group = self._groups.get(number)
        if group is None:
            return
        self._put_back(group)
        for external_id in over:
            group.several.pop(external_id, None)
            if external_id is not None and self._by_id.get(external_id) is group:
                del self._by_id[external_id]
        for external_id in patient:
            if external_id in group.several:
                group.several[external_id].is_patient = True
        self._queue(group)

    def retry(self, number: int, at: float) -> None:
        """Has a group read again at this time, because its call could not be put on the disk."""
        group = self._groups.get(number)
        if group is not None:
            self._put_back(group)
            group.queued = at
            heappush(self._due, (at, number))

    def is_over_without(self, number: int, over: Collection[str | None]) -> bool:
        """Returns whether a group has nothing open but conversations that are over."""
        group = self._groups.get(number)
        return group is not None and group.several.keys() <= set(over)

    def close(self, number: int) -> None:
        """Lets go of a group of which nothing is open."""
        group = self._groups.get(number)
        if group is None:
            return
        self._forget(group)
        self.size -= group.size
        for trace in group.traces:
            self._by_trace.pop(trace, None)
        for external_id in group.named:
            if self._by_id.get(external_id) is group:
                del self._by_id[external_id]

    def _put_back(self, group: TraceGroup) -> None:
        if group.is_read:
            self._reading -= 1
            self._reading_size -= group.read_size
        group.is_read, group.queued = False, float("inf")

    def last_of(self, number: int) -> int:
        """Returns the number of the last piece of a group; 0 if it is not open."""
        group = self._groups.get(number)
        return 0 if group is None else group.last
