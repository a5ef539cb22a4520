"""What is due, and in which order it is tried."""

from __future__ import annotations

import pytest

from roark_otel._delivery.errands import Errand, Errands, Sweep

NOW = 1_000.0
SINCE = 1_795_000_000.0

OWN = Errand(NOW, own=True, since=SINCE)
THEIRS = Errand(NOW, own=False, since=SINCE)
LATER = Errand(NOW + 1, own=True, since=SINCE)


def errands(**given: Errand) -> Errands:
    found = Errands()
    for name, errand in given.items():
        found.put(name, errand)
    return found


def names(found: Errands) -> list[str]:
    return [name for name, _ in found.in_order()]


@pytest.mark.parametrize(
    ("errand", "sweeps"),
    [
        (OWN, set(Sweep)),
        (THEIRS, {Sweep.ROUTINE, Sweep.DRAIN}),
        (LATER, set()),
        (OWN.failed(NOW + 1), {Sweep.FLUSH, Sweep.DRAIN}),
        (THEIRS.failed(NOW + 1), {Sweep.DRAIN}),
        (OWN.backed_off(NOW), set(Sweep)),
        (OWN.resting(NOW + 1), set()),
    ],
)
def test_which_pass_tries_a_call(errand: Errand, sweeps: set[Sweep]) -> None:
    assert {sweep for sweep in Sweep if errand.is_for(sweep, NOW)} == sweeps


def test_calls_that_failed_come_last_and_this_process_s_own_first() -> None:
    found = errands(failed=OWN.failed(NOW), theirs=THEIRS, own=OWN)

    assert names(found) == ["own", "theirs", "failed"]


def test_files_of_other_processes_are_taken_in_and_let_go() -> None:
    found = errands(own=OWN, gone=THEIRS, stays=THEIRS)

    found.take_in([("stays", SINCE), ("new", SINCE)], ["own", "gone"], NOW + 5)

    assert dict(found.in_order()) == {"own": OWN, "stays": THEIRS, "new": Errand(NOW + 5, own=False, since=SINCE)}


def test_a_file_that_another_process_has_rewritten_is_taken_in_again() -> None:
    """Its header may hold it back, so neither its rest nor its failures count any more."""
    found = errands(theirs=THEIRS.resting(NOW).failed(NOW + 60), own=OWN.failed(NOW + 60))

    found.take_in([("theirs", SINCE + 1), ("own", SINCE + 1)], [], NOW)

    assert dict(found.in_order()) == {
        "theirs": Errand(NOW, own=False, since=SINCE + 1),
        "own": OWN.failed(NOW + 60),
    }


def test_a_call_that_was_removed_does_not_come_back_with_the_outcome_of_its_attempt() -> None:
    found = errands(own=OWN)
    found.remove("own")

    found.update("own", OWN.failed(NOW))

    assert len(found) == 0


def test_what_is_due_whatever_its_backoff() -> None:
    theirs, own = errands(theirs=THEIRS.failed(NOW + 60)), errands(own=OWN.failed(NOW + 60))

    assert own.is_any_due(NOW, own_only=True)
    assert not own.is_any_due(NOW - 1, own_only=True)
    assert not theirs.is_any_due(NOW, own_only=True)
    assert theirs.is_any_due(NOW, own_only=False)


def test_the_next_attempt_is_when_a_call_is_due_and_its_backoff_is_over() -> None:
    assert Errands().next_at() == float("inf")
    assert errands(one=OWN.failed(NOW + 9), other=LATER).next_at() == NOW + 1
    assert errands(one=LATER.failed(NOW + 9)).next_at() == NOW + 9
