"""Which groups are one conversation, as far as ids and traces show it without reading the rows.

1. Groups that show one id are one, also if each has a root of its own that is marked or a framework's.
2. What waits in a trace without an owner belongs to the only id that the trace shows.
3. Under a resource's id, what waits belongs to the first strong root that has none.

Whatever needs the tree of spans is decided in the pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import Origin
from roark_otel._open.group import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._open.group import Group

SEVERAL: Final = ""
"""Stands for the ids of a trace that shows more than one."""


class Places:
    """Knows groups by their numbers, ids, traces and resources.

    Args:
        vocabulary: What the dialects know together.
        pack: Packs the rows that were taken: called before one group's log follows another's.
        drop: Called with a group that became part of another.
    """

    def __init__(self, vocabulary: Vocabulary, pack: Callable[[], None], drop: Callable[[Group], None]) -> None:
        self._vocabulary = vocabulary
        self._pack = pack
        self._drop = drop
        self.by_number: dict[int, Group] = {}
        self._by_id: dict[str, Group] = {}
        self._shown: dict[int, str] = {}
        self._strong: dict[int, int] = {}
        self._waiting: dict[int, tuple[int, ...]] = {}
        self._in_trace: dict[int, int | dict[int, None]] = {}  # one number, or several: a dict for one takes 230 bytes
        self._hosts: dict[str, int] = {}
        self.used_resource_ids: set[str] = set()

    def add(self, group: Group) -> None:
        """Takes in a group without an owner yet."""
        self.by_number[group.number] = group
        trace_id = group.traces[0]
        waiting = self._waiting.get(trace_id)
        self._waiting[trace_id] = group.numbers if waiting is None else (*waiting, group.number)
        self.join_trace(group, trace_id)

    def join_trace(self, group: Group, trace_id: int) -> None:
        """Notes that a group has rows in a trace."""
        numbers = self._in_trace.setdefault(trace_id, group.number)
        if isinstance(numbers, dict):
            numbers[group.number] = None
        elif numbers != group.number:
            self._in_trace[trace_id] = {numbers: None, group.number: None}

    def of_trace(self, trace_id: int) -> list[Group]:
        """Returns the groups of a trace that are not closed."""
        numbers = self._in_trace.get(trace_id, {})
        return [self.by_number[number] for number in (numbers if isinstance(numbers, dict) else (numbers,))]

    def show(self, group: Group, external_id: str, origin: int, trace_id: int) -> Group:
        """Notes that a row of a group shows an id. Returns the group that it is part of."""
        shown = self._shown.get(trace_id)
        if shown != external_id:
            self._shown[trace_id] = external_id if shown is None else SEVERAL
        if group.external_id == external_id:
            group.origin = max(group.origin, origin)
            return group
        if group.external_id is not None:
            return group  # it shows several, which only the pass can separate
        return self._give(group, external_id, origin)

    def _give(self, group: Group, external_id: str, origin: int) -> Group:
        """Gives a group its id. Returns the group of that id."""
        group.external_id, group.origin = external_id, max(group.origin, origin)
        known = self._by_id.setdefault(external_id, group)
        if known is group or known.state is State.CLOSED:
            return group
        self._merge(known, group)
        return known

    def strengthen(self, group: Group, trace_id: int) -> None:
        """Notes that a trace has one more strong root, the first of which under a resource's id is its owner."""
        self._strong[trace_id] = self._strong.get(trace_id, 0) + 1
        resource_id = self.resource_id(group)
        if group.external_id is None and resource_id is not None and resource_id not in self.used_resource_ids:
            host = self.by_number.get(self._hosts.get(resource_id, 0))
            if host is None or host.state is State.CLOSED:
                self._hosts[resource_id] = group.number

    def resource_id(self, group: Group) -> str | None:
        """Returns the id of a group's resource, if that is one."""
        found = None if group.resource is None else self._vocabulary.external_id(group.resource)
        return found if isinstance(found, str) and is_external_id(found) else None

    def resolve(self, group: Group) -> Group:
        """Returns the group that a group turns out to be part of, with what waits in its traces."""
        if group.external_id is None:
            group = self._named(group)
        if group.external_id is not None:
            for trace_id in group.traces:
                if self._shown.get(trace_id) == group.external_id:
                    for number in self._waiting.get(trace_id, ()):
                        waiting = self.by_number.get(number)
                        if waiting is not None and waiting is not group and not waiting.is_known:
                            self._merge(group, waiting)
        return group

    def _named(self, group: Group) -> Group:
        shown = {self._shown.get(trace_id) for trace_id in group.traces} - {None}
        only = next(iter(shown)) if len(shown) == 1 else None
        others = any(self._strong.get(trace_id, 0) > (1 if group.is_strong else 0) for trace_id in group.traces)
        # The id may be the first session's, and this the second one of the trace.
        if only and not (group.is_strong and others):
            known = self._by_id.get(only)
            is_open = known is not None and known is not group and known.state is not State.CLOSED
            if known is not None and is_open and not (known.is_strong and group.is_strong):
                self._merge(known, group)
                return known
            return self.show(group, only, Origin.SPAN, group.traces[0])
        resource_id = self.resource_id(group)
        if not shown and resource_id is not None and not group.is_strong:
            host = self.by_number.get(self._hosts.get(resource_id, 0))
            if host is not None and host is not group and host.state is not State.CLOSED:
                self._merge(host, group)
                return host
            if resource_id not in self.used_resource_ids and group.roots:
                return self._give(group, resource_id, Origin.RESOURCE)
        return group

    def taken_resource_ids(self, group: Group) -> frozenset[str]:
        """Returns the ids of resources that this group may not take: they are another conversation's."""
        resource_id = self.resource_id(group)
        host = None if resource_id is None else self.by_number.get(self._hosts.get(resource_id, 0))
        is_taken = host is not None and host is not group and host.state is not State.CLOSED
        if resource_id is not None and (is_taken or resource_id in self.used_resource_ids):
            return frozenset({resource_id})
        return frozenset()

    def crowded(self, group: Group) -> frozenset[int]:
        """Returns the traces of a group that also show others: there, no id is inherited by what has none."""
        own = group.external_id
        return frozenset(
            trace_id
            for trace_id in group.traces
            if self._shown.get(trace_id, own) not in {own, None}
            or self._strong.get(trace_id, 0) > (1 if group.is_strong else 0)
        )

    def close(self, group: Group, external_id: str | None, origin: int) -> None:
        """Lets a group go: what comes under its id from now on is another."""
        for one in (group.external_id, external_id):
            if one is not None and self._by_id.get(one) is group:
                del self._by_id[one]
        if origin == Origin.RESOURCE and external_id is not None:
            self.used_resource_ids.add(external_id)
            self._hosts.pop(external_id, None)
        for number in group.numbers:
            if number != group.number:
                self.by_number.pop(number, None)
        self._leave_traces(group)

    def forget(self, trace_id: int) -> None:
        """Forgets a trace that is over."""
        for known in (self._shown, self._strong, self._waiting, self._in_trace):
            known.pop(trace_id, None)

    def _merge(self, group: Group, other: Group) -> None:
        self._pack()
        if other is group or other.state is State.CLOSED:
            return
        for trace_id in other.traces:
            self.join_trace(group, trace_id)
        self._leave_traces(other)
        group.absorb(other)
        for number in other.numbers:
            self.by_number[number] = group
        self._drop(other)

    def _leave_traces(self, group: Group) -> None:
        for trace_id in group.traces:
            inside = self._in_trace.get(trace_id)
            if isinstance(inside, dict):
                for number in group.numbers:
                    inside.pop(number, None)
            elif inside in group.numbers:
                del self._in_trace[trace_id]
            numbers = tuple(number for number in self._waiting.get(trace_id, ()) if number not in group.numbers)
            if numbers:
                self._waiting[trace_id] = numbers
            else:
                self._waiting.pop(trace_id, None)
