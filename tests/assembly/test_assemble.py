"""What is true of `assemble`, whatever the rows: it is a function of their set, and garbage costs only itself."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel import attributes
from roark_otel._assembly.assemble import assemble
from roark_otel._assembly.outcomes import Open
from roark_otel._assembly.readers import Reading
from roark_otel._assembly.routes import Routes
from roark_otel._assembly.rows import Resources
from roark_otel._model.call import Call, UnrecordedCall
from roark_otel._model.rows import Kind, Row, SpanEvent, SpanView, as_captured, row_of
from roark_otel._open.rows_in import row_of_exact
from roark_otel.dialects.roark import ROARK
from support.conversations import (
    EXACT,
    GARBAGE,
    GARBAGE_ATTRIBUTES,
    GARBAGE_EVENTS,
    QUICK,
    RULES,
    THOROUGH,
    Spans,
    bodies,
    conversations,
    row,
    rules,
)
from support.helpers import ID, MS, SECOND, T0

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel.types import Moment, Reader, Warn

# What decides whose a span is, when the call began, or whether it is sent: more rows with it may change what was there.
DECIDES = {ID, attributes.CONVERSATION_ROOT, attributes.SKIP, "roark.started_at"}


def rows_of(spans: Iterable[SpanView]) -> list[Row]:
    return [row(one) for one in spans]


def check_order(spans: Spans) -> None:
    assert bodies(rows_of(spans.ends)) == bodies(rows_of(spans.shuffled))


@given(conversations())
@QUICK
def test_order_of_rows_does_not_matter(spans: Spans) -> None:
    """The same rows in any order give the same calls, byte by byte."""
    check_order(spans)


@pytest.mark.long
@given(conversations())
@THOROUGH
def test_order_of_rows_does_not_matter_at_length(spans: Spans) -> None:
    """The same, for longer."""
    check_order(spans)


@given(conversations(), st.data())
@QUICK
def test_rows_twice(spans: Spans, data: st.DataObject) -> None:
    """A row that comes twice counts once, wherever it comes again."""
    rows = rows_of(spans.ends)
    twice = data.draw(st.permutations(rows + rows))
    assert bodies(rows) == bodies(twice)


@given(conversations(), st.lists(st.integers(0, 6), max_size=4))
@QUICK
def test_batches_may_be_cut_anywhere(spans: Spans, cuts: list[int]) -> None:
    """Where a batch ends does not matter, and neither does an empty one; a batch may be read once only."""
    rows = rows_of(spans.ends)
    ends = [0, *sorted(cuts), len(rows)]
    batches = [iter(rows[first:after]) for first, after in pairwise(ends)]
    assert bodies(rows) == bodies(*batches)


@given(conversations(), st.integers(0, 6))
@QUICK
def test_a_resource_holds_for_the_rows_that_follow(spans: Spans, cut: int) -> None:
    """It may come again, as where two logs become one."""
    rows = rows_of(spans.ends)
    head = (int(Kind.RESOURCE), 1, 0, 0, "", "", 0, None, None, 0, None, False, 0)
    resource = row_of_exact(EXACT.mapping(head, {"service.name": "first", "roark.property.tier": "gold"}))
    assert bodies([resource, *rows]) == bodies([resource, *rows[:cut]], [resource, *rows[cut:]])


@given(conversations(), st.data())
@QUICK
def test_a_row_of_an_open_span_beside_that_of_its_end(spans: Spans, data: st.DataObject) -> None:
    """What was seen of a span while it was open changes nothing when its end is known."""
    rows = rows_of(spans.ends)
    early = [
        row(one._replace(end_ns=None, events=one.events[:1]), Kind.OPEN)
        for one in data.draw(st.lists(st.sampled_from(spans.ends), max_size=3))
    ]
    assert bodies(rows) == bodies(data.draw(st.permutations(rows + early)))


@given(conversations(), st.data())
@QUICK
def test_an_edge_or_a_note_of_a_loss_beside_a_row(spans: Spans, data: st.DataObject) -> None:
    """A row that says less of a span than another one changes nothing."""
    rows = rows_of(spans.ends)
    less = [
        row_of(kind, one._replace(attributes={}, events=()))
        for one, kind in data.draw(
            st.lists(st.tuples(st.sampled_from(spans.ends), st.sampled_from([Kind.EDGE, Kind.LOST])), max_size=3)
        )
    ]
    assert bodies(rows) == bodies(data.draw(st.permutations(rows + less)))


@given(conversations(), st.data())
@QUICK
def test_events_may_be_read_early(spans: Spans, data: st.DataObject) -> None:
    """Events of an open span that were read before the SDK dropped them are joined to the rest, overlaps and all."""
    cut: list[Row] = []
    for one in spans.ends:
        seen = data.draw(st.integers(0, len(one.events)))
        dropped = data.draw(st.integers(0, seen))
        early = one._replace(end_ns=None, attributes={}, events=one.events[:seen])
        cut.append(row_of(Kind.EVENTS, early))
        cut.append(row(one._replace(events=one.events[dropped:], dropped_events=dropped)))
    assert bodies(rows_of(spans.ends)) == bodies(data.draw(st.permutations(cut)))


def said(body: bytes) -> tuple[Counter[object], Counter[object]]:
    """Returns what was said in a call, and the tools that were used."""
    call = json.loads(body)
    turns: Counter[object] = Counter((one["role"], one["text"]) for one in call.get("transcript", []))
    return turns, Counter(one["name"] for one in call.get("toolInvocations", []))


UNKNOWN = "unknown"
"""The name of a tool of which only a result is there."""


@given(conversations(), st.data())
@QUICK
def test_more_rows_take_nothing_away(spans: Spans, data: st.DataObject) -> None:
    """What fewer rows said is still said with more of them, unless those decide whose a span is, or correct a fact."""
    further = [one.span_id for one in spans.ends if DECIDES.isdisjoint(one.attributes)]
    left_out = data.draw(st.sets(st.sampled_from(further))) if further else set[int]()
    fewer = bodies(rows_of(one for one in spans.ends if one.span_id not in left_out))
    more = bodies(rows_of(spans.ends))
    assert len(fewer) <= 1
    for body in fewer:
        (whole,) = more
        assert said(body)[0] <= said(whole)[0]
        # By number: a result alone has no name, and two calls of one id that differ in their names are one.
        used = said(body)[1]
        if used[UNKNOWN] > 1:  # results alone of one id, which are of one use when it is there
            del used[UNKNOWN]
        assert used.total() <= said(whole)[1].total()


def _no_clock(*_: object) -> float:
    raise AssertionError("a clock was asked")


@pytest.mark.parametrize("count", [2_000, 5_000])
def test_long_conversations_are_in_order_whatever_the_order_of_their_rows(count: int) -> None:
    """They are sorted in parts. Some spans start at once, and then their ids decide."""
    root = SpanView(1, 1, None, "app", "call", T0, T0 + count * MS, {ID: "call-1"})
    spans = [
        SpanView(1, 2 + at, 1, "app", "turn", T0 + at // 3 * MS, T0 + count * MS, {}, (_words(at),))
        for at in range(count)
    ]
    rows = rows_of([*spans[1::2], *reversed(spans[::2]), root])
    (body,) = bodies(rows)
    assert [one["text"] for one in json.loads(body)["transcript"]] == [f"{at:05}" for at in range(count)]
    assert bodies([rows[at] for at in sorted(range(len(rows)), key=lambda at: at * 7_919 % 10_007)]) == [body]


def _words(at: int) -> SpanEvent:
    return SpanEvent("roark.transcript", T0 + at // 3 * MS, {"role": "agent", "text": f"{at:05}"})


@pytest.mark.parametrize(("spans", "events"), [(1, 4_000), (40, 100), (4_000, 1)])
def test_others_run_while_a_long_conversation_is_read(spans: int, events: int) -> None:
    """However its words are divided among its spans, few are read between two pauses."""
    said = tuple(SpanEvent("roark.transcript", T0, {"role": "agent", "text": "Hello."}) for _ in range(events))
    readers: list[Reader] = []
    read: list[int] = [0]

    def noted(warn: Warn) -> Reader:
        readers.append(ROARK.reader(warn))
        return readers[-1]

    def pause() -> None:
        read.append(len(list(readers[0].moments())))

    reading = Reading(Routes((replace(ROARK, reader=noted),)), lambda _: None, lambda: None, pause)
    rows = rows_of(SpanView(1, 1 + at, None, "app", "t", T0, T0 + MS, {}, said) for at in range(spans))
    ((_, moments),) = reading.read(rows, Resources(), ())
    assert len(moments) == spans * events
    assert max(after - before for before, after in pairwise(read)) <= 160


@given(conversations())
@QUICK
def test_no_clock_is_asked(spans: Spans) -> None:
    """Today and tomorrow the same rows give the same calls."""
    rows = rows_of(spans.ends)
    bodies(rows)  # imports what is imported late
    with pytest.MonkeyPatch.context() as clocks:
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "gmtime"):
            clocks.setattr(time, name, _no_clock)
        bodies(rows)


def test_late_id_above_a_span_that_has_ended() -> None:
    """The topmost span is the root also where its id came after the end of one below, which began at the same time."""
    called = SpanEvent("roark.tool_call", T0, {"name": "lookup"})
    below = SpanView(1, 98, 100, "app", "span", T0, T0, {ID: "call-1", "roark.agent.name": "Ada"})
    top = SpanView(1, 100, None, "app", "span", T0, T0 + MS, {ID: "call-1"}, (called,))
    other = SpanView(1, 101, 100, "app", "span", T0, T0, {"roark.agent.name": "Eve"})
    assert bodies(rows_of([top, below, other])) == bodies(rows_of([below, other, top])) != []


@given(conversations(st.integers(-(10**19), 10**19)))
@QUICK
def test_offsets_are_in_order(spans: Spans) -> None:
    """Offsets are at least 0 and sorted by start, and nothing ends before it starts, whatever the spans' times."""
    for body in bodies(rows_of(spans.shuffled)):
        call = json.loads(body)
        for timed in (call.get("transcript", []), call.get("toolInvocations", [])):
            starts = [one["startOffsetMs"] for one in timed]
            assert all(start >= 0 for start in starts)
            assert all(one <= other for one, other in pairwise(starts))
            assert all(one.get("endOffsetMs", one["startOffsetMs"]) >= one["startOffsetMs"] for one in timed)


