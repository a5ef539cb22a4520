"""Makes the rows of capture exact.

Their values are of types that `marshal` packs without loss, their names and times what they seem, and what no dialect
reads is left out.

This happens on the assembler's thread, so that the app's pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from roark_otel._model import times
from roark_otel._model.dialect import Unreadable
from roark_otel._model.rows import (
    ATTRIBUTES,
    END,
    EVENTS,
    NAME,
    SCOPE,
    SPAN,
    START,
    TRACE,
    Captured,
    Row,
    SpanName,
    attributes_of,
)
from roark_otel._open.layouts import Layouts
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._model.dialect import Warn
    from roark_otel._model.vocabulary import Vocabulary

MAX_SHAPES: Final = 10_000
"""The most combinations of names of attributes that are remembered."""

MAX_SHAPE: Final = 64
"""The most names of a combination that is remembered: longer ones have numbers in them, and do not come again."""

_MAX_DEPTH: Final = 100
"""Deeper than JSON values may be, so that whoever reads one reports that it is too deep."""
ATOMS: Final = frozenset({str, int, float, bool, type(None), bytes})
"""The types that are kept as they are."""


Exact: TypeAlias = "tuple[tuple[Any, ...], tuple[str, ...], tuple[Any, ...], tuple[Any, ...]]"
"""A row before its attributes, their names, their values, and its events as they are in a row."""


def row_of_exact(exact: Exact) -> Row:
    """Returns an exact row with its attributes as a mapping."""
    head, names, values, events = exact
    return (*head, dict(zip(names, values, strict=True)), *events)


def exact_of_row(row: Row) -> Exact:
    """Returns a row that was exact before."""
    attributes = attributes_of(row)
    return row[:ATTRIBUTES], tuple(attributes), tuple(attributes.values()), row[EVENTS:]


class RowsIn:
    """Makes rows exact.

    Args:
        vocabulary: What the dialects know together.
        hide: Hides the value of an attribute where content is not captured; None where it is.
        warn: Reports a time that was given in another unit.
    """

    __slots__ = ("_hide", "_is_relevant", "_keeps", "_known", "_own_scopes", "_pick", "_warn", "layouts")

    def __init__(
        self,
        vocabulary: Vocabulary,
        hide: Callable[[str, object], object] | None = None,
        warn: Warn = lambda _: None,
    ) -> None:
        self._warn = warn
        self._keeps, self._is_relevant = vocabulary.keeps, vocabulary.is_relevant
        self._own_scopes = vocabulary.own_scopes
        self._hide = hide
        self.layouts = Layouts(vocabulary, is_used=hide is None)
        """What rows have in common. Where values are hidden each row is looked at by itself."""
        self._known: set[object] = set()
        self._pick: dict[tuple[Any, ...], tuple[tuple[str, ...], Callable[[Any], Any]] | None] = {}

    def exact(self, row: Captured, now_ns: int) -> Exact:
        """Returns an exact row. Instead of times that cannot be, the present holds."""
        head, attributes = row[:ATTRIBUTES], row[ATTRIBUTES]
        if not ATOMS.issuperset(map(type, head)):
            head = _exact_all(head)
        if not _is_sound(head):
            head = self._sound(head, now_ns)
        return head, *self._parts(attributes, head[SCOPE]), self._events(row[EVENTS]) if row[EVENTS] else ()

    def _sound(self, head: tuple[Any, ...], now_ns: int) -> tuple[Any, ...]:
        values = list(head)
        for place in (SCOPE, NAME):
            if type(values[place]) is not str:
                values[place] = type(values[place]).__name__
        for place in (START, END):
            if values[place] is not None or place == START:
                values[place], flaw = _sound_time(values[place], now_ns)
                if flaw is not None:
                    span = SpanName(values[TRACE], values[SPAN], values[SCOPE], values[NAME])
                    self._warn(Unreadable(span, "start or end", flaw))
        return tuple(values)

    def mapping(self, head: tuple[Any, ...], attributes: Mapping[str, object]) -> Exact:
        """Returns an exact row with these attributes."""
        return head, *self._parts({str(name): value for name, value in attributes.items()}), ()

    def _events(self, events: Sequence[Any]) -> tuple[Any, ...]:
        found: list[Any] = []
        known = self._known
        each = iter(events)
        for name, time, attributes in zip(each, each, each, strict=True):
            if type(name) is str and name in known and known.issuperset(attributes) and self._hide is None:
                found += (name, time, len(attributes), *attributes, *attributes.values())
            else:
                found += self._some_event(exact_value(name), time, attributes)
        return tuple(found) if ATOMS.issuperset(map(type, found)) else _exact_all(found)

    def _some_event(self, name: object, time: object, attributes: Mapping[Any, object]) -> tuple[Any, ...]:
        """Returns an event whose names are news, or which is none that a dialect reads."""
        names, values = self._parts(attributes)
        if not self._keeps(name) and not any(map(self._is_relevant, names)):
            return "", 0, 0  # events are counted, to know which of them were dropped
        if type(name) is not str:
            name = type(name).__name__
        elif len(self._known) < MAX_SHAPES and self._keeps(name):
            self._known.update((name, *names))
        return name, time, len(names), *names, *values

    def _parts(self, attributes: Mapping[Any, object], scope: str = "") -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Returns the exact names and values of the attributes that a dialect may read on spans of a scope."""
        if not attributes:
            return (), ()
        names, values = tuple(attributes), tuple(attributes.values())
        if not ATOMS.issuperset(map(type, names)):
            names = _exact_all(names)
        key = (scope, names) if scope in self._own_scopes else names
        try:
            pick = self._pick[key]
        except KeyError:
            pick = self._shape(key, names, scope)
        if pick is not None:
            names = pick[0]
            values = pick[1](values)
        if not ATOMS.issuperset(map(type, values)):
            values = _exact_all(values)
        if self._hide is not None:
            values = tuple([exact_value(self._hide(name, value)) for name, value in zip(names, values, strict=True)])
        return names, values

    def _shape(
        self, key: tuple[Any, ...], names: tuple[Any, ...], scope: str
    ) -> tuple[tuple[str, ...], Callable[[Any], Any]] | None:
        places = [place for place, name in enumerate(names) if self._keeps(name, scope)]
        pick: tuple[tuple[str, ...], Callable[[Any], Any]] | None = None
        if len(places) < len(names):
            pick = tuple([names[place] for place in places]), _picker(places)
        if len(names) <= MAX_SHAPE and len(self._pick) < MAX_SHAPES:
            self._pick[key] = pick
        return pick


