"""What is kept of groups: the rows that were taken, packed into their logs, and the room that these take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.rows import NAME, SPAN, START, TRACE, Kind
from roark_otel._open.cutting import Cutter, plain
from roark_otel._open.log import append, batches
from roark_otel._open.rows_in import exact_of_row, row_of_exact
from roark_otel._open.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from roark_otel._model.rows import Row
    from roark_otel._open.group import Group
    from roark_otel._open.rows_in import Exact, RowsIn

MAX_CONTEXTS = 64
"""The most different `call_attributes` of one conversation that are kept; further ones would repeat them."""

_CONTEXT, _RESOURCE = int(Kind.CONTEXT), int(Kind.RESOURCE)


class Logs:
    """Keeps the rows of groups.

    Args:
        rows_in: Makes rows exact.
    """

    def __init__(self, rows_in: RowsIn) -> None:
        self._rows_in = rows_in
        self._shapes = Shapes()
        self._pending: dict[Group, list[Exact]] = {}
        self._bytes: int = 0
        self._candidate_bytes: int = 0

    def _pack(self) -> Iterator[tuple[Group, int]]:
        """Packs the rows that were taken since the last time. Yields each group, and how many could not be packed."""
        pending, self._pending = self._pending, {}
        for group, rows in pending.items():
            before = group.size
            failed = append(group.log, [self._cut(group, row) for row in rows])
            self._bytes += group.size - before
            self._candidate_bytes += 0 if group.is_known else group.size - before
            yield group, failed

    def _move(self, log: bytearray, into: Group, without: frozenset[int] = frozenset()) -> Iterator[None]:
        """Takes the rows of a log into a group, a batch at a time. They are cut again, against what the group has."""
        for batch in batches(log, self._shapes):
            kept = [exact_of_row(row) for row in batch if row[SPAN] not in without]
            self._pending.setdefault(into, []).extend(kept)
            yield

    def _cut(self, group: Group, row: Exact) -> Row:
        """Returns a row of which the attributes keep only what is new."""
        head, names, values, events = row
        cut = plain(self._shapes, names, values)
        if cut is None:
            if group.cutter is None:
                group.cutter = Cutter(self._shapes)
            cut = group.cutter.cut(head[NAME], names, values)
        return (*head, cut, *events)

    def _keep(
        self, group: Group, resource: Mapping[str, object], context: Mapping[str, object] | None, row: Exact
    ) -> None:
        if resource is not group.resource and resource:
            self._keep_resource(group, resource, row[0][TRACE])
        if context is not None:
            self._keep_context(group, context, row[0])
        self._pending.setdefault(group, []).append(row)

    def _keep_resource(self, group: Group, resource: Mapping[str, object], trace_id: int) -> None:
        group.resource = resource
        self._pending.setdefault(group, []).append(self._resource_row(resource, trace_id))

    def _resource_row(self, resource: Mapping[str, object], trace_id: int) -> Exact:
        head = (_RESOURCE, trace_id, 0, 0, "", "", 0, None, None, 0, None, False, 0)
        return self._rows_in.mapping(head, resource)

    def _keep_context(self, group: Group, context: Mapping[str, object], row: Row) -> None:
        digest = hash(repr(context))
        if digest in group.seen_contexts or len(group.seen_contexts) >= MAX_CONTEXTS:
            return
        group.seen_contexts += (digest,)
        self._pending.setdefault(group, []).append(self._context_row(context, row))

    def _context_row(self, context: Mapping[str, object], row: Row) -> Exact:
        head = (_CONTEXT, *row[TRACE:NAME], "call_attributes", row[START], row[START], None, 0, None, False, 0)
        return self._rows_in.mapping(head, context)

    def _rows(self, log: bytearray) -> Iterator[list[Row]]:
        """Yields the rows of a log, a batch at a time."""
        return batches(log, self._shapes)

    def open_rows(self, entries: Sequence[tuple[object, ...]], now_ns: int) -> list[Row]:
        """Returns the rows of open spans, made exact."""
        rows: list[Row] = []
        for entry in entries:
            exact = self._rows_in.exact(entry[3:], now_ns)
            rows.append(row_of_exact(self._resource_row(entry[1], exact[0][TRACE])))  # type: ignore[arg-type]
            if entry[2]:
                rows.append(row_of_exact(self._context_row(entry[2], exact[0])))  # type: ignore[arg-type]
            rows.append(row_of_exact(exact))
        return rows
