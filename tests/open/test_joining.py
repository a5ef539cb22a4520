"""What was cut is joined, also where only some rows are left."""

from __future__ import annotations

from roark_otel._open.cutting import Cutter
from roark_otel._open.joining import Joiner
from roark_otel._open.shapes import Shapes
from support.histories import as_context, as_numbered, as_text, cut, dated, history, unpacked


def test_rows_that_are_left_can_be_cut_again() -> None:
    """Where a conversation's rows leave a log that others share, the rest refers to rows that are gone."""
    shapes = Shapes()
    spans = [form(one) for one in history(40, 20, dated) for form in (as_text, as_numbered, as_context)]
    joiner, again = Joiner(shapes), Cutter(shapes)
    left = []
    for number, (row, (kind, _)) in enumerate(zip(cut(spans, Cutter(shapes)), spans, strict=True)):
        named = joiner.join(unpacked(row))
        if number % 7 and number > 30:
            left += cut([(kind, named)], again)

    joiner = Joiner(shapes)
    kept = [named for number, (_, named) in enumerate(spans) if number % 7 and number > 30]
    assert [joiner.join(unpacked(row)) for row in left] == kept