@given(conversations())
@QUICK
def test_body_is_read_as_it_was_written(spans: Spans) -> None:
    """A body that becomes a model and a body again loses and changes nothing."""
    for body in bodies(rows_of(spans.ends)):
        model = Call if b'"recordingUrl"' in body else UnrecordedCall
        assert model.model_validate_json(body).to_json() == body


@given(conversations())
@QUICK
def test_a_conversation_that_goes_on_makes_no_call(spans: Spans) -> None:
    """As long as no root has ended it is open, and closing it makes the call of what there is."""
    rows = [row(one._replace(end_ns=None), Kind.OPEN) for one in spans.ends]
    assert all(isinstance(one, Open) for one in assemble([rows], RULES))
    assert bodies(rows, closing=False) == []


def _garbage_row(fields: dict[str, Any], events: list[Any], head: dict[str, Any], own_id: object) -> Row:
    found = tuple(SpanEvent(name, at, values) for name, values, at in events)
    view = SpanView(1, 3, 2, "app", "bad", T0 + MS, T0 + 2 * MS, fields, found)._replace(**head)
    return row_of_exact(EXACT.exact(as_captured(row_of(Kind.ENDED, view, own_id=own_id)), T0))


GARBAGE_HEADS: Any = st.fixed_dictionaries({}, optional=dict.fromkeys(["name", "scope", "start_ns", "end_ns"], GARBAGE))


