"""Which conversation each span belongs to.

1. A span with an external id of its own is part of the conversation of that id. The spans below belong to the nearest
   such ancestor. When the id came does not matter.
2. A voice framework's root and a marked root begin a conversation too, unless the one around them has no such root yet:
   then they become its root. A framework's root below another one's inherits no id. Pipecat's leaves being the root to
   an app's own span around it that has the same id and is open longer.
3. Where neither a span nor an ancestor has an id, `call_attributes` gives it. W3C baggage gives none: a span with an id
   from there says that it may be a fragment of another process's conversation.
4. All other spans of a trace belong to the only id that the trace shows; if it shows none and the resource has one, to
   that; else to none.
5. The resource's id names one conversation in a process; a further root under it is kept aside and reported.
6. A voice framework's conversation that none of this names gets an id of its own if the app asked for that.

The tree is built only where the spans show more than one id or root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._assembly.conversation import Conversation, Root
from roark_otel._assembly.rows import Sorted, is_over, own_id, parent_key
from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import END, ORIGIN, SCOPE, SPAN, STRENGTH, TRACE, Origin, Strength
from roark_otel._model.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_otel._assembly.rows import Key
    from roark_otel._model.rows import Row
    from roark_otel._model.vocabulary import Vocabulary


def conversations_of(
    found: Sorted,
    vocabulary: Vocabulary,
    crowded: frozenset[int],
    taken_resource_ids: frozenset[str],
    pause: Callable[[], None],
) -> list[Conversation]:
    """Returns the conversations of sorted spans, each with its id, if it has one by rules 1 to 5.

    Args:
        found: The spans.
        vocabulary: What the dialects know together.
        crowded: Traces that show other ids or roots than those of these spans.
        taken_resource_ids: Ids of resources that name another conversation.
        pause: Called after every few spans.
    """
    ownership = _Ownership(found, vocabulary, crowded, taken_resource_ids, pause)
    if len(found.ids) <= 1 and found.strong <= 1 and not crowded and _show_their_id(found):
        return ownership.only_one()
    return ownership.several()


class _Ownership:
    def __init__(
        self,
        found: Sorted,
        vocabulary: Vocabulary,
        crowded: frozenset[int],
        taken_resource_ids: frozenset[str],
        pause: Callable[[], None],
    ) -> None:
        self._found = found
        self._vocabulary = vocabulary
        self._crowded = crowded
        self._taken = taken_resource_ids
        self._pause = pause
        self._by_id: dict[str, Conversation] = {}
        self._all: list[Conversation] = []
        self._rests: dict[int, Conversation] = {}
        self._owners: dict[Key, Conversation] = {}

    # Most often

    def only_one(self) -> list[Conversation]:
        """Returns the one conversation that all spans belong to."""
        found = self._found
        one = Conversation(
            rows=found.rows,
            gaps=found.gaps,
            resources=found.resources,
            contexts=found.contexts,
            traces=found.traces,
        )
        for row in in_steps(found.telling, self._pause):
            if (external_id := own_id(row)) is not None:
                if row[ORIGIN] == Origin.SPAN or not self._has_id_above(row):
                    one.named(external_id, row[ORIGIN])
                elif row[STRENGTH] is None:
                    continue
            if row[STRENGTH] is not None:
                one.roots.append(Root(row, row[STRENGTH]))
            elif external_id is not None and not self._has_owner_above(row):
                one.roots.append(Root(row, Strength.IMPLIED))
        if one.external_id is None:
            self._name_by_resource([one])
        self._note_fragments([one])
        for root in list(one.roots):
            self._yield_to_app(one, root)
        return [one] if one.rows else []

    def _has_id_above(self, row: Row) -> bool:
        return any(own_id(above) is not None for above in self._above(row))

    def _has_owner_above(self, row: Row) -> bool:
        return any(above[STRENGTH] is not None or own_id(above) is not None for above in self._above(row))

    def _above(self, row: Row) -> Iterator[Row]:
        """Yields the spans above one, the nearest first, each once."""
        by_key = self._found.by_key
        seen = {id(row)}
        above = by_key.get(parent_key(row))
        while above is not None and id(above) not in seen:
            yield above
            seen.add(id(above))
            above = by_key.get(parent_key(above))

    # Where spans show several ids or roots

    def several(self) -> list[Conversation]:
        """Returns the conversations of a tree."""
        for row in in_steps(self._found.rows, self._pause):
            self._place_with_those_above(row)
        self._name_waiting()
        self._name_by_only_id()
        self._name_by_resource(self._all)
        self._note_fragments(self._all)
        found = [one for one in self._all if one.rows]
        for one in found:
            for root in list(one.roots):
                self._yield_to_app(one, root)
            one.contexts = [each for each in self._found.contexts if each.trace_id in one.traces]
        return found

    def _place_with_those_above(self, row: Row) -> None:
        path = [row]
        for above in self._above(row):
            if _key(above) in self._owners:
                break
            path.append(above)
        for one in reversed(path):
            if _key(one) not in self._owners:
                self._place(one)

    def _place(self, row: Row) -> None:
        around = self._owner_above(row)
        external_id = own_id(row)
        if row[ORIGIN] != Origin.SPAN and around is not None and around.external_id is not None:
            external_id = None  # the ancestor's counts for more
        strength: int | None = row[STRENGTH]
        if external_id is None and strength is None:
            owner = around if around is not None else self._rest(row[TRACE])
        else:
            owner = self._owner(row, around, external_id, strength)
        self._owners[_key(row)] = owner
        owner.add(row)

    def _owner_above(self, row: Row) -> Conversation | None:
        """Returns the conversation around a span; none where it only waits for one."""
        found = self._owners.get(parent_key(row))
        return None if found is None or found is self._rests.get(row[TRACE]) else found

    def _owner(
        self, row: Row, around: Conversation | None, external_id: str | None, strength: int | None
    ) -> Conversation:
        is_topmost = around is None
        if around is None or _begins_another(around, external_id, strength):
            is_topmost = True
            known = None if external_id is None else self._by_id.get(external_id)
            around = self._begin() if known is None else known
        if external_id is not None:
            around = self._name(around, external_id, row[ORIGIN])
        if strength is not None or is_topmost:
            around.roots.append(Root(row, Strength.IMPLIED if strength is None else strength))
        return around

    def _begin(self) -> Conversation:
        found = Conversation(resources=self._found.resources)
        self._all.append(found)
        return found

    def _rest(self, trace_id: int) -> Conversation:
        """Returns where the spans of a trace wait that have no owner."""
        found = self._rests.get(trace_id)
        if found is None:
            found = self._rests[trace_id] = self._begin()
        return found

    def _name(self, one: Conversation, external_id: str, origin: int) -> Conversation:
        """Gives a conversation its id, which may show that it is part of another."""
        known = self._by_id.setdefault(external_id, one)
        if known is not one:
            self._merge(known, one, with_roots=True)
            one = known
        one.named(external_id, origin)
        return one

    def _merge(self, into: Conversation, other: Conversation, *, with_roots: bool) -> None:
        if into is other:
            return
        into.absorb(other, with_roots=with_roots)
        for row in other.rows:
            self._owners[_key(row)] = into
        other.rows, other.roots = [], []

    def _ids_of(self, trace_id: int) -> set[str]:
        return {one.external_id for one in self._all if trace_id in one.traces and one.external_id is not None}

    def _name_waiting(self) -> None:
        """Gives what waits in a trace to the only id that the trace shows."""
        for trace_id, waiting in self._rests.items():
            ids = self._ids_of(trace_id)
            if len(ids) == 1 and trace_id not in self._crowded and waiting.rows:
                owner = next(one for one in self._all if trace_id in one.traces and one.external_id in ids)
                self._merge(owner, waiting, with_roots=False)

    def _name_by_only_id(self) -> None:
        """Names a strong root without an id by the only one of its traces, if no other strong root has that."""
        for one in [one for one in self._all if one.external_id is None and one.strong_root]:
            ids = {external_id for trace_id in one.traces for external_id in self._ids_of(trace_id)}
            others = [
                each
                for each in self._all
                if each is not one
                and each.strong_root
                and each.external_id
                and not one.traces.keys().isdisjoint(each.traces)
            ]
            if len(ids) == 1 and not others and self._crowded.isdisjoint(one.traces):
                self._name(one, ids.pop(), Origin.SPAN)

    def _name_by_resource(self, several: list[Conversation]) -> None:
        """Names the first strong root, and what waits, by the id of the resource where no span shows one."""
        for one in sorted(several, key=lambda one: one.strong_root is None):
            resource_id = one.rows and self._vocabulary.external_id(one.resource)
            if one.external_id is not None or not isinstance(resource_id, str) or not is_external_id(resource_id):
                continue
            if one.strong_root is None:
                one.roots = [Root(row, Strength.IMPLIED) for row in one.rows if self._is_topmost(row)]
            if resource_id in self._taken or any(self._ids_of(trace_id) - {resource_id} for trace_id in one.traces):
                continue
            known = self._by_id.get(resource_id)
            if known is not None and known.strong_root is not None:
                if one.strong_root is None:
                    self._merge(known, one, with_roots=False)
                continue
            self._name(one, resource_id, Origin.RESOURCE)

    def _note_fragments(self, several: list[Conversation]) -> None:
        """Notes which conversations without an id have one from baggage. Without a root they end with these spans."""
        carrying = {id(row): row for row in self._found.telling if row[ORIGIN] == Origin.BAGGAGE}
        for one in several if carrying else ():
            rows = [row for row in carrying.values() if row[TRACE] in one.traces] if one.external_id is None else []
            one.is_fragment = bool(rows)
            tops = [row for row in rows if not any(id(above) in carrying for above in self._above(row))]
            one.roots = one.roots or [Root(row, Strength.IMPLIED) for row in tops]

    def _is_topmost(self, row: Row) -> bool:
        return parent_key(row) not in self._found.by_key

    def _yield_to_app(self, one: Conversation, root: Root) -> None:
        """Makes the app's own span around a framework's root, open longer than it, the root in its place."""
        if root.strength != Strength.DIALECT or not self._vocabulary.yields(root.row[SCOPE]):
            return
        implied = {id(each.row): each for each in one.roots if each.strength == Strength.IMPLIED}
        for above in self._above(root.row):
            outer = implied.get(id(above))
            if outer is not None and _is_open_longer(above, root.row):
                one.roots = [each for each in one.roots if each is not outer and each is not root]
                one.roots.append(outer._replace(strength=Strength.DIALECT))
                return


def _key(row: Row) -> Key:
    return row[TRACE], row[SPAN]


def _show_their_id(found: Sorted) -> bool:
    """Returns whether each trace shows the only id, if there is one: what is in another has none."""
    if not found.ids or len(found.traces) == 1:
        return True
    return found.traces.keys() == {row[TRACE] for row in found.telling if own_id(row) is not None}


def _is_open_longer(above: Row, root: Row) -> bool:
    if not is_over(above):
        return True
    return root[END] is not None and above[END] is not None and above[END] >= root[END]


def _begins_another(around: Conversation, external_id: str | None, strength: int | None) -> bool:
    strong = around.strong_root
    if strength is not None and strong is not None:
        # A framework's root below a marked one is part of that conversation, below a framework's it is another.
        return strength == Strength.MARKED or strong.strength == Strength.DIALECT
    return external_id is not None and around.external_id not in {None, external_id}