def _exact_all(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple([value if type(value) in ATOMS else exact_value(value) for value in values])


def _picker(places: list[int]) -> Callable[[Any], Any]:
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda values: (values[places[0]],)) if places else lambda _: ()


def exact_value(value: object, depth: int = 0) -> object:
    """Returns a value of exactly one of the types that JSON has, or bytes.

    What is none of these becomes its type's name in bytes, so that it is known to be none.
    """
    kind = type(value)
    if kind in ATOMS:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, (Mapping, Sequence)):
        return _exact_inside(cast("object", value), depth)
    return kind.__name__.encode()


@guarded(b"unreadable")
def _exact_inside(value: object, depth: int) -> object:
    """Returns a mapping or a sequence made exact; it may be of a type whose methods raise."""
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {exact_value(str(key)): exact_value(item, depth + 1) for key, item in items}
    return tuple([exact_value(item, depth + 1) for item in cast("Sequence[object]", value)])


def _is_sound(row: Row) -> bool:
    return (
        type(row[NAME]) is str
        and type(row[SCOPE]) is str
        and type(row[START]) is int
        and times.EARLIEST_NS <= row[START] <= times.MAX_NS
        and (row[END] is None or (type(row[END]) is int and times.EARLIEST_NS <= row[END] <= times.MAX_NS))
    )


def _sound_time(value: object, now_ns: int) -> tuple[int, str | None]:
    """Returns a time of a span: now if it is none, and what was meant if that was given in another unit.

    Then also what was wrong with it. A time of long ago is one, as in a file, but for one before there were spans.
    """
    found = times.time_ns(value)
    if found is None:
        return now_ns, None
    meant, flaw = times.time_near_ns(value, now_ns)
    if meant != now_ns:
        return meant, flaw
    return (found if found >= times.EARLIEST_NS else now_ns), None
