"""Lists of messages on spans: JSON that grows with every turn, and names with numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model import reading
from roark_otel._model.json_lists import decoded, parsed_message
from roark_otel.dialects.chat.recital import Recital

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_INDEX = 1_000_000
_KEPT = 2
"""The list before counts too: the span around a model begins before it, and ends after it with the same list."""


class Mark(NamedTuple):
    """How far a list was read: its length and digest, when that was, and everything read by then."""

    name: str
    length: int
    digest: int
    start_ns: int
    recital: Recital


class Listing(NamedTuple):
    """A list of messages: its items that are new, and what came before them.

    The caller adds the new items to `before`, and gives `mark` back to `Lists.keep`.
    """

    items: list[object]
    before: Recital
    mark: Mark | None = None


class Lists:
    """Reads lists of messages.

    A history repeats itself: the list of a turn is that of the turn before and a few messages more. So of each
    attribute the last lists are known by their lengths and digests, and of one that goes on with one of them only the
    rest is decoded. This only saves time: the earlier messages were already shown, by a span that began no later.
    """

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: dict[str, list[Mark]] = {}

    def read(self, name: str, value: object, start_ns: int, unreadable: Callable[[str], None]) -> Listing:
        """The messages of an attribute; as many as there are of a list that was cut."""
        if not isinstance(value, str):
            return Listing(_as_list(value, unreadable), Recital())
        written = value.strip()
        if not written.startswith("["):
            return Listing(_object_or_text(written, unreadable), Recital())
        found = self._going_on(name, written, start_ns, unreadable)
        if found is not None:
            return found
        listed = decoded(written)
        if listed.flaw:
            unreadable(listed.flaw)
        before = Recital()
        is_known = listed.is_whole and listed.items
        return Listing(listed.items, before, _mark(name, written, start_ns, before) if is_known else None)

    def keep(self, mark: Mark | None) -> None:
        """Notes that a list was read as far as its mark says."""
        if mark is None:
            return
        marks = self._marks.setdefault(mark.name, [])
        for at, known in enumerate(marks):
            if (known.length, known.digest) == (mark.length, mark.digest):
                marks[at] = min(mark, known, key=lambda one: one.start_ns)
                return
        marks.append(mark)
        del marks[:-_KEPT]

    def _going_on(self, name: str, written: str, start_ns: int, unreadable: Callable[[str], None]) -> Listing | None:
        """The list, if it goes on with a known one."""
        for mark in sorted(self._marks.get(name, ()), key=lambda one: -one.length):
            if mark.start_ns <= start_ns and hash(written[: mark.length]) == mark.digest:
                rest = written[mark.length :].lstrip()
                listed = decoded("[" + rest.removeprefix(","))
                if listed.is_whole and rest.startswith((",", "]")):
                    if listed.flaw:
                        unreadable(listed.flaw)
                    before = mark.recital.copy()
                    return Listing(listed.items, before, _mark(name, written, start_ns, before))
        return None


def _mark(name: str, written: str, start_ns: int, recital: Recital) -> Mark:
    length = len(written) - 1  # up to the closing bracket
    return Mark(name, length, hash(written[:length]), start_ns, recital)


def _object_or_text(written: str, unreadable: Callable[[str], None]) -> list[object]:
    if not written.startswith(("{", '"')):
        return [written] if written else []
    try:
        return [parsed_message(written)]
    except ValueError as fault:
        if written.startswith('"'):
            return [written]
        unreadable(str(fault))
        return []


def _as_list(value: object, unreadable: Callable[[str], None]) -> list[object]:
    if isinstance(value, (list, tuple)):
        value = [_item(one, unreadable) for one in cast("Sequence[object]", value)]
    found = reading.json_value(value)
    return cast("list[object]", found) if isinstance(found, list) else [found] if isinstance(found, Mapping) else []


def _item(value: object, unreadable: Callable[[str], None]) -> object:
    """An item of a list that is not JSON itself, but whose items may be."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return parsed_message(value)
        except ValueError as fault:
            unreadable(str(fault))
            return None
    return value


def indexed(attributes: Mapping[str, object], prefix: str) -> list[object]:
    """The values under names such as `prefix.0.role`, `prefix.7.role`, in the order of their numbers."""
    tree: dict[str, object] = {}
    for name, value in attributes.items():
        if name.startswith(prefix):
            _plant(tree, name[len(prefix) :].split("."), value)
    return [_grown(one) for one in _by_number(tree)]


def _plant(tree: dict[str, object], path: Sequence[str], value: object) -> None:
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            return
        tree = cast("dict[str, object]", below)
    tree.setdefault(path[-1], value)


def _by_number(tree: Mapping[str, object]) -> list[object]:
    numbered = [(int(key), value) for key, value in tree.items() if _is_number(key)]
    return [value for _, value in sorted(numbered, key=lambda one: one[0])]


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= len(str(_MAX_INDEX))


def _grown(value: object) -> object:
    """A tree as a value: a level of numbers as a list, a level of names as an object."""
    if not isinstance(value, dict):
        return value
    tree = cast("dict[str, object]", value)
    if tree and all(_is_number(key) for key in tree):
        return [_grown(one) for one in _by_number(tree)]
    return {key: _grown(one) for key, one in tree.items()}
