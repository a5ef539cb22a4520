"""Reads the spans of one conversation, each with the dialects that know its scope or its names.

A fault of a reader costs one span of its dialect; a fault in its `moments` costs what the dialect would have said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.moments import Fact, ToolUse, Utterance
from roark_otel._model.rows import ATTRIBUTES, EVENTS, KIND, NAME, SCOPE, Kind, Row
from roark_otel._model.steps import in_steps
from roark_otel._safety.guard import guarded, has_done
from roark_otel._safety.late_imports import importing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from roark_otel._assembly.rows import Span
    from roark_otel._model.dialect import Dialect, Reader, Warn
    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import SpanView
    from roark_otel._model.steps import Pause

MAX_SHAPES = 10_000
"""The most combinations of a scope and names that are remembered."""

_MOMENTS = (Utterance, ToolUse, Fact)

_NO_SCOPE = "\0"

_SILENT = frozenset({int(Kind.EDGE), int(Kind.LOST)})


class Routes:
    """Knows which dialects read a span. One for a whole process: most spans look like one that was seen before.

    Args:
        dialects: The dialects, the highest first.
    """

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self.dialects = tuple(dialects)
        self._own_scopes = frozenset(scope for one in dialects if not one.generic for scope in one.scopes)
        self._by_shape: dict[tuple[object, ...], tuple[int, ...]] = {}

    def of(self, span: Span) -> tuple[int, ...]:
        """Returns the places of the dialects that read a span."""
        row = span.row
        scope = row[SCOPE]
        name = row[NAME] if scope in self._own_scopes else ""
        names: tuple[object, ...] = tuple(row[ATTRIBUTES])
        if span.events is not None:
            names += tuple([event.name for event in span.events])
        elif len(row) > EVENTS:
            names += _event_names(row)
        shape = scope, name, names
        found = self._by_shape.get(shape)
        if found is None:
            found = self._routes(scope, name, names)
            if len(self._by_shape) < MAX_SHAPES and len(names) < 64:
                self._by_shape[shape] = found
        return found

    def of_names(self, names: Iterable[object]) -> tuple[int, ...]:
        """Returns the places of the dialects that read attributes of these names, of no span of a known scope."""
        return self._routes(_NO_SCOPE, "", names)

    def _routes(self, scope: str, name: str, names: Iterable[object]) -> tuple[int, ...]:
        texts = tuple(name for name in names if isinstance(name, str))
        return tuple(place for place, one in enumerate(self.dialects) if self._reads(one, scope, name, texts))

    def _reads(self, dialect: Dialect, scope: str, name: str, names: tuple[str, ...]) -> bool:
        if dialect.generic and scope in self._own_scopes:
            return False
        if scope in dialect.scopes and (not dialect.spans or name in dialect.spans):
            return True
        if not (dialect.scopes or dialect.prefixes or scope == _NO_SCOPE):
            return True
        return bool(dialect.prefixes) and any(name.startswith(dialect.prefixes) for name in names)


def _event_names(row: Row) -> tuple[object, ...]:
    names: list[object] = []
    at = EVENTS
    while at < len(row):
        names.append(row[at])
        at += 3 + 2 * row[at + 2]
    return tuple(names)


class Reading:
    """The readers of one conversation. Each is made when the first span for it comes.

    Args:
        routes: Which dialects read what.
        warn: Reports something on a span that a reader could not read.
        count_fault: Counts a reader that raised. The exception itself is logged, at most once per interval.
    """

    def __init__(self, routes: Routes, warn: Warn, count_fault: Callable[[], None]) -> None:
        self._routes = routes
        self._warn = warn
        self._count_fault = count_fault
        self._readers: dict[int, Reader | None] = {}
        self._by_resource: dict[int, tuple[int, ...]] = {}

    def read(
        self, spans: Iterable[Span], contexts: Iterable[SpanView], pause: Pause
    ) -> tuple[tuple[str, tuple[Moment, ...]], ...]:
        """Reads spans in this order. Returns what the dialects say, the highest first."""
        for view in contexts:
            self._give(view, self._routes.of_names(view.attributes))
        for span in in_steps(spans, pause):
            row = span.row
            if row[KIND] not in _SILENT:
                places = self._routes.of(span)
                if span.resource and (of_resource := self._of_resource(span.resource)):
                    places = tuple(sorted({*places, *of_resource}))
                if places:
                    self._give(span.view(), places)
        return tuple(
            (dialect.name, self._moments(reader, pause))
            for place, dialect in enumerate(self._routes.dialects)
            if (reader := self._readers.get(place)) is not None
        )

    def _of_resource(self, resource: Mapping[str, object]) -> tuple[int, ...]:
        found = self._by_resource.get(id(resource))
        if found is None:
            found = self._by_resource[id(resource)] = self._routes.of_names(resource)
        return found

    def _give(self, view: SpanView, places: tuple[int, ...]) -> None:
        for place in places:
            reader = self._readers.get(place, self)
            if reader is self:
                reader = self._make(place)
            if reader is not None and not has_done(reader.read, view):  # type: ignore[arg-type]
                self._count_fault()

    def _make(self, place: int) -> Reader | None:
        reader = self._readers[place] = _reader_of(self._routes.dialects[place], self._warn)
        if reader is None:
            self._count_fault()
        return reader

    def _moments(self, reader: Reader, pause: Pause) -> tuple[Moment, ...]:
        found = _moments_of(reader, pause)
        said = tuple([one for one in found or () if isinstance(one, _MOMENTS)])  # an own reader may return anything
        if found is None or len(said) < len(found):
            self._count_fault()
        return said


@guarded(None)
def _reader_of(dialect: Dialect, warn: Warn) -> Reader | None:
    with importing():  # a dialect may import its reader when it makes the first one
        found = dialect.reader(warn)
    return found if callable(getattr(found, "read", None)) else None


@guarded(None)
def _moments_of(reader: Reader, pause: Pause) -> tuple[object, ...]:
    return tuple(in_steps(reader.moments(), pause))
