"""Logs: rows packed as bytes, batch by batch, and taken out again."""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel._model.rows import ATTRIBUTES, EVENTS
from roark_otel._open.joining import Joiner
from roark_otel._open.layouts import VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roark_otel._model.rows import Row
    from roark_otel._open.layouts import Layouts
    from roark_otel._open.shapes import Shapes

_SIZE: Final = 4
"""The bytes of a batch's length."""


def append(log: bytearray, rows: Sequence[Row]) -> int:
    """Appends rows, as `layouts` describes them, to a log. Returns how many of them could not be packed."""
    try:
        packed = marshal.dumps(cast("Any", rows))
    except ValueError:
        if len(rows) == 1:
            return 1
        return sum(append(log, [row]) for row in rows)
    log += len(packed).to_bytes(_SIZE, "little")
    log += packed
    return 0


def batches(log: bytes | bytearray, shapes: Shapes, layouts: Layouts) -> Iterator[list[Row]]:
    """Yields the rows of a log, a batch at a time."""
    joiner, layout_of = Joiner(shapes), layouts.numbered
    at = 0
    while at < len(log):
        size = int.from_bytes(log[at : at + _SIZE], "little")
        at += _SIZE + size
        rows = marshal.loads(log[at - size : at])  # noqa: S302 - our own bytes, which never left this process
        yield [
            layout_of(head).row(row) if type(head := row[0]) is int else _marked(row, joiner, layouts) for row in rows
        ]


def _marked(packed: Row, joiner: Joiner, layouts: Layouts) -> Row:
    """Returns a row that has no layout, or of which some values were cut."""
    head: tuple[int, ...] | None = packed[0]
    if head is None:
        row = packed[1:]
        return (*row[:ATTRIBUTES], joiner.join_later(row[ATTRIBUTES]), *row[EVENTS:])
    layout = layouts.numbered(head[0])
    return layout.row_with(packed, joiner.join_values(layout.names, packed[VALUES : layout.values_until], head[1:]))
