"""What was cut is joined, also where only some rows are left, and readers learn how a text goes on."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from roark_otel._open.cutting import Cutter
from roark_otel._open.joining import Again, Continues, Fresh, Joiner
from roark_otel._open.shapes import Shapes
from support.histories import as_context, as_numbered, as_text, cut, dated, edited, history, message, unpacked


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


def growths(*texts: str) -> list[Any]:
    shapes = Shapes()
    cutter, joiner, found = Cutter(shapes), Joiner(shapes), []
    for text in texts:
        joiner.join(cutter.cut("llm", ("input", "more"), [text, 1]))
        found.append(joiner.growth("input"))
        assert joiner.growth("more") is joiner.growth("none") is None
    return found


def test_growth_says_which_text_goes_on() -> None:
    first, second, third = map(json.dumps, [*history(9)][4:7])
    other = json.dumps([message(99, "tool")] * 4)

    assert growths("short", first, second, second, other, third) == [
        None,
        Fresh(0),
        Continues(1, 0, ((0, 0, len(first) - 2),)),
        Again(1),
        Fresh(2),
        Continues(3, 1, ((0, 0, len(second) - 2),)),
    ]


@settings(max_examples=50, deadline=None)
@given(edited())
def test_growth_says_which_characters_were_there(texts: list[str]) -> None:
    seen: dict[int, str] = {}
    for text, growth in zip(texts, growths(*texts), strict=True):
        if isinstance(growth, Continues):
            base = seen[growth.base]
            assert text[: growth.kept] == base[: growth.kept]
            assert all(text[at : at + length] == base[source : source + length] for at, source, length in growth.copies)
        if growth is not None:
            assert seen.setdefault(growth.number, text) == text


def test_growth_of_a_window_shows_what_moved() -> None:
    *_, before, after = map(json.dumps, history(40, 20))
    growth = growths(before, after)[1]

    at, source, length = max(growth.copies, key=lambda copy: copy[2])
    assert growth.kept <= at < source
    assert after[at : at + length] == before[source:-1]


def test_a_text_that_begins_otherwise_keeps_nothing_at_its_beginning() -> None:
    before = json.dumps([*history(9)][-1])
    growth = growths(before, f"Now: {before}")[1]

    assert growth == Continues(1, 0, ((5, 0, len(before)),))
    assert growth.kept == 0
