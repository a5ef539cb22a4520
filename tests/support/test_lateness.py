"""What is allowed for a busy machine has a bound, and what cannot be judged is recorded once more."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import pytest

from support.lateness import MOST, TooBusyError, compare_ends, compare_starts, judge, slack, watch


class Said(NamedTuple):
    """Something that was said."""

    what: str
    start: float
    end: float


def at(seconds: float) -> Said:
    """Something that was said in no time."""
    return Said("hello", seconds, seconds)


def test_a_loop_that_is_held_up_is_noticed() -> None:
    waits: list[tuple[float, float]] = []

    async def work() -> None:
        watching = asyncio.create_task(watch(waits))
        await asyncio.sleep(0)
        time.sleep(0.2)
        while not waits:
            await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(work())

    assert waits[0][1] > 0.1


def test_only_lateness_around_a_time_counts() -> None:
    waits = [(1.0, 0.02), (8.9, 0.2), (10.5, 0.03), (20.0, 5.0)]

    assert slack(waits, at(3.0), at(3.0)).late == 0
    late = slack(waits, at(12.0), at(11.0))
    assert late.seconds == late.late == pytest.approx(0.06)
    late = slack(waits, at(10.0), at(10.2))
    assert late.seconds == MOST
    assert late.late == pytest.approx(0.46)  # one wait began before, and was over within


def test_no_more_than_the_bound_is_ever_allowed() -> None:
    waits = [(10.0, 5.0)]

    compare_starts([at(10.14)], [at(10.0)], waits)
    compare_ends([at(10.39)], [at(10.0)], waits)
    with pytest.raises(TooBusyError, match=r"-151 ms off, 50 and 100 ms are allowed; the loop was 10\.000 s late"):
        compare_starts([at(9.849)], [at(10.0)], waits)
    with pytest.raises(TooBusyError, match=r"\+401 ms off, 300 and 100 ms are allowed"):
        compare_ends([at(10.401)], [at(10.0)], waits)


@pytest.mark.parametrize("waits", [[], [(10.0, 0.04)]])
def test_what_a_quiet_machine_does_not_explain_is_judged_at_once(waits: list[tuple[float, float]]) -> None:
    def check(off: float) -> None:
        compare_ends([at(10.0 + off)], [at(10.0)], waits)

    with pytest.raises(AssertionError) as fault:
        judge(check, 0.39, lambda: pytest.fail("it was played again"))
    assert fault.type is AssertionError


def test_it_is_played_again_once_where_the_machine_was_busy() -> None:
    tried: list[str] = []

    def check(what: str) -> None:
        tried.append(what)
        if what != "good":
            raise TooBusyError

    judge(check, "bad", lambda: "good")
    assert tried == ["bad", "good"]
    with pytest.raises(TooBusyError):
        judge(check, "bad", lambda: "worse")
    assert tried == ["bad", "good", "bad", "worse"]
