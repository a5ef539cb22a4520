"""Which traces are one group, and when it is due. Times are accepting seconds."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from roark_otel._gateway.clock import GAP_SECONDS, LONGEST_HOLD_SECONDS, AcceptingClock, passing_time
from roark_otel._gateway.open_groups import OpenGroups
from roark_otel._gateway.trace_group import DueGroup, GroupWaits, PieceArrival
from roark_otel._model.rows import Strength

if TYPE_CHECKING:
    from collections.abc import Callable

MARKED = int(Strength.MARKED)
SETTLE, QUIET, IDLE = 10.0, 60.0, 14_400.0
A, B, C = b"a" * 16, b"b" * 16, b"c" * 16


class Board:
    """Groups, and a clock that is moved by hand."""

    def __init__(
        self, most: int = 100, size: int = 10**9, closed: Callable[[str | bytes], bool] = lambda _: False
    ) -> None:
        self.clock = AcceptingClock(0.0, 0.0, 0.0)
        waits = GroupWaits(SETTLE, QUIET, IDLE, most, size)
        self.groups = OpenGroups(waits, auto_ids=False, was_closed=closed)
        self._numbers = count(1)

    def come(self, trace: bytes, *shown: tuple[str | None, int | None], resource: str | None = None) -> None:
        self.groups.take([PieceArrival(next(self._numbers), trace, 100, shown, resource)], self.clock.now)

    def pass_time(self, seconds: float) -> list[DueGroup]:
        """Lets time pass, in steps as a gateway does. Returns what was due."""
        found: list[DueGroup] = []
        until = self.clock.now + seconds
        while self.clock.now < until:
            step = min(GAP_SECONDS, until - self.clock.now)
            self.clock.tick(self.clock._seen + step)
            found += self.groups.due(self.clock)
        return found


def test_a_marked_root_is_due_after_the_settle_time_of_the_last_span() -> None:
    board = Board()
    board.come(A, ("call-1", MARKED))
    assert board.pass_time(SETTLE - 1) == []
    board.come(A)  # a child that comes later
    assert board.pass_time(SETTLE - 1) == []
    (due,) = board.pass_time(1)
    assert (due.traces, due.last, due.ripe, due.expired) == ((A,), 2, frozenset({"call-1"}), frozenset())


def test_an_implied_root_is_due_after_the_quiet_time_and_patience_lasts_for_the_idle_time() -> None:
    board = Board()
    board.come(A, ("call-1", None))
    assert board.pass_time(QUIET - 1) == []
    (due,) = board.pass_time(1)
    board.groups.passed(due.number, over=(), patient=due.ripe)  # its parent has not come
    assert board.pass_time(IDLE - QUIET - 1) == []
    (due,) = board.pass_time(1)
    assert (due.expired, due.is_closing) == (frozenset({"call-1"}), True)


def test_an_arrival_ends_patience() -> None:
    board = Board()
    board.come(A, ("call-1", None))
    (due,) = board.pass_time(QUIET)
    board.groups.passed(due.number, over=(), patient=due.ripe)
    board.come(A)  # the parent
    assert len(board.pass_time(QUIET)) == 1


def test_an_id_connects_traces_and_a_trace_connects_ids() -> None:
    board = Board()
    board.come(A, ("call-1", MARKED))
    board.come(B)
    board.come(C, ("call-1", None))
    assert len(board.groups) == 2
    board.come(B, ("call-1", None))
    (due,) = board.pass_time(SETTLE)
    assert set(due.traces) == {A, B, C}
    assert len(board.groups) == 1


def test_of_several_conversations_in_a_trace_each_is_due_by_itself() -> None:
    board = Board()
    board.come(A, ("call-1", MARKED))
    for _ in range(4):
        due = board.pass_time(SETTLE / 2)
        if due:
            break
        board.come(A, ("call-2", None))
    assert [one.ripe for one in due] == [{"call-1"}]
    board.groups.passed(due[0].number, over={"call-1"}, patient=())
    assert len(board.groups) == 1


def test_a_root_without_an_id_waits_for_it() -> None:
    board = Board()
    board.come(A, (None, int(Strength.DIALECT)))
    assert board.pass_time(QUIET) == []
    board.come(A, ("call-1", None))
    assert len(board.pass_time(SETTLE)) == 1


def test_what_shows_nothing_waits_for_the_idle_time() -> None:
    board = Board()
    board.come(A)
    assert board.pass_time(IDLE - 1) == []
    (due,) = board.pass_time(1)
    assert due.is_closing


def test_the_id_of_a_resource_joins_what_has_no_other() -> None:
    board = Board()
    board.come(A, resource="call-1")
    board.come(B, resource="call-1")
    board.come(C, ("call-2", None), resource="call-1")
    due = board.pass_time(QUIET)
    assert sorted(sorted(one.traces) for one in due) == [[A, B], [C]]


@pytest.mark.parametrize("limit", ["groups", "bytes"])
def test_over_a_limit_the_one_idle_longest_is_closed_and_one_without_an_id_first(limit: str) -> None:
    board = Board(most=3) if limit == "groups" else Board(size=300)
    traces = [bytes([number]) * 16 for number in range(5)]
    board.come(traces[0], ("call-0", None))
    board.come(traces[1])
    board.come(traces[2], ("call-2", None))
    board.come(traces[3], ("call-3", None))
    (due,) = list(board.groups.due(board.clock))
    assert (due.traces, due.is_closing) == ((traces[1],), True)
    board.come(traces[4], ("call-4", None))
    (due,) = list(board.groups.due(board.clock))
    assert (due.traces, due.is_closing, due.expired) == ((traces[0],), True, frozenset({"call-0"}))


def test_what_comes_for_a_closed_conversation_is_due_soon() -> None:
    board = Board(closed=lambda one: one == A)
    board.come(A)
    assert board.groups.conversations == 0
    assert len(board.pass_time(SETTLE)) == 1


def test_a_group_that_is_read_is_not_due_again_until_it_was() -> None:
    board = Board()
    board.come(A, ("call-1", MARKED))
    (due,) = board.pass_time(SETTLE)
    assert board.pass_time(QUIET) == []
    board.groups.retry(due.number, board.clock.now + 15)
    assert board.pass_time(14) == []
    (again,) = board.pass_time(1)
    assert again == due
    board.groups.close(due.number)
    assert (len(board.groups), board.groups.size, A in board.groups) == (0, 0, False)
    assert board.pass_time(IDLE) == []


def test_a_group_that_joins_another_while_it_is_read_is_read_with_it() -> None:
    board = Board()
    board.come(A, ("call-1", MARKED))
    (due,) = board.pass_time(SETTLE)
    board.come(B, ("call-2", None))
    board.come(B, ("call-1", None))
    board.groups.passed(due.number, over={"call-1"}, patient=())
    found = board.pass_time(QUIET)
    assert {trace for one in found for trace in one.traces} == {A, B}


# The clock


def test_a_start_holds_conversations_back_for_the_senders() -> None:
    clock = AcceptingClock(30.0, 100.0, 0.0)
    for second in range(1, 45):
        clock.tick(second)
        assert not clock.allows(50.0)
    clock.tick(45)
    assert clock.allows(50.0)


def test_time_that_nothing_was_accepted_in_does_not_count() -> None:
    clock = AcceptingClock(2.0, 0.0, 0.0)
    for second in range(1, 5):
        clock.tick(second)
    clock.stop()
    for second in range(5, 500):
        clock.tick(second)
    assert clock.now == 4
    assert not clock.allows(0.0)
    clock.go_on()
    clock.tick(501)
    assert not clock.allows(0.0)
    for second in range(502, 506):
        clock.tick(second)
    assert clock.allows(0.0)


def test_a_process_that_was_frozen_accepted_nothing() -> None:
    clock = AcceptingClock(2.0, 0.0, 0.0)
    for second in range(1, 5):
        clock.tick(second)
    assert clock.allows(0.0)
    clock.tick(4_000)
    assert clock.now == 4
    assert not clock.allows(0.0)


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has a clock that goes on in its sleep")
def test_a_machine_that_slept_accepted_nothing_either() -> None:
    """The clock that is read goes on while the machine sleeps, so that its sleep is a long pause between two ticks."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= passing_time() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_refusals_that_never_end_do_not_hold_for_ever() -> None:
    clock = AcceptingClock(30.0, 0.0, 0.0)
    second = 0
    while not clock.allows(0.0):
        second += 1
        clock.tick(second)
        clock.hold()
    assert second == LONGEST_HOLD_SECONDS
