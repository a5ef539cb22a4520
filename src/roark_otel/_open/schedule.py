"""When a group is due to be read, and when it is closed. Waits are in monotonic seconds."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._open.group import Group, State
from roark_otel._open.verdicts import Pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_otel._open.places import Places

LEAST_KEPT_SECONDS: Final = 1.0
"""The shortest that a trace without activity is kept, also where the quiet time is shorter."""

SHARE: Final = 0.05
"""The most of the time that passes take over a conversation to which further roots may come."""

Activity: TypeAlias = "Callable[[int], int]"
"""Returns a number that changes whenever a span of a group starts."""

_GOES_ON = State.OPEN  # to look a member up takes as long as a call


@dataclass(frozen=True, slots=True)
class Waits:
    """The waits of conversations in seconds, and how many there may be."""

    linger: float = 2.0
    quiet: float = 60.0
    idle: float = 14_400.0
    conversations: int = 10_000


class Schedule:
    """Knows which groups are open, and what is due.

    Args:
        waits: The waits and bounds.
        places: Which groups are one.
        activity: Returns a number that changes whenever a span of a group starts.
    """

    def __init__(self, waits: Waits, places: Places, activity: Callable[[int], int]) -> None:
        self._waits = waits
        self._activity = activity
        self._places = places
        self.open: OrderedDict[Group, None] = OrderedDict()
        self._waiting: OrderedDict[Group, None] = OrderedDict()
        self._closed: OrderedDict[int, None] = OrderedDict()
        self._due: list[tuple[float, int, int]] = []
        self._order = count()
        self._at_once: OrderedDict[int, Pass] = OrderedDict()
        self._traces: OrderedDict[int, float] = OrderedDict()
        self._late = 0
        self.on_begin: Callable[[int], object] = _ignore
        """Called with the number of a group that begins."""
        self.on_linger: Callable[[int], object] = _ignore
        """Called with the number of a group of which the root has ended."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is open, and nothing late waits to be read."""
        return not self.open and not self._late and not self._at_once

    def next_at(self) -> float | None:
        """Returns when the next group may be due; None if none is waited for."""
        return 0.0 if self._at_once else self._due[0][0] if self._due else None

    # What happens to a group

    def add(self, group: Group) -> None:
        """Takes in a group that is open."""
        self.open[group] = self._waiting[group] = None
        self.on_begin(group.number)

    def touch(self, group: Group, now: float) -> None:
        """Notes activity; a further root may have begun with it."""
        group.touched = now
        self.open.move_to_end(group)
        if group in self._waiting:
            self._waiting.move_to_end(group)
        if group.due is None or group.has_ended:
            return
        if group.state is State.RESTING:
            self._at_once[group.number] = Pass(group.number, closing=True, is_reopened=True)
        group.state, group.due = State.OPEN, None

    def linger(self, group: Group, now: float) -> None:
        """Notes that its root has ended, or something came late; the linger itself is never prolonged."""
        if group.has_ended and group.state is not State.LINGERING:
            self._at_once.pop(group.number, None)  # it need not be held back any more
            # One root for each turn is one pass for each: they take a share of the time, however long the call gets.
            wait = self._waits.linger if group.is_strong else max(self._waits.linger, group.cost / SHARE)
            self._wait(group, State.LINGERING, now + wait)
            self.on_linger(group.number)

    def rest(self, group: Group, until: float) -> None:
        """Keeps a group whose call is in the spool until then, because a further root may join."""
        self._wait(group, State.RESTING, until)

    def go_on(self, group: Group) -> None:
        """Notes that a group has not ended after all."""
        group.state, group.due = State.OPEN, None

    def late(self, group: Group, now: float) -> None:
        """Has what came late for a closed group read after another linger."""
        if group.due is None:
            self._late += 1
            self._wait(group, State.CLOSED, now + self._waits.linger)

    def close(self, group: Group) -> None:
        """Closes a group. It is remembered for what comes late."""
        self.drop(group)
        group.forget_texts()
        group.log, group.roots, group.resource, group.seen_contexts = bytearray(), {}, None, ()
        self._closed[group.number] = None
        if len(self._closed) > self._waits.conversations:
            number, _ = self._closed.popitem(last=False)
            self._places.by_number.pop(number, None)

    def drop(self, group: Group) -> None:
        """Notes that a group is closed, or part of another."""
        group.state, group.due = State.CLOSED, None
        self.open.pop(group, None)
        self._waiting.pop(group, None)

    @property
    def is_full(self) -> bool:
        """Whether there are as many groups as there may be."""
        return len(self.open) - len(self._at_once) >= self._waits.conversations

    def give_up_longest(self) -> None:
        """Has the group idle longest closed: of those without an id or a root, if there is one."""
        while self._waiting:
            group, _ = self._waiting.popitem(last=False)
            if not group.is_known and group.number not in self._at_once:
                self.give_up(group)
                return
        longest = next((group for group in self.open if group.number not in self._at_once), None)
        if longest is not None:
            self.give_up(longest)
            self.open.move_to_end(longest)  # so that the next search does not begin with it

    def give_up(self, group: Group) -> None:
        """Has a group closed, whatever its root does."""
        self._at_once[group.number] = Pass(group.number, closing=True)

    def flush(self) -> None:
        """Makes every wait zero."""
        # Those that turn out to be part of another must be so before that one is read.
        for group in list(self.open):
            if group.due is not None and group.state is not State.CLOSED:
                self._places.resolve(group)
        for group in list(self.open):
            if group.due is not None:
                self._at_once[group.number] = Pass(group.number, is_at_once=True)
        for _, _, number in self._due:
            closed = self._places.by_number.get(number)
            if closed is not None and closed.state is State.CLOSED and closed.due is not None:
                self._at_once.setdefault(number, Pass(number, is_late=True))

    def close_idle(self, now: float, idle: float) -> None:
        """Has what had no activity for `idle` seconds closed."""
        for group in list(self.open):
            if self._is_idle(group, now, idle):
                self.give_up(group)

    def _is_idle(self, group: Group, now: float, idle: float) -> bool:
        """Returns whether there was no activity. Spans that only started are noticed here."""
        if (activity := sum(map(self._activity, group.numbers))) != group.activity and idle > 0:
            group.activity, group.touched = activity, now
            self.open.move_to_end(group)
        return now - group.touched >= idle

    def grown(self, group: Group) -> None:
        """Notes that spans of a group which started before are no later activity."""
        numbers = group.numbers
        group.activity = self._activity(numbers[0]) if len(numbers) == 1 else sum(map(self._activity, numbers))

    def heard(self, group: Group, now: float) -> None:
        """Notes that rows of a group were taken by then."""
        self.grown(group)
        if group.state is _GOES_ON:
            group.touched = now
            self.open.move_to_end(group)
            for trace_id in group.traces:
                self.trace_touched(trace_id, now)

    def _wait(self, group: Group, state: State, due: float) -> None:
        group.state, group.due = state, due
        heappush(self._due, (due, next(self._order), group.number))

    # What is due

    def next_due(self, now: float) -> Pass | None:
        """Returns what is to be read next; None if nothing is due."""
        while self._at_once:
            _, one = self._at_once.popitem(last=False)
            if (found := self._still_due(one)) is not None:
                return found
        while self._due and self._due[0][0] <= now:
            due, _, number = heappop(self._due)
            group = self._places.by_number.get(number)
            if group is None or group.due != due:
                continue  # it went on in the meantime
            one = Pass(number, quiet=self._waits.quiet)
            if group.state is State.CLOSED:
                one = Pass(number, is_late=True)
            elif group.state is State.RESTING:
                one = Pass(number, is_rest_over=True)
            if (found := self._still_due(one)) is not None:
                return found
        while self.open and now - (oldest := next(iter(self.open))).touched >= self._waits.idle:
            if self._is_idle(oldest, now, self._waits.idle):
                return self._still_due(Pass(oldest.number, closing=True))
        return None

    def _still_due(self, one: Pass) -> Pass | None:
        group = self._places.by_number.get(one.number)
        if group is None:
            return None
        if one.is_late:
            self._late -= group.due is not None
            return one if group.due is not None else None
        if group.state is State.CLOSED:
            return None
        numbers = group.numbers
        found = self._places.resolve(group)
        if found is not group and not one.closing and not found.has_ended:
            return None  # it turned out to be part of one that goes on
        if found.numbers == numbers:
            return one
        # What joined it is in no call yet: then it is not enough that the quiet time is over.
        return replace(one, number=found.number, is_rest_over=False)

    # Traces

    def trace_touched(self, trace_id: int, now: float) -> None:
        """Notes activity in a trace."""
        self._traces[trace_id] = now
        self._traces.move_to_end(trace_id)

    def quiet_traces(self, now: float) -> Iterator[int]:
        """Yields the traces without activity for as long as a further root may come."""
        while (seconds := self.forgets_in(now)) is not None and seconds <= 0:
            yield next(iter(self._traces))

    def forgets_in(self, now: float) -> float | None:
        """Returns in how many seconds the next trace has been quiet for that long; None if there is none."""
        if not self._traces:
            return None
        return next(iter(self._traces.values())) + max(self._waits.quiet, LEAST_KEPT_SECONDS) - now

    def keep_or_give_up(self, trace_id: int, now: float, is_open: Callable[[int], bool]) -> bool:
        """Returns whether a quiet trace is still needed: something of it is open. What no id can come to is closed."""
        waits = False
        for group in self._places.of_trace(trace_id):
            if group.state is State.CLOSED:
                continue
            if not group.is_known and not is_open(group.number):
                self._at_once[group.number] = Pass(group.number, closing=True)
            waits = True
        if waits:
            self.trace_touched(trace_id, now)
        else:
            self._traces.pop(trace_id, None)
        return waits


def _ignore(_number: int) -> None:
    """Is called where nothing is saved while it goes on."""
