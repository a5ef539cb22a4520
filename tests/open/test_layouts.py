"""Spans that look like earlier ones take a short way into the log, and come back as those that take the long one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from roark_otel._model.rows import Kind, SpanEvent, SpanView, as_captured, row_of, view
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open import layouts
from roark_otel._open.groups import Groups
from roark_otel._open.layouts import Layouts
from roark_otel._open.rows_in import RowsIn
from roark_otel._open.schedule import Waits
from roark_otel.dialects import DIALECTS
from support.conversations import GARBAGE, GARBAGE_ATTRIBUTES, GARBAGE_EVENTS, QUICK
from support.helpers import T0

if TYPE_CHECKING:
    from collections.abc import Iterable

VOCABULARY = Vocabulary(DIALECTS)
LONG = "A sentence that is long enough to be looked up among those that were said before. " * 2


def logged(spans: Iterable[SpanView], *, has_layouts: bool) -> tuple[list[str], int]:
    """Returns what comes back of spans of one group, and the bytes of its log."""
    rows_in = RowsIn(VOCABULARY)
    rows_in.layouts = Layouts(VOCABULARY, is_used=has_layouts)
    groups = Groups(VOCABULARY, rows_in, Waits())
    entries: list[Any] = [(1, {}, None, *as_captured(row_of(Kind.ENDED, span))) for span in spans]
    first = row_of(Kind.OPEN, SpanView(1, 1, None, "app", "call", T0, None, {}), own_id="call-1")
    groups.take_all([(1, {}, None, *as_captured(first)), *entries], 0.0, T0)
    rows = [repr(view(row, {})) for batch in groups.rows(1) for row in batch]
    return rows, len(groups.places.by_number[1].log)


TIMES: st.SearchStrategy[Any] = st.one_of(st.integers(T0, T0 + 1_000), GARBAGE)


@st.composite
def alike(draw: st.DrawFn) -> list[SpanView]:
    """Spans of few kinds, with names, values and times of any type."""
    kinds = draw(st.lists(st.tuples(GARBAGE_ATTRIBUTES, GARBAGE_EVENTS), min_size=1, max_size=3))
    names: list[Any] = ["llm", "stt", draw(GARBAGE)]
    spans: list[SpanView] = []
    for number in range(draw(st.integers(1, 12))):
        attributes, events = draw(st.sampled_from(kinds))
        changed = {name: draw(st.sampled_from([value, LONG, 7])) for name, value in attributes.items()}
        again = tuple(SpanEvent(name, at, named) for name, named, at in events)
        name, start, end = draw(st.sampled_from(names)), draw(TIMES), draw(TIMES)
        spans.append(SpanView(1, 10 + number, 1, "app", name, start, end, changed, again, error=draw(st.booleans())))
    return spans


@QUICK
@given(alike())
def test_both_ways_keep_the_same(spans: list[SpanView]) -> None:
    short, long = logged(spans, has_layouts=True), logged(spans, has_layouts=False)

    assert short[0] == long[0]


def said(number: int, **attributes: Any) -> SpanView:
    events = (
        SpanEvent("roark.transcript", T0 + number, {"role": "agent", "text": f"Words {number}."}),
        SpanEvent("app.log", T0 + number, {"message": "of no interest"}),
    )
    named = {"roark.property.tier": "gold", "app.attribute": number, **attributes}
    return SpanView(1, 10 + number, 1, "app", "turn", T0 + number, T0 + number + 5, named, events)


def test_names_are_in_the_log_once() -> None:
    """Of the rows that follow the first of a kind only ids, times and values are kept."""
    few, some, many = (logged(map(said, range(10, 10 + count)), has_layouts=True) for count in (3, 4, 5))

    assert many[1] - some[1] == some[1] - few[1] < 130
    assert logged(map(said, range(10, 15)), has_layouts=False)[1] > many[1] + 200


def test_what_is_remembered_is_bounded() -> None:
    """Names of spans that never come again fill no memory, and hide none that do."""
    found = Layouts(VOCABULARY)

    def find(span: SpanView) -> object:
        return found.find((1, {}, None, *as_captured(row_of(Kind.ENDED, span))))

    for number in range(2 * layouts.MAX_KEYS):
        assert find(said(1)._replace(name=f"GET /{number}")) is None
    assert len(found._by_key) <= layouts.MAX_KEYS
    assert not found._layouts

    for number in range(2 * layouts.MAX_LAYOUTS):
        for _ in range(2):
            find(said(1)._replace(name=f"kind {number}"))
    assert len(found._layouts) == layouts.MAX_LAYOUTS

    for number in range(2 * layouts.MAX_ALIKE):
        for _ in range(2):
            find(said(1, **{f"roark.property.{number}": 1}))
    assert max(map(len, found._by_key.values())) <= layouts.MAX_ALIKE


def test_a_layout_is_found_again_after_its_name_was_forgotten() -> None:
    found = Layouts(VOCABULARY)
    entry: Any = (1, {}, None, *as_captured(row_of(Kind.ENDED, said(1))))
    found.find(entry)
    layout = found.find(entry)
    assert layout is not None

    found._by_key.clear()
    assert found.find(entry) is None
    assert found.find(entry) is layout
