"""Attributes are cut down to what is new in them and come back exactly, whatever they are and in whatever order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roark_otel._open import cutting
from roark_otel._open.pieces import grown, join_text, overlapping
from roark_otel._open.runs import cut_items, fresh_places, join_items
from roark_otel._open.shapes import LARGEST_SHAPE, MAX_SHAPES
from support.histories import TEXTS, edited, history, through

if TYPE_CHECKING:
    from support.histories import Span

ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=100) | TEXTS
VALUES = ATOMS | st.lists(ATOMS, max_size=3).map(tuple) | st.dictionaries(TEXTS, ATOMS, max_size=2)
NAMES = st.sampled_from(["input", "gen_ai.input.messages", "a.0", "a.1", "a.01", "a.9.b", "a.10.b"]) | st.text(
    max_size=9
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.dictionaries(NAMES, VALUES, max_size=24)), max_size=8))
def test_any_attributes_come_back(spans: list[Span]) -> None:
    through(spans)


@settings(max_examples=80, deadline=None)
@given(edited())
def test_edited_texts_come_back(texts: list[str]) -> None:
    through([("llm", {"input": text}) for text in texts])
    for base in texts:
        for text in texts:
            for pieces in (grown(base, text), overlapping(base, text)):
                assert pieces is None or join_text(base, pieces) == text


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_numbered_attributes_come_back(data: st.DataObject) -> None:
    words = st.sampled_from(
        ["user", "assistant", "yes", "", 1, True, 1.0, None, "x" * 70, "y" * 600, "a longer answer"]
    )
    spans = []
    for _ in range(data.draw(st.integers(1, 6))):
        first = data.draw(st.integers(0, 4))
        numbers = range(first, first + data.draw(st.integers(0, 14)))
        named = {f"m.{number}.{part}": data.draw(words) for number in numbers for part in ("role", "content")}
        spans.append((data.draw(st.sampled_from("abcdef")), {"model": "x", **named, "tokens": data.draw(words)}))
    through(spans)


@settings(max_examples=80, deadline=None)
@given(*[st.lists(st.sampled_from([None, "", "user", "a longer text of its own", "another text of its own"]))] * 2)
def test_rows_come_back(base: list[str | None], row: list[str | None]) -> None:
    runs, fresh = cut_items(base, row)

    assert join_items(base, runs, [row[place] for place in fresh]) == row
    assert fresh_places(runs) == fresh


def test_equal_values_of_other_types_come_back() -> None:
    named = {f"a.{number}": value for number, value in enumerate([1, True, 1.0, 0.0, -0.0, float("nan"), (1,)] * 4)}

    through([("a", named), ("a", dict(zip(named, reversed(named.values()), strict=True))), ("a", named)])


@pytest.mark.parametrize("mark", ["é", "是", "😀", "\ud83d", "\x00"])
def test_histories_in_any_script_cost_what_is_new(mark: str) -> None:
    """The interpreter stores a text as wide as its widest character, so one emoji changes the form of all of it."""
    histories = [text + mark if number % 3 == 0 else text for number, text in enumerate(map(json.dumps, history(100)))]

    assert max(through([("llm", {"input": text}) for text in histories])[20:]) < 700


def test_more_texts_and_kinds_than_are_kept() -> None:
    kinds = range(3 * cutting.MAX_KINDS)
    numbered = {f"m.{number}.content": f"{number} a longer answer " * 40 for number in range(20)}
    through([(f"kind {kind}", {**numbered, "input": f"{kind} " * 300}) for kind in [*kinds, *kinds]])
    through([("llm", {"input": f"{number} {'x' * 80}"}) for number in [*range(400), *range(400)]])


def test_shapes_that_are_not_remembered_come_back() -> None:
    many = {f"attribute {number}x": number for number in range(LARGEST_SHAPE + 1)}
    through([("a", many), ("a", {**many, "b": "x" * 99})])
    assert through([("a", {f"attribute {number}x": 1}) for number in range(MAX_SHAPES + 10)])[-1] > 20
