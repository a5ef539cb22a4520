"""JSON that is longer than is parsed in one call: what is kept of it, and what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._model.json_lists import (
    AT_ONCE,
    NOT_WHOLE,
    TOO_LONG,
    ItemTooLongError,
    decoded,
    item_at,
    listed,
    parsed_message,
)
from roark_otel._model.reading import MAX_JSON

HUGE = 1_000_000
FIRST, LAST = {"role": "user", "content": "first"}, {"role": "user", "content": "last"}
WIDE = {"role": "tool", "content": [7] * MAX_JSON}
PICTURE = "data:image/png;base64," + "iVBORw0K" * (HUGE // 8)

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inside: st.one_of(st.lists(inside, max_size=4), st.dictionaries(st.text(max_size=9), inside, max_size=4)),
    max_leaves=20,
)


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": "before"}, {"url": text}, {"text": "after"}], **more}


def test_what_is_short_is_as_it_is() -> None:
    assert decoded(json.dumps([FIRST, LAST])) == ([FIRST, LAST], "")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_item_that_is_too_long_is_left_out(at: int) -> None:
    several: list[object] = [FIRST, LAST]
    several.insert(at, WIDE)
    found = decoded(json.dumps(several))
    assert (found.items, found.flaw, found.is_whole) == ([FIRST, LAST], TOO_LONG, True)


def test_so_are_several() -> None:
    assert decoded(json.dumps([WIDE, FIRST, WIDE, WIDE, LAST, WIDE])) == ([FIRST, LAST], TOO_LONG)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_picture_costs_nothing_else(indent: int | None) -> None:
    found = decoded(json.dumps([FIRST, message(PICTURE), LAST], indent=indent))
    first, (before, picture, after), last = found.items[0], found.items[1]["content"], found.items[2]  # type: ignore[index]
    assert (first, before["text"], after["text"], last, found.flaw) == (FIRST, "before", "after", LAST, "")
    assert PICTURE.startswith(picture["url"].partition("… [cut, ")[0])
    assert picture["url"].endswith(f"… [cut, {len(PICTURE)} characters]")


@pytest.mark.parametrize("piece", ["word ", 'a "quote" ', "back\\slash\\\\", "é", "😀", "\n", "]}[{", "\x00"])
@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("shift", range(6))
def test_a_cut_divides_no_escape(piece: str, is_ascii: bool, shift: int) -> None:
    text = "x" * shift + piece * (MAX_JSON // len(piece) + 1)
    found: Any = parsed_message(json.dumps({"text": text, "more": 1}, ensure_ascii=is_ascii))
    kept = found["text"].partition("… [cut, ")[0]
    assert len(kept) > MAX_JSON // 13
    assert text.startswith(kept.encode("utf-16", "surrogatepass").decode("utf-16", "ignore"))
    assert found["more"] == 1


def test_long_texts_get_equal_shares() -> None:
    found: Any = parsed_message(json.dumps({"a": "a" * HUGE, "b": ["b" * HUGE, "c" * 20_000], "short": "s" * 5_000}))
    assert len(found["a"]) == len(found["b"][0]) > 60_000
    assert (found["b"][1], found["short"]) == ("c" * 20_000, "s" * 5_000)


def test_a_name_of_a_field_is_cut_too() -> None:
    found: Any = parsed_message(json.dumps({"k" * HUGE: 1, "role": "user"}))
    assert sorted(map(len, found))[0] == 4
    assert found["role"] == "user"


@pytest.mark.parametrize("length", [MAX_JSON - 1, MAX_JSON, MAX_JSON + 1, 4_095, 4_096, 4_097])
def test_lengths_at_the_limits(length: int) -> None:
    item = json.dumps("x" * (length - 2))
    found, end = item_at(f"[{item}, 1" + " " * MAX_JSON, 1)
    assert end == 1 + length
    assert (found == "x" * (length - 2)) is (length <= MAX_JSON)
    assert str(found).startswith("x" * 4_000)


@pytest.mark.parametrize("cut", [1, 2, 500_000, 900_000])
def test_of_a_list_that_was_cut_the_items_before_are_kept(cut: int) -> None:
    written = json.dumps([FIRST, message(PICTURE)])[:-cut]
    found = decoded(written)
    assert found.items[0] == FIRST
    assert found.flaw == NOT_WHOLE
    assert len(found.items) == (2 if cut == 1 else 1)


@pytest.mark.parametrize(
    "written",
    [
        *("", "1" * HUGE, '"' + "x" * HUGE, "{" * HUGE, "[" * HUGE, "[" * HUGE + "]" * HUGE, '{"a": "' + "\\" * HUGE),
        *('{"a": "\\uZZZZ' + "x" * HUGE + '"}', "x" * HUGE, "}" * HUGE, json.dumps({"a": "x" * HUGE}) + "?"),
    ],
    ids=range(11),
)
def test_what_is_not_json(written: str) -> None:
    with pytest.raises(ValueError, match=r"not JSON|longer than"):
        parsed_message(written)
    assert decoded(written).items in ([], [[]])


def test_an_item_says_where_it_ends_that_is_too_long() -> None:
    written = json.dumps([WIDE, LAST])
    with pytest.raises(ItemTooLongError) as raised:
        item_at(written, 1)
    assert written[raised.value.end :] == f", {json.dumps(LAST)}]"


@pytest.mark.parametrize("value", [None, 7, "", "null", "{}", '"text"', {}, b"[]"])
def test_what_is_no_list(value: object) -> None:
    assert listed(value) == ([], NOT_WHOLE)


@pytest.mark.parametrize("value", [[1, 2], (1, 2), "[1, 2]", " [1,\n2] "])
def test_what_is_a_list(value: object) -> None:
    assert listed(value) == ([1, 2], "")


@given(several=st.lists(JSON, max_size=6), is_ascii=st.booleans())
def test_item_by_item_is_as_at_once(several: list[object], is_ascii: bool) -> None:
    padded = [*several, "x" * AT_ONCE]
    assert decoded(json.dumps(padded, ensure_ascii=is_ascii)) == (padded, "")
    longer = [*several, "x" * (MAX_JSON - 8)]
    assert decoded(json.dumps(longer, ensure_ascii=is_ascii)) == (longer, "")
