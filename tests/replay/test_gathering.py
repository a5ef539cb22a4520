"""Spans become traces, in the order in which an app would have started and ended them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._model.rows import SpanGone, SpanStart, SpanView
from roark_otel._model.vocabulary import OpenSpans, Vocabulary
from roark_otel._replay import gathering
from roark_otel._replay.gathering import Gathered, Gathering, RecordedSpan, entries, shows_id
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterable

VOCABULARY = Vocabulary(DIALECTS, (), OpenSpans(lambda _: {}, lambda _: None))
SECOND = 1_000_000_000
ID = {"roark.external_id": "call-1"}


def span(span_id: int, parent: int | None = None, start: float = 0, end: float | None = 1, **more: Any) -> RecordedSpan:
    has_remote_parent, trace_id = more.pop("remote", False), more.pop("trace", 1)
    times = int(start * SECOND), None if end is None else int(end * SECOND)
    fields = {"attributes": {}, **more}
    return RecordedSpan(SpanView(trace_id, span_id, parent, "app", "span", *times, **fields), has_remote_parent)


def let_go(traces: Iterable[Gathered]) -> list[list[int]]:
    return [list(trace.spans) for trace in traces]


def steps(*spans: RecordedSpan) -> list[tuple[str, int]]:
    trace = Gathered(0, spans={span.record.span_id: span for span in spans})
    return [(type(entry).__name__, entry.span_id) for entry in entries(trace, VOCABULARY)]


def test_a_trace_is_whole_when_every_parent_is_there_and_it_was_quiet() -> None:
    gathered = Gathering(patience=10_000)
    gathered.add([span(2, 1, end=1)], 0)
    gathered.add([span(9, end=500, trace=9)], 50)
    assert let_go(gathered.due()) == []

    gathered.add([span(1, end=501)], 100)
    gathered.add([span(8, end=570, trace=8)], 150)

    assert sorted(let_go(gathered.due())) == [[2, 1], [9]]
    assert gathered.first_byte() == 150


def test_a_trace_with_a_missing_parent_is_waited_for() -> None:
    gathered = Gathering(patience=3_600)
    gathered.add([span(2, 1, end=1)], 0)
    gathered.add([span(9, end=3_599, trace=9)], 50)
    assert let_go(gathered.due()) == []

    gathered.add([span(8, end=3_601, trace=8)], 100)

    assert let_go(gathered.due()) == [[2]]


def test_a_parent_in_another_process_is_not_waited_for() -> None:
    gathered = Gathering(patience=3_600)
    gathered.add([span(2, 1, end=1, remote=True)], 0)
    gathered.add([span(9, end=100, trace=9)], 50)

    assert let_go(gathered.due()) == [[2]]


def test_a_trace_that_is_not_whole_may_stay_at_the_end_of_a_file() -> None:
    gathered = Gathering(patience=3_600)
    gathered.add([span(2, 1)], 7)
    gathered.add([span(9, trace=9)], 50)

    assert let_go(gathered.rest(whole_only=True)) == [[9]]
    assert (len(gathered), gathered.first_byte()) == (1, 7)
    assert let_go(gathered.rest(whole_only=False)) == [[2]]
    assert gathered.first_byte() is None


def test_spans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_HELD_SPANS", 10)
    gathered = Gathering(patience=3_600)
    for number in range(1, 21):
        gathered.add([span(number, 99, trace=number)], number)
        list(gathered.due())

    assert len(gathered) == 10
    assert gathered.first_byte() == 11


def test_a_span_that_comes_twice_counts_once() -> None:
    gathered = Gathering(patience=3_600)
    for _ in range(3):
        gathered.add([span(1)], 0)

    assert let_go(gathered.rest(whole_only=True)) == [[1]]
    assert gathered._held == 0


def test_starts_and_ends_come_in_the_order_of_their_times() -> None:
    root = span(1, start=0, end=10, attributes=ID)
    first, second = span(2, 1, start=1, end=2, attributes=ID), span(3, 1, start=3, end=4)

    assert steps(first, second, root) == [
        ("SpanStart", 1),
        ("SpanStart", 2),
        ("SpanView", 2),
        ("SpanStart", 3),
        ("SpanGone", 3),  # a dialect reads nothing of it
        ("SpanView", 1),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_clock_that_is_behind_puts_no_child_before_its_parent(order: tuple[int, ...]) -> None:
    spans = [span(1, start=5, end=6), span(2, 1, start=1, end=2), span(3, 2, start=0, end=9)]

    found = steps(*[spans[number] for number in order])

    assert [one for one in found if one[0] == "SpanStart"] == [("SpanStart", 1), ("SpanStart", 2), ("SpanStart", 3)]
    assert all(found.index(("SpanGone", number)) > found.index(("SpanStart", number)) for number in (1, 2, 3))


def test_spans_of_no_duration_at_one_time() -> None:
    assert steps(span(3, 2, 1, 1), span(2, 1, 1, 1), span(1, None, 1, 1)) == [
        ("SpanStart", 1),
        ("SpanStart", 2),
        ("SpanStart", 3),
        ("SpanGone", 3),
        ("SpanGone", 2),
        ("SpanGone", 1),
    ]


def test_circular_and_very_deep_traces_end() -> None:
    assert sorted(steps(span(1, 2), span(2, 1))) == [
        ("SpanGone", 1),
        ("SpanGone", 2),
        ("SpanStart", 1),
        ("SpanStart", 2),
    ]
    deep = [span(number, number - 1 or None) for number in range(1, 20_001)]

    assert [number for kind, number in steps(*reversed(deep)) if kind == "SpanStart"] == list(range(1, 20_001))


def test_a_span_that_never_ended_has_only_a_start() -> None:
    assert steps(span(1, end=None, attributes=ID)) == [("SpanStart", 1)]


def test_fields_of_a_start() -> None:
    marked = {**ID, "roark.conversation.root": True}
    spans = [span(1, attributes=marked, resource={"service.name": "x"}), span(2, 1), span(3, 77)]
    trace = Gathered(0, spans={one.record.span_id: one for one in spans})
    starts = {one.span_id: one for one in entries(trace, VOCABULARY) if isinstance(one, SpanStart)}

    assert (starts[1].external_id, starts[1].marked, starts[1].resource) == ("call-1", True, {"service.name": "x"})
    assert [starts[number].local_root for number in (1, 2, 3)] == [True, False, True]
    assert any(isinstance(one, SpanGone) for one in entries(trace, VOCABULARY))


@pytest.mark.parametrize(
    ("more", "auto_ids", "shown"),
    [
        ({"attributes": ID}, False, True),
        ({"resource": ID}, False, True),
        ({"attributes": {"gen_ai.operation.name": "chat"}}, True, False),
        ({}, True, False),
    ],
)
def test_a_trace_that_shows_an_id_may_be_a_conversation(more: dict[str, Any], auto_ids: bool, shown: bool) -> None:
    assert shows_id(Gathered(0, spans={1: span(1, **more)}), VOCABULARY, auto_ids=auto_ids) is shown


@pytest.mark.parametrize("auto_ids", [False, True])
def test_the_root_of_a_voice_framework_may_be_given_an_id(auto_ids: bool) -> None:
    record = span(1).record._replace(scope="pipecat", name="conversation")

    assert shows_id(Gathered(0, spans={1: RecordedSpan(record)}), VOCABULARY, auto_ids=auto_ids) is auto_ids