@given(GARBAGE_ATTRIBUTES, GARBAGE_EVENTS, GARBAGE_HEADS, st.one_of(st.none(), GARBAGE), st.data())
@QUICK
def test_whatever_a_row_holds_the_others_are_read(
    fields: dict[str, Any], events: list[Any], head: dict[str, Any], own_id: object, data: st.DataObject
) -> None:
    """A row of garbage costs itself. Its id may be one by chance, but then the rest has another."""
    words = SpanEvent("roark.transcript", T0 + MS, {"role": "agent", "text": "A good word."})
    root = SpanView(1, 1, None, "app", "call", T0, T0 + SECOND, {ID: "call-1"}, (words,))
    rows = [
        row(root),
        row(root._replace(span_id=2, parent_id=1, attributes={})),
        _garbage_row(fields, events, head, own_id),
    ]
    found = [json.loads(body) for body in bodies(data.draw(st.permutations(rows)))]
    (call,) = [one for one in found if one["externalId"] == "call-1"]
    assert [one["text"] for one in call["transcript"]].count("A good word.") == 2


class _Fails:
    """A reader that cannot read spans with the attribute `app.bad`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def read(self, span: SpanView) -> None:
        if "roark.bad" in span.attributes:
            raise RuntimeError
        self._reader.read(span)

    def moments(self) -> Iterable[Moment]:
        return self._reader.moments()


def _failing(warn: Warn) -> Reader:
    return _Fails(ROARK.reader(warn))


def _is_of_roark(span: SpanView) -> bool:
    names = [*span.attributes, *(event.name for event in span.events)]
    return any(str(name).startswith(attributes.PREFIX) for name in names)


@pytest.mark.faults
@given(conversations(), st.sets(st.integers(0, 5)))
@QUICK
def test_a_fault_of_a_reader_costs_its_row(spans: Spans, bad: set[int]) -> None:
    """The rest is as if what is on that row were not there; the fault is counted."""
    faults: list[None] = []
    failing = rules((replace(ROARK, reader=_failing),), faults)
    with_bad = [
        one._replace(attributes={**one.attributes, "roark.bad": True}) if number in bad else one
        for number, one in enumerate(spans.ends)
    ]
    silent = [
        one._replace(attributes={key: one.attributes[key] for key in DECIDES if key in one.attributes}, events=())
        if number in bad
        else one
        for number, one in enumerate(spans.ends)
    ]
    assert [said(one) for one in bodies(rows_of(with_bad), by=failing)] == [
        said(one) for one in bodies(rows_of(silent), by=rules((ROARK,)))
    ]
    assert len(faults) == sum(1 for number, one in enumerate(spans.ends) if number in bad)
