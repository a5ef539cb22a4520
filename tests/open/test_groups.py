"""Groups by themselves, where one turns out to be part of another: rows go in, and what is due comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roark_otel._model.rows import SPAN, Kind, SpanEvent, SpanView, as_captured, row_of
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open import groups as bounds
from roark_otel._open.group import Made, State
from roark_otel._open.groups import Groups
from roark_otel._open.rows_in import RowsIn
from roark_otel._open.schedule import Waits
from roark_otel._open.verdicts import Noticed, Over
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    import pytest

MADE = Made("call-1", 1, 1, 1, 0, is_framework=False)


def new_groups(make: type[Groups] = Groups) -> Groups:
    vocabulary = Vocabulary(DIALECTS)
    return make(vocabulary, RowsIn(vocabulary), Waits(linger=2.0, quiet=60.0))


def take(
    groups: Groups, number: int, span_id: int, now: float, *said: str, own_id: str | None = None, is_open: bool = False
) -> None:
    """Takes in a span of trace 1 on which the agent says something."""
    events = tuple(SpanEvent("roark.transcript", span_id, {"role": "agent", "text": text}) for text in said)
    span = SpanView(1, span_id, None, "app", "span", span_id, None if is_open else span_id + 1, {}, events)
    kind = Kind.OPEN if is_open else Kind.ENDED
    groups.take((number, {}, None, *as_captured(row_of(kind, span, own_id=own_id))), now, 0)


def spans_of(groups: Groups, number: int) -> list[int]:
    return [row[SPAN] for batch in groups.rows(number) for row in batch]


def resting(groups: Groups) -> None:
    """Makes the call of a group whose root is implied; it rests from 2 s to 62 s."""
    take(groups, 1, 1, 0.0, own_id="call-1", is_open=True)
    take(groups, 1, 1, 0.0, "Hello.", own_id="call-1")
    due = groups.next_due(2.0)
    assert due is not None
    groups.settle(due, [Over(None, "call-1", rests=True, call=MADE)], 2.0)
    assert groups.places.by_number[1].state is State.RESTING


def test_a_call_without_news_is_final_when_its_quiet_time_is_over() -> None:
    groups = new_groups()
    resting(groups)

    assert groups.next_due(61.9) is groups.next_due(62.0) is None
    assert groups.places.by_number[1].state is State.CLOSED


def test_words_that_join_when_the_quiet_time_is_over_are_read() -> None:
    """They waited without an owner in a trace that shows one id: so they are in no call yet."""
    groups = new_groups()
    resting(groups)
    take(groups, 2, 9, 30.0, "Are you there?")

    due = groups.next_due(62.0)
    assert due is not None
    assert (due.number, due.is_rest_over) == (1, False)
    assert spans_of(groups, 1) == [1, 9]


def test_a_group_that_a_bound_closes_is_not_absorbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of both are packed before one follows the other: that may be what exceeds the bound."""
    monkeypatch.setattr(bounds, "MAX_CANDIDATE_BYTES", 10)
    groups = new_groups()
    resting(groups)
    take(groups, 2, 9, 30.0, "word " * 1_000)

    groups.schedule.flush()  # asks which groups are part of others

    assert groups.places.by_number[2].state is State.CLOSED
    assert groups.places.by_number[1].numbers == (1,)
    assert [one.kind for one in groups.outputs() if isinstance(one, Noticed)][-1:] == ["unattributed"]


class Watched(Groups):
    """Notes which groups are open whenever the bounds are looked at, and how many bytes the first one's log has."""

    def __init__(self, *given: Any) -> None:
        self.seen: list[tuple[list[int], int]] = []
        super().__init__(*given)

    def _keep_bounds(self) -> None:
        self.seen.append(([group.number for group in self.schedule.open], len(self.places.by_number[1].log)))
        super()._keep_bounds()


def test_no_bound_sees_a_group_whose_words_moved() -> None:
    """Else it could close the group again, and with it the one that absorbed it."""
    groups = new_groups(Watched)
    assert isinstance(groups, Watched)
    resting(groups)
    for span_id in range(9, 12):
        take(groups, 2, span_id, 30.0, f"Words {span_id}.")
        groups.pack()
    before = groups.seen[-1][1]
    groups.next_due(62.0)

    moved = [numbers for numbers, size in groups.seen if size > before]
    assert moved
    assert all(2 not in numbers for numbers in moved)
    assert spans_of(groups, 1) == [1, 9, 10, 11]
