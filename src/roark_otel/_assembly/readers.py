"""Reads the spans of one conversation, each with the dialects that know it.

A fault of a reader costs one span of its dialect; a fault in its `moments` costs what the dialect would have said.
"""

from __future__ import annotations

from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING, Final, cast

from roark_otel._model.dialect import RowReader
from roark_otel._model.moments import Fact, ToolUse, Utterance
from roark_otel._model.rows import KIND, Kind, view
from roark_otel._model.steps import STEP, steps
from roark_otel._safety.guard import faults_of, guarded
from roark_otel._safety.late_imports import importing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from roark_otel._assembly.routes import Places, Routes
    from roark_otel._assembly.rows import Resources
    from roark_otel._model.dialect import Dialect, Reader, Warn
    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import Row, SpanView
    from roark_otel._model.steps import Pause

STEP_VALUES: Final = 12 * STEP
"""The most values of rows in one step, unless one row has more: those of 50 spans without events, or of 100 events."""

_MOMENTS = (Utterance, ToolUse, Fact)
_EXACT = frozenset(_MOMENTS)

_SILENT = frozenset({int(Kind.EDGE), int(Kind.LOST)})


class Reading:
    """The readers of one conversation. Each is made when the first span for it comes.

    Args:
        routes: Which dialects read what.
        warn: Reports something on a span that a reader could not read.
        count_fault: Counts a reader that raised. The exception itself is logged, at most once per interval.
        pause: Called after every few spans, events and moments.
    """

    def __init__(self, routes: Routes, warn: Warn, count_fault: Callable[[], None], pause: Pause) -> None:
        self._routes = routes
        self._warn = warn
        self._count_fault = count_fault
        self._pause = pause
        self._readers: dict[int, Reader | None] = {}
        self._by_resource: dict[int, Places] = {}
        self._bits: dict[Places, tuple[int, ...]] = {}

    def read(
        self, rows: Sequence[Row], resources: Resources, contexts: Iterable[SpanView]
    ) -> tuple[tuple[str, tuple[Moment, ...]], ...]:
        """Reads spans in this order. Returns what the dialects say, the highest first."""
        for one in contexts:
            for place in self._places(self._routes.of_names(one.attributes)):
                if (reader := self._reader(place)) is not None:
                    self._count(faults_of(reader.read, (one,), _name(reader)))
        for step in _short_steps(rows):
            self._read(step, resources)
            self._pause()
        return tuple(
            (dialect.name, self._moments(reader))
            for place, dialect in enumerate(self._routes.dialects)
            if (reader := self._readers.get(place)) is not None
        )

    def _read(self, rows: Iterable[Row], resources: Resources) -> None:
        """Gives each reader its part of some spans."""
        parts: dict[int, list[tuple[Row, Mapping[str, object]]]] = {}
        routes, bits = self._routes.of, self._bits
        resource, are_several = resources.main, resources.are_several
        of_resource = self._of_resource(resource)
        for row in rows:
            if row[KIND] in _SILENT:
                continue
            if are_several and (own := resources.of(row)) is not resource:
                resource, of_resource = own, self._of_resource(own)
            found = of_resource | routes(row)
            if not found:
                continue
            for place in bits.get(found) or self._places(found):
                if place in parts:
                    parts[place].append((row, resource))
                else:
                    parts[place] = [(row, resource)]
        for place, part in parts.items():
            reader = self._reader(place)
            if isinstance(reader, RowReader):
                self._count(faults_of(partial(reader.read_row, self._pause), part, _name(reader)))
            elif reader is not None:
                self._count(faults_of(reader.read, starmap(view, part), _name(reader)))

    def _of_resource(self, resource: Mapping[str, object]) -> Places:
        found = self._by_resource.get(id(resource))
        if found is None:
            found = self._by_resource[id(resource)] = self._routes.of_names(resource)
        return found

    def _places(self, several: Places) -> tuple[int, ...]:
        found = self._bits[several] = tuple(place for place in range(several.bit_length()) if several >> place & 1)
        return found

    def _reader(self, place: int) -> Reader | None:
        if place in self._readers:
            return self._readers[place]
        dialect, known = self._routes.dialects[place], self._routes.have_read
        if dialect in known:
            reader = _reader_of(dialect, self._warn)
        else:
            with importing():  # a dialect may import its reader when it makes the first one
                reader = _reader_of(dialect, self._warn)
            known.add(dialect)
        self._readers[place] = reader
        if reader is None:
            self._count_fault()
        return reader

    def _count(self, faults: int) -> None:
        for _ in range(faults):
            self._count_fault()

    def _moments(self, reader: Reader) -> tuple[Moment, ...]:
        found = _moments_of(reader, self._pause)
        if found is None:
            self._count_fault()
            return ()
        said, is_whole = found
        if not is_whole:
            self._count_fault()
        return tuple(said)


def _name(reader: Reader) -> str:
    return f"{type(reader).__qualname__}.read"


def _short_steps(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Divides rows into steps of at most 64, of fewer if they have many events."""
    for first in range(0, len(rows), STEP):
        yield from _halved(rows[first : first + STEP])


def _halved(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    if len(rows) == 1 or sum(map(len, rows)) <= STEP_VALUES:
        yield rows
        return
    half = len(rows) // 2
    yield from _halved(rows[:half])
    yield from _halved(rows[half:])


@guarded(None)
def _reader_of(dialect: Dialect, warn: Warn) -> Reader | None:
    found = dialect.reader(warn)
    return found if callable(getattr(found, "read", None)) else None


@guarded(None)
def _moments_of(reader: Reader, pause: Pause) -> tuple[list[Moment], bool]:
    """Returns what a reader says, and whether that is all that it returned: an own one may return anything."""
    said: list[Moment] = []
    returned = 0
    for step in steps(cast("Iterable[object]", reader.moments()), pause):
        returned += len(step)
        if _EXACT.issuperset(map(type, step)):
            said += cast("tuple[Moment, ...]", step)
        else:
            said += [one for one in step if isinstance(one, _MOMENTS)]
    return said, len(said) == returned
