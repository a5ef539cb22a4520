"""Layouts: what the rows of one kind of span have in common, once for all conversations of a process.

Spans of one line of code have the same names of attributes and events. They differ in ids, times and values, and only
these are in a log. A row in a log is one of

- `(layout, trace id, span id, parent id, start, end, own id, *values, *events)`: the number of its layout, the values
  of its attributes, and of each event the time and the values;
- the same with `(layout, *marks)` in the place of the number: the values at the marked places are cut;
- `(None, *head, attributes, *events)`: a row that has no layout, its attributes as a `Cutter` packs them.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from roark_otel._model.rows import (
    ATTRIBUTES,
    DROPPED,
    END,
    EVENTS,
    KIND,
    NAME,
    ORIGIN,
    OWN_ID,
    PARENT,
    SCOPE,
    SPAN,
    START,
    STRENGTH,
    TRACE,
    Kind,
)
from roark_otel._open.shapes import LARGEST_SHAPE, are_numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from roark_otel._model.rows import Row
    from roark_otel._model.vocabulary import Vocabulary

    Keeps: TypeAlias = Callable[..., bool]

MAX_LAYOUTS: Final = 1_024
"""The most layouts that are remembered, for good: logs refer to them."""

MAX_KEYS: Final = 4_096
"""The most names and lengths of rows by which layouts are looked up."""

MAX_ALIKE: Final = 4
"""The most layouts of one name and length."""

ROW: Final = 3
"""Where the row begins in what capture leaves."""

VALUES: Final = 7
"""Where the values begin in a row of a layout."""

_KIND, _SCOPE, _NAME, _ORIGIN, _ATTRIBUTES, _EVENTS = (
    ROW + at for at in (KIND, SCOPE, NAME, ORIGIN, ATTRIBUTES, EVENTS)
)
_head = itemgetter(*(ROW + at for at in (TRACE, SPAN, PARENT, START, END, OWN_ID)))
_names_of: Callable[[Any], tuple[str, ...]] = tuple
_ENDED, _EDGE = int(Kind.ENDED), int(Kind.EDGE)


class Layout:
    """What rows have in common.

    Attributes:
        number: Its number.
        kind: The kind of the rows.
        name: The name of the spans.
        fixed: What is between their own id and their attributes.
        all_names: The names of the attributes.
        event_names: The names of the events.
        named_in_events: For each event, the names of its attributes.
        names: The names of the attributes that are kept.
        values_until: Where their values end in a row of this layout.
    """

    __slots__ = (
        "_constants",
        "_pick",
        "_pick_events",
        "_whole",
        "all_names",
        "event_names",
        "fixed",
        "kind",
        "name",
        "named_in_events",
        "names",
        "number",
        "values_until",
    )

    def __init__(self, number: int, entry: Row, keeps: Keeps, is_relevant: Keeps) -> None:
        attributes, events, scope = entry[_ATTRIBUTES], entry[_EVENTS], entry[_SCOPE]
        self.number, self.kind, self.name = number, entry[_KIND], entry[_NAME]
        self.fixed = entry[_ORIGIN:_ATTRIBUTES]
        self.all_names = tuple(attributes)
        self.event_names = events[::3]
        self.named_in_events = list(map(_names_of, events[2::3]))
        self.names = tuple([name for name in attributes if keeps(name, scope)])
        self._pick = _picker(self.names)
        self.values_until = VALUES + len(self.names)
        places, fields, constants = _places(self.event_names, self.named_in_events, keeps, is_relevant)
        self._pick_events = _picker(places)
        # A row is made of what is in the log, the attributes, and what all rows have in common.
        at = self.values_until + len(places)
        self._constants = (self.kind, scope, self.name, *self.fixed, *constants)
        kind, scope, name, origin, strength, error, dropped = range(at + 1, at + 8)
        head = (kind, 1, 2, 3, scope, name, 4, 5, 6, origin, strength, error, dropped)
        of_events = [self.values_until + field if field >= 0 else at + 7 - field for field in fields]
        self._whole = itemgetter(*head, at, *of_events)

    def packed(self, entry: Row) -> list[Any]:
        """Returns what is kept of a row, from what capture leaves."""
        values: list[Any] = [self.number, *_head(entry)]
        if self._pick is not None:
            values += self._pick(entry[_ATTRIBUTES])
        if self._pick_events is not None:
            events = entry[_EVENTS]
            in_events = events[1::3]
            for attributes in events[2::3]:
                in_events += attributes.values()
            values += self._pick_events(in_events)
        return values

    def row(self, packed: Row) -> Row:
        """Returns a row again of which no value was cut."""
        # `zip` ends with the names: what follows the values are the events.
        attributes = dict(zip(self.names, packed[VALUES:])) if self.names else {}  # noqa: B905
        found: Row = self._whole((*packed, attributes, *self._constants))
        return found

    def row_with(self, packed: Row, attributes: dict[str, object]) -> Row:
        """Returns a row again, with these attributes."""
        found: Row = self._whole((*packed, attributes, *self._constants))
        return found


def _picker(keys: Sequence[Any]) -> Callable[[Any], Iterable[Any]] | None:
    if len(keys) > 1:
        return itemgetter(*keys)
    return (lambda values: (values[keys[0]],)) if keys else None


def _places(
    names: list[str], named: list[tuple[str, ...]], keeps: Keeps, is_relevant: Keeps
) -> tuple[list[int], list[int], list[object]]:
    """Finds what is kept of events.

    Returns:
        Its places among the times of all events and, after these, all their values; the fields of the events in a row,
        each a place among what is kept, or as -1, -2 and so on among the constants; the constants.
    """
    places: list[int] = []
    fields: list[int] = []
    constants: list[object] = []

    def add_constants(*some: object) -> None:
        for one in some:
            constants.append(one)
            fields.append(-len(constants))

    def add_place(place: int) -> None:
        fields.append(len(places))
        places.append(place)

    at = len(names)
    for number, (name, inside) in enumerate(zip(names, named, strict=True)):
        if keeps(name) or any(map(is_relevant, inside)):
            kept = [place for place, one in enumerate(inside) if keeps(one)]
            add_constants(name)
            add_place(number)
            add_constants(len(kept), *(inside[place] for place in kept))
            for place in kept:
                add_place(at + place)
        else:
            add_constants("", 0, 0)  # events are counted, to know which of them were dropped
        at += len(inside)
    return places, fields, constants


class Layouts:
    """The layouts of a process. They never get fewer.

    Args:
        vocabulary: What the dialects know together.
        is_used: Whether rows get layouts.
    """

    __slots__ = ("_by_key", "_is_used", "_known", "_layouts", "_vocabulary", "numbered")

    def __init__(self, vocabulary: Vocabulary, *, is_used: bool = True) -> None:
        self._vocabulary = vocabulary
        self._is_used = is_used
        self._layouts: list[Layout] = []
        self.numbered = self._layouts.__getitem__
        """Returns the layout with this number."""
        self._known: dict[tuple[object, ...], Layout] = {}
        self._by_key: dict[tuple[Any, ...], tuple[Layout, ...]] = {}

    def find(self, entry: Row) -> Layout | None:
        """Returns the layout of what capture leaves of a span; None if it has none, as the first of its kind."""
        attributes, events = entry[_ATTRIBUTES], entry[_EVENTS]
        key: tuple[Any, ...] = entry[_SCOPE], entry[_NAME], entry[_KIND], len(attributes), len(events)
        try:
            found = self._by_key.get(key)
            for layout in found or ():
                if (
                    tuple(attributes) == layout.all_names
                    and entry[_ORIGIN:_ATTRIBUTES] == layout.fixed
                    and (
                        not events
                        or (
                            events[::3] == layout.event_names
                            and list(map(_names_of, events[2::3])) == layout.named_in_events
                        )
                    )
                ):
                    return layout
        except (TypeError, ValueError):
            return None  # a name may be anything: a list, an array
        return self._learn(entry, key, found)

    def _learn(self, entry: Row, key: tuple[Any, ...], alike: tuple[Layout, ...] | None) -> Layout | None:
        """Returns the layout of a row that had none; None if the row is the first of its name and length."""
        if not self._is_used:
            return None
        if alike is None:
            if len(self._by_key) == MAX_KEYS:
                self._by_key.clear()
            self._by_key[key] = ()
            return None
        if len(alike) == MAX_ALIKE or not _may_have_layout(entry):
            return None
        named = tuple(map(_names_of, entry[_EVENTS][2::3]))
        same = (*key, *entry[_ORIGIN:_ATTRIBUTES], tuple(entry[_ATTRIBUTES]), tuple(entry[_EVENTS][::3]), named)
        layout = self._known.get(same)
        if layout is None:
            if len(self._layouts) == MAX_LAYOUTS:
                return None
            vocabulary = self._vocabulary
            layout = self._known[same] = Layout(len(self._layouts), entry, vocabulary.keeps, vocabulary.is_relevant)
            self._layouts.append(layout)
        self._by_key[key] = (*alike, layout)
        return layout


def _may_have_layout(entry: Row) -> bool:
    """Returns whether others may be like a row, and nothing in it is of a strange type or too much."""
    if entry[_KIND] not in {_ENDED, _EDGE} or entry[ROW + STRENGTH] is not None or entry[ROW + DROPPED]:
        return False
    names, events = tuple(entry[_ATTRIBUTES]), entry[_EVENTS]
    in_events = [name for named in events[2::3] for name in named]
    return (
        len(names) <= LARGEST_SHAPE
        and len(events) + len(in_events) <= LARGEST_SHAPE
        and not are_numbered(names)
        and set(map(type, (entry[_SCOPE], entry[_NAME], *names, *events[::3], *in_events))) == {str}
    )
