"""Spans become traces, in the order in which an app would have started and ended them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._model.rows import ATTRIBUTES, KIND, OWN_ID, PARENT, SPAN, STRENGTH, Kind, Row, SpanView, Strength
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._replay import gathering
from roark_otel._replay.gathering import Gathered, Gathering, entries, shows_id
from roark_otel._sources.recorded import RecordedSpan
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterable

VOCABULARY = Vocabulary(DIALECTS)
SECOND = 1_000_000_000
ID = {"roark.external_id": "call-1"}


def span(span_id: int, parent: int | None = None, start: float = 0, end: float | None = 1, **more: Any) -> RecordedSpan:
    has_remote_parent, trace_id = more.pop("remote", False), more.pop("trace", 1)
    times = int(start * SECOND), None if end is None else int(end * SECOND)
    fields = {"attributes": {}, **more}
    return RecordedSpan(SpanView(trace_id, span_id, parent, "app", "span", *times, **fields), has_remote_parent)


def let_go(traces: Iterable[Gathered]) -> list[list[int]]:
    return [list(trace.spans) for trace in traces]


def found_in(*spans: RecordedSpan) -> list[tuple[int, Any, Row]]:
    """Returns the entries of a trace: the number of the group, the resource, and the row."""
    trace = Gathered(0, spans={span.record.span_id: span for span in spans})
    found = entries(trace, VOCABULARY, itertools.count(1))
    return [(entry[0], entry[1], entry[3:]) for entry in found]


def steps(*spans: RecordedSpan) -> list[tuple[str, int]]:
    return [(Kind(row[KIND]).name, row[SPAN]) for _, _, row in found_in(*spans)]


def numbers(*spans: RecordedSpan) -> dict[int, int]:
    """Returns the number of the group of each span."""
    return {row[SPAN]: number for number, _, row in found_in(*spans)}


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
        ("OPEN", 1),
        ("OPEN", 2),
        ("ENDED", 2),
        ("EDGE", 3),  # a dialect reads nothing of it
        ("ENDED", 1),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_clock_that_is_behind_puts_no_child_before_its_parent(order: tuple[int, ...]) -> None:
    times = [(None, 5, 6), (1, 1, 2), (2, 0, 9)]
    spans = [span(number, *each, attributes=ID) for number, each in enumerate(times, 1)]
    silent = [span(number, *each) for number, each in enumerate(times, 1)]

    found = steps(*[spans[number] for number in order])

    assert found[:3] == [("OPEN", 1), ("OPEN", 2), ("OPEN", 3)]
    assert sorted(found[3:]) == [("ENDED", 1), ("ENDED", 2), ("ENDED", 3)]
    assert steps(*[silent[number] for number in order])[0] == ("OPEN", 1)


def test_spans_of_no_duration_at_one_time() -> None:
    assert steps(span(3, 2, 1, 1), span(2, 1, 1, 1), span(1, None, 1, 1)) == [
        ("OPEN", 1),
        ("EDGE", 3),
        ("EDGE", 2),
        ("EDGE", 1),
    ]


def test_circular_and_very_deep_traces_end() -> None:
    found = steps(span(1, 2), span(2, 1))
    assert found[0][0] == "OPEN"
    assert sorted(found[1:]) == [("EDGE", 1), ("EDGE", 2)]
    deep = [span(number, number - 1 or None, attributes=ID) for number in range(1, 20_001)]

    assert [number for kind, number in steps(*reversed(deep)) if kind == "OPEN"] == list(range(1, 20_001))
    assert set(numbers(*deep).values()) == {1}


def test_a_span_that_never_ended_has_only_a_start() -> None:
    assert set(steps(span(1, end=None, attributes=ID))) == {("OPEN", 1)}


@pytest.mark.parametrize(("scope", "names"), [("app", ["roark.external_id"]), ("livekit-agents", [])])
def test_a_span_that_never_ended_says_only_what_may_be_read_of_an_open_one(scope: str, names: list[str]) -> None:
    never = RecordedSpan(span(1, end=None, attributes=ID).record._replace(scope=scope, name="agent_session"))

    opened, row = (row for _, _, row in found_in(never))

    assert opened[ATTRIBUTES:] == ({}, [])
    assert list(row[ATTRIBUTES]) == names
    assert row[OWN_ID] == "call-1"


def test_fields_of_a_start() -> None:
    marked = {**ID, "roark.conversation.root": True}
    spans = [span(1, attributes=marked, resource={"service.name": "x"}), span(2, 1), span(3, 77)]
    found = found_in(*spans)
    (number, resource, start), *_ = found
    ends = {row[SPAN]: row for _, _, row in found if row[KIND] != Kind.OPEN}

    assert (start[OWN_ID], start[STRENGTH], resource) == ("call-1", Strength.MARKED, {"service.name": "x"})
    assert (ends[1][OWN_ID], ends[1][STRENGTH]) == ("call-1", Strength.MARKED)
    assert [ends[each][PARENT] for each in (1, 2, 3)] == [0, 1, 77]
    assert numbers(*spans) == dict.fromkeys((1, 2, 3), number)
    assert ends[2][KIND] == Kind.EDGE


def test_spans_of_two_sessions_in_one_trace_get_two_numbers() -> None:
    def session(one: RecordedSpan) -> RecordedSpan:
        return RecordedSpan(one.record._replace(name="agent_session", scope="livekit-agents"))

    records = [
        span(1, start=0, end=9),
        session(span(2, 1, start=1, end=3)),
        span(3, 2, start=2, end=3),
        session(span(4, 1, start=4, end=6)),
        span(5, 4, start=5, end=6),
        span(6, 1, start=7, end=8),
    ]

    assert numbers(*records) == {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 1}


def test_spans_of_two_ids_in_one_trace_get_two_numbers() -> None:
    spans = [
        span(1),
        *(span(number, 1, number, attributes={"roark.external_id": f"call-{number}"}) for number in (2, 3)),
    ]

    assert numbers(*spans, span(4, 3, 5)) == {1: 1, 2: 2, 3: 3, 4: 3}


def test_an_id_on_every_span_gets_one_number() -> None:
    spans = [span(number, number // 2 or None, start=number, attributes=ID) for number in range(1, 8)]

    assert set(numbers(*spans).values()) == {1}


def test_traces_get_numbers_that_are_not_in_use() -> None:
    free = itertools.count(1)
    first = entries(Gathered(0, spans={1: span(1)}), VOCABULARY, free)
    second = entries(Gathered(0, spans={1: span(1, trace=2)}), VOCABULARY, free)

    assert ({entry[0] for entry in first}, {entry[0] for entry in second}) == ({1}, {2})


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
