"""What an open call keeps grows with what is new in it, however long it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roark_otel._model.rows import SpanView
from roark_otel._open import cutting, kept_texts
from roark_otel._open.heads import grown_from_end, head_and_end, is_same
from roark_otel._open.pieces import END, join_text
from roark_otel._open.shapes import Shapes
from support.histories import as_128, as_context, as_numbered, as_text, dated, edited, history, through
from support.kept import an_open_call, take_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.histories import Span


def as_input(messages: list[dict[str, str]]) -> Span:
    return "chat", {"gen_ai.input.messages": as_text(messages)[1]["input"]}


FORMS = {"gen_ai": as_input, "livekit": as_context, "pipecat": as_text, "openinference": as_128}


def spans(form: Callable[[list[dict[str, str]]], Span], turns: int, window: int) -> Iterator[SpanView]:
    for number, messages in enumerate(history(turns, window)):
        name, named = form(messages)
        yield SpanView(1, 2**40 + number, None, "pipecat", name, number, number, named)


@pytest.mark.parametrize("window", [1_000_000, 20])
@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_the_log_grows_with_what_is_new(form: Callable[[list[dict[str, str]]], Span], window: int) -> None:
    few, some, many = (take_in(an_open_call(), spans(form, turns, window)) for turns in (20, 200, 1_000))

    assert (many - some) / 800 <= 1.1 * (some - few) / 180
    assert (many - some) / 800 <= 650  # two messages of about 100 characters each, and a span


def test_of_a_long_history_only_the_end_is_kept_where_there_is_no_room() -> None:
    cutter = cutting.Cutter(Shapes(spare_bytes=100_000))
    for messages in history(1_000):
        name, named = as_text(messages)
        cutter.cut(name, tuple(named), list(named.values()))

    assert cutter.texts_size < 2 * END + 16 * cutting.MAX_DIGESTS


def test_long_histories_share_the_room_and_give_it_back() -> None:
    """However many conversations there are, so much is kept of their long texts, and of one that is over nothing."""
    shapes = Shapes(spare_bytes=200_000)
    cutters = [cutting.Cutter(shapes) for _ in range(10)]
    for messages in history(400):
        name, named = as_text(messages)
        for cutter in cutters:
            cutter.cut(name, tuple(named), list(named.values()))
        assert 0 <= shapes.spare_bytes <= 200_000
    sizes = [cutter.texts_size for cutter in cutters]
    assert sum(size > kept_texts.KEPT_WHOLE for size in sizes) in {1, 2}

    for cutter in cutters:
        cutter.forget_texts()
    assert shapes.spare_bytes == 200_000
    assert sum(cutter.texts_size for cutter in cutters) == 0


@pytest.mark.parametrize("form", [as_text, as_numbered])
def test_a_long_history_that_does_not_only_grow_is_cut_as_well(
    form: Callable[[list[dict[str, str]]], Span],
) -> None:
    sizes = through(map(form, [*history(300), *history(300, 200), *history(300, first=dated)]))

    assert sum(size > 2_000 for size in sizes) < 10


@settings(max_examples=80, deadline=None)
@given(edited())
def test_edited_texts_come_back_of_which_the_end_is_kept(texts: list[str]) -> None:
    before = kept_texts.KEPT_WHOLE
    kept_texts.KEPT_WHOLE = 600
    try:
        for spare_bytes in (0, 4_000, 10**9):
            through([("llm", {"input": text}) for text in texts], Shapes(spare_bytes))
    finally:
        kept_texts.KEPT_WHOLE = before


@settings(max_examples=80, deadline=None)
@given(edited(), st.text(max_size=3))
def test_a_head_stands_for_one_text(texts: list[str], more: str) -> None:
    for base in texts:
        if len(base) < cutting.CUTTABLE:
            continue
        head, end = head_and_end(base)
        for text in [*texts, base + more, base[:-2] + more, base[1:]]:
            assert is_same(head, end, text) == (text == base)
            longer = grown_from_end(head, end, text)
            assert (longer is not None) == (len(text) >= len(base) and text.startswith(base[:-2]))
            if longer is not None:
                pieces, its_head = longer
                assert join_text(base, pieces) == text
                assert its_head == head_and_end(text)[0]
