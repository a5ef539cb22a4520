"""When conversations that go on are saved, and what that may cost."""

from __future__ import annotations

import time
from itertools import count

import pytest

from roark_otel._engine.budget import BYTES_PER_SECOND, SHARE, Budget
from roark_otel._engine.saver import SAVE_SECONDS, Saver
from roark_otel._engine.written import Saving
from support.live import Live


class Saved:
    """A saver of the groups of a machine, which notes what it saves."""

    def __init__(self, machine: Live) -> None:
        self._machine = machine
        self.numbers: list[int] = []
        self.is_taken, self.is_called = True, False
        self._saver = Saver(
            machine.groups, machine.capture.open_rows, self._save, lambda: None, lambda: None, lambda: self.is_called
        )

    def _save(self, number: int) -> Saving:
        self.numbers.append(number)
        return Saving(self.is_taken, 100)

    def after(self, seconds: float) -> int:
        """Lets this much time pass. Returns how many were saved in it."""
        before = len(self.numbers)
        until = self._machine.now + seconds
        while self._machine.now < until:
            self._machine.now = min(until, self._machine.now + 1.0)
            self._saver.run(self._machine.now)
        return len(self.numbers) - before


@pytest.fixture(name="machine")
def _machine() -> Live:
    return Live()


def test_a_conversation_is_saved_when_it_has_changed(machine: Live) -> None:
    saved = Saved(machine)
    machine.start(1, external_id="a")
    assert saved.after(1.0) == 0
    machine.say(1, "hello")
    assert saved.after(SAVE_SECONDS) == 1
    assert saved.after(60.0) == 0

    machine.start(2, 1)
    machine.end(2, "one")
    assert saved.after(SAVE_SECONDS) == 1
    assert saved.after(60.0) == 0


def test_one_whose_root_has_ended_is_saved_at_once(machine: Live) -> None:
    saved = Saved(machine)
    machine.start(1, external_id="a")
    machine.end(1, "one")
    assert saved.after(0.001) == 1
    assert saved.after(60.0) == 0


def test_a_root_that_ends_waits_for_one_look_only(machine: Live) -> None:
    """Three are due, and a root ends as the first of them is looked at: the others are looked at in later runs."""
    saved = Saved(machine)
    for number in (1, 2, 3):
        machine.start(number, external_id=f"call-{number}")
        machine.say(number, "hello")
    assert saved.after(SAVE_SECONDS / 2) == 0
    saved.is_called = True
    assert [saved.after(SAVE_SECONDS / 2), saved.after(0.001), saved.after(0.001)] == [1, 1, 1]
    assert saved.numbers == [1, 2, 3]
    saved.is_called = False
    assert saved.after(60.0) == 0


def test_one_that_is_finished_at_once_is_not_saved_before(machine: Live) -> None:
    saved = Saved(machine)
    machine.start(1, external_id="a")
    machine.end(1, "one")
    machine.now += 60.0
    assert saved.after(0.001) == 0


def test_what_the_disk_did_not_take_is_tried_again(machine: Live) -> None:
    saved = Saved(machine)
    saved.is_taken = False
    machine.start(1, external_id="a")
    machine.say(1, "hello")
    assert saved.after(10 * SAVE_SECONDS) > 5
    saved.is_taken = True
    assert saved.after(SAVE_SECONDS) == 1
    assert saved.after(60.0) == 0


def test_what_has_no_id_is_not_saved(machine: Live) -> None:
    saved = Saved(machine)
    machine.start(1)
    machine.end(1, "one")
    assert saved.after(60.0) == 0


def test_a_closed_conversation_is_not_looked_at_again(machine: Live) -> None:
    saved = Saved(machine)
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "one")
    saved.after(0.001)
    machine.after(2.0)
    saved.after(60.0)
    assert saved.numbers == [1]
    assert saved._saver.unsaved_seconds() == 0.0


def test_what_a_run_costs_beside_its_looks_counts_too(machine: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that a run of no look takes a second by, the next look waits until that is two percent of the time."""
    saved, clock = Saved(machine), count()
    machine.start(1, external_id="a")
    machine.say(1, "hello")
    monkeypatch.setattr(time, "thread_time", lambda: float(next(clock)))
    assert saved.after(1.0) == 0
    monkeypatch.setattr(time, "thread_time", lambda: 0.0)
    assert saved.after(SAVE_SECONDS) == 0
    assert saved.after(1.0 / SHARE) == 1


def test_saving_takes_a_share_of_one_core() -> None:
    budget, now, spent = Budget(0.0), 0.0, 0.0
    while now < 1_000.0:
        now += 0.1
        if budget.is_left(now):
            budget.spend(0.01, 0)
            spent += 0.01
    assert spent == pytest.approx(SHARE * 1_000.0, rel=0.02)


def test_saving_writes_so_many_bytes_a_second() -> None:
    budget, now, written = Budget(0.0), 0.0, 0
    while now < 100.0:
        now += 0.1
        if budget.is_left(now):
            budget.spend(0.0, 500_000)
            written += 500_000
    assert written <= 110 * BYTES_PER_SECOND
