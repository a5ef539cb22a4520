"""When a thread that works for long hands the interpreter over."""

from __future__ import annotations

import pytest

from roark_otel._engine import pace
from roark_otel._engine.pace import AWAKE_SECONDS, NAP_SECONDS, WAKING_SECONDS, WORK_SECONDS, Pace


class Machine:
    """The clocks of a machine on which a thread works: all in seconds, and every nap that it takes."""

    def __init__(self) -> None:
        self.perf_counter_s = 100.0
        self.thread_time_s = 10.0
        self.process_time_s = 30.0
        self.naps: list[float] = []

    def work(self, seconds: float, of_others: float = 0.0) -> None:
        """The thread works, and others use CPU meanwhile."""
        self.perf_counter_s += seconds
        self.thread_time_s += seconds
        self.process_time_s += seconds + of_others

    def wait(self, seconds: float) -> None:
        """Time passes without work of the thread, or none that a CPU clock shows."""
        self.perf_counter_s += seconds

    def perf_counter(self) -> float:
        return self.perf_counter_s

    def thread_time(self) -> float:
        return self.thread_time_s

    def process_time(self) -> float:
        return self.process_time_s

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.wait(seconds)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    monkeypatch.setattr(pace, "time", found)
    return found


@pytest.fixture
def at_work(machine: Machine) -> Pace:
    """Returns that of a thread that has worked alone for so long that it naps no more."""
    found = Pace()
    found.begin()
    while not machine.naps or machine.perf_counter_s < 100.0 + AWAKE_SECONDS:
        machine.work(WORK_SECONDS)
        found.pause()
    machine.naps.clear()
    return found


def test_a_thread_goes_on_while_all_others_sleep(machine: Machine, at_work: Pace) -> None:
    for _ in range(100):
        machine.work(WORK_SECONDS)
        at_work.pause()
    assert machine.naps == []


def test_a_thread_naps_for_a_while_once_another_one_has_woken(machine: Machine, at_work: Pace) -> None:
    """One that waits for the interpreter uses no CPU, and may not get it during the first nap."""
    machine.work(WORK_SECONDS, of_others=2 * WAKING_SECONDS)
    at_work.pause()
    _works_alone(machine, at_work)
    assert len(machine.naps) >= AWAKE_SECONDS / (WORK_SECONDS + NAP_SECONDS)
    assert sum(machine.naps) < AWAKE_SECONDS
    assert set(machine.naps) == {NAP_SECONDS}


def test_a_thread_naps_for_a_while_after_it_began(machine: Machine, at_work: Pace) -> None:
    """Who gave the interpreter away may want it back already, and has used its CPU before."""
    at_work.begin()
    _works_alone(machine, at_work)
    assert len(machine.naps) >= AWAKE_SECONDS / (WORK_SECONDS + NAP_SECONDS) - 1
    assert sum(machine.naps) < AWAKE_SECONDS


def _works_alone(machine: Machine, at_work: Pace) -> None:
    began = machine.perf_counter_s
    while machine.perf_counter_s < began + 2 * AWAKE_SECONDS:
        machine.work(WORK_SECONDS)
        at_work.pause()


def test_another_thread_that_goes_on_is_seen_again(machine: Machine, at_work: Pace) -> None:
    for _ in range(200):
        machine.work(WORK_SECONDS, of_others=WORK_SECONDS)
        at_work.pause()
    assert len(machine.naps) == 200


def test_short_work_is_not_interrupted_whatever_others_do(machine: Machine, at_work: Pace) -> None:
    machine.work(WORK_SECONDS / 4, of_others=1.0)
    at_work.pause()
    assert machine.naps == []


@pytest.mark.parametrize("seconds", [WORK_SECONDS, 10 * WORK_SECONDS])
def test_a_thread_always_naps_where_the_cpu_clocks_stand_still(machine: Machine, at_work: Pace, seconds: float) -> None:
    for _ in range(200):
        machine.wait(seconds)
        at_work.pause()
    assert len(machine.naps) == 200


def test_a_greenlet_always_naps(machine: Machine, at_work: Pace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "is_patched", lambda: True)
    for _ in range(200):
        machine.work(WORK_SECONDS)
        at_work.pause()
    assert len(machine.naps) == 200
