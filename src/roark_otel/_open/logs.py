"""What is kept of groups: the rows that were taken, packed into their logs, and the room that these take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from roark_otel._model import times
from roark_otel._model.rows import (
    DROPPED,
    KIND,
    NAME,
    OWN_ID,
    SPAN,
    START,
    STRENGTH,
    TRACE,
    Kind,
    as_captured,
    events_of,
)
from roark_otel._open.cutting import REPEATABLE, long_texts, plain
from roark_otel._open.layouts import VALUES
from roark_otel._open.log import append, batches
from roark_otel._open.rows_in import ATOMS, exact_of_row, exact_value, row_of_exact
from roark_otel._open.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from roark_otel._model.rows import Row
    from roark_otel._open.group import Group
    from roark_otel._open.layouts import Layout
    from roark_otel._open.rows_in import Exact, RowsIn

MAX_CONTEXTS: Final = 64
"""The most different `call_attributes` of one conversation that are kept; further ones would repeat them."""

_CONTEXT, _RESOURCE = int(Kind.CONTEXT), int(Kind.RESOURCE)
_ENDED, _LOST, _EVENTS = int(Kind.ENDED), int(Kind.LOST), int(Kind.EVENTS)
_MIN_NS, _MAX_NS = times.EARLIEST_NS, times.MAX_NS
_START, _END = 4, 5  # of a row in a log
_HEADS: Final = frozenset({(*(int,) * 6, str), (*(int,) * 6, type(None))})
"""The types before the values of a row that has a layout: its number, ids and times, and its own id."""


class Logs:
    """Keeps the rows of groups.

    Args:
        rows_in: Makes rows exact.
    """

    def __init__(self, rows_in: RowsIn) -> None:
        self._rows_in = rows_in
        self._layouts = rows_in.layouts
        self._shapes = Shapes()
        self._pending: dict[Group, list[Row]] = {}
        self._resource: tuple[Mapping[str, object], Exact] = ({}, ((), (), (), ()))  # the last one, made exact
        self._bytes: int = 0
        self._candidate_bytes: int = 0

    def _pack(self) -> Iterator[tuple[Group, int]]:
        """Packs the rows that were taken since the last time. Yields each group, and how many could not be packed."""
        pending, self._pending = self._pending, {}
        for group, rows in pending.items():
            yield group, self._append(group, rows)

    def _append(self, group: Group, rows: list[Row]) -> int:
        """Appends rows to the log of a group. Returns how many could not be packed."""
        failed = append(group.log, rows)
        self._count(group, group.size)
        return failed

    def _count(self, group: Group, size: int) -> None:
        """Counts the bytes of a group that are kept now."""
        more = size - group.counted
        group.counted = size
        self._bytes += more
        self._candidate_bytes += 0 if group.is_known else more

    def _drop_bodies(self, group: Group) -> tuple[int, int]:
        """Keeps only the ids and times of spans in a log. Returns how many lost what they say, and their events."""
        log, group.log = group.log, bytearray()
        group.forget_texts()
        spans = events = 0
        for batch in batches(log, self._shapes, self._layouts):
            kept: list[Row] = []
            for row in batch:
                if row[KIND] == _ENDED and row[OWN_ID] is None and row[STRENGTH] is None:
                    dropped = row[DROPPED] + len(events_of(row))
                    spans, events = spans + 1, events + dropped
                    kept.append(self._cut(group, ((_LOST, *row[TRACE:DROPPED], dropped), (), (), ())))
                elif row[KIND] != _EVENTS:  # the SDK has counted those that came before it dropped them
                    kept.append(self._row_again(group, row))
            append(group.log, kept)
        group.bare_size = group.size
        self._count(group, group.size)
        return spans, events

    def _move(self, log: bytearray, into: Group, without: frozenset[int] = frozenset()) -> None:
        """Moves the rows of a log to a group, a batch at a time. They are cut again, against what the group has."""
        for batch in batches(log, self._shapes, self._layouts):
            rows = [self._row_again(into, row) for row in batch if row[SPAN] not in without]
            if rows:
                self._append(into, rows)

    def _row_again(self, group: Group, row: Row) -> Row:
        entry = (0, None, None, *as_captured(row))
        layout = self._layouts.find(entry)
        again = None if layout is None else self._laid_out(group, layout, entry)
        return self._cut(group, exact_of_row(row)) if again is None else again

    # A row as it is in a log

    def _laid_out(self, group: Group, layout: Layout, entry: Row) -> Row | None:
        """Returns what is kept of a row that has a layout; None if its ids or times cannot be."""
        row: Row = tuple(layout.packed(entry))
        types = tuple(map(type, row))
        if types[:VALUES] not in _HEADS or not _MIN_NS <= row[_START] <= _MAX_NS or not _MIN_NS <= row[_END] <= _MAX_NS:
            return None
        if not ATOMS.issuperset(types):
            row = (*row[:VALUES], *map(exact_value, row[VALUES:]))
        if layout.names:
            for value in row[VALUES : layout.values_until]:
                if type(value) is str and len(value) >= REPEATABLE:
                    return self._cut_values(group, layout, row)
        return row

    def _cut_values(self, group: Group, layout: Layout, row: Row) -> Row:
        """Returns a row of which the attributes keep only what is new."""
        until = layout.values_until
        values = row[VALUES:until]
        marks = long_texts(values)
        cut = group.cut_texts(layout.name, layout.names, values, marks)
        return ((layout.number, *marks), *row[1:VALUES], *cut, *row[until:])

    def _cut(self, group: Group, row: Exact) -> Row:
        """Returns a row of no layout, of which the attributes keep only what is new."""
        head, names, values, events = row
        cut = plain(self._shapes, names, values)
        if cut is None:
            cut = group.cut(head[NAME], names, values)
        return (None, *head, cut, *events)

    # What is kept

    def _add(self, group: Group, row: Row) -> None:
        """Adds a row to those that are packed next."""
        self._pending.setdefault(group, []).append(row)

    def _keep(
        self, group: Group, resource: Mapping[str, object], context: Mapping[str, object] | None, row: Exact
    ) -> None:
        if resource is not group.resource and resource:
            self._keep_resource(group, resource, row[0][TRACE])
        if context is not None:
            self._keep_context(group, context, row[0])
        self._add(group, self._cut(group, row))

    def _keep_resource(self, group: Group, resource: Mapping[str, object], trace_id: int) -> None:
        group.resource = resource
        self._add(group, self._cut(group, self._resource_row(resource, trace_id)))

    def _resource_row(self, resource: Mapping[str, object], trace_id: int) -> Exact:
        known, exact = self._resource
        if resource is not known:
            exact = self._rows_in.mapping((), resource)
            self._resource = resource, exact
        _, names, values, _ = exact
        return (_RESOURCE, trace_id, 0, 0, "", "", 0, None, None, 0, None, False, 0), names, values, ()

    def _keep_context(self, group: Group, context: Mapping[str, object], row: Row) -> None:
        digest = hash(repr(context))
        if digest in group.seen_contexts or len(group.seen_contexts) >= MAX_CONTEXTS:
            return
        group.seen_contexts += (digest,)
        self._add(group, self._cut(group, self._context_row(context, row)))

    def _context_row(self, context: Mapping[str, object], row: Row) -> Exact:
        head = (_CONTEXT, *row[TRACE:NAME], "call_attributes", row[START], row[START], None, 0, None, False, 0)
        return self._rows_in.mapping(head, context)

    # What is read

    def _rows(self, log: bytes | bytearray) -> Iterator[list[Row]]:
        """Yields the rows of a log, a batch at a time."""
        return batches(log, self._shapes, self._layouts)

    def open_rows(self, entries: Sequence[tuple[Any, ...]], now_ns: int) -> list[Row]:
        """Returns the rows of open spans, made exact."""
        rows: list[Row] = []
        for entry in entries:
            exact = self._rows_in.exact(entry[3:], now_ns)
            rows.append(row_of_exact(self._resource_row(entry[1], exact[0][TRACE])))
            if entry[2]:
                rows.append(row_of_exact(self._context_row(entry[2], exact[0])))
            rows.append(row_of_exact(exact))
        return rows
