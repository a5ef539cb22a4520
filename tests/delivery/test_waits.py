"""How long a call waits for its recording, and which process looks after it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from roark_otel._delivery.waits import (
    NEVER,
    TAKE_OVER_SECONDS,
    TOUCH_SECONDS,
    Wait,
    seconds_left,
    seconds_until_free,
)
from roark_otel._spool.file import Header
from roark_otel.types import FinishedCall

NOW = 1_000.0
EPOCH = 1_795_000_000.0
INSTANT = datetime(2026, 1, 31, 9, 30, tzinfo=timezone.utc)
CALL = FinishedCall("call-1", "a1", 1, 0, INSTANT, INSTANT)
THEIRS = Wait(CALL, own=False, ask_at=NOW + 60, ends_at=NOW + 500)


def header(recording_wait: float = 0.0) -> Header:
    return Header("call-1", "a1", EPOCH, 0.0, 1, 0, recording_wait=recording_wait)


@pytest.mark.parametrize(
    ("recording_wait", "passed", "left"),
    [(0.0, 0.0, 100.0), (0.0, 40.0, 60.0), (0.0, 900.0, 0.0), (30.0, 10.0, 20.0), (30.0, 31.0, 0.0)],
)
def test_a_call_waits_for_the_time_in_its_header_or_in_the_settings(
    recording_wait: float, passed: float, left: float
) -> None:
    assert seconds_left(header(recording_wait), 100.0, EPOCH + passed) == left


def test_a_clock_that_was_set_back_makes_no_wait_longer() -> None:
    assert seconds_left(header(), 100.0, EPOCH - 86_400) == 100.0
    assert seconds_until_free(EPOCH, EPOCH - 86_400) == TAKE_OVER_SECONDS


def test_a_call_is_free_once_its_process_has_not_touched_it_for_long() -> None:
    assert seconds_until_free(EPOCH, EPOCH) == TAKE_OVER_SECONDS
    assert seconds_until_free(EPOCH, EPOCH + TAKE_OVER_SECONDS - 1) == 1.0
    assert seconds_until_free(EPOCH, EPOCH + TAKE_OVER_SECONDS + 1) == 0.0


def test_a_process_that_lives_touches_its_calls_before_they_are_free() -> None:
    assert TOUCH_SECONDS < TAKE_OVER_SECONDS / 2


def test_a_call_of_another_process_is_not_touched_and_is_asked_for_once_it_is_free() -> None:
    assert THEIRS.next_at(has_resolver=True) == NOW + 60
    assert THEIRS.left_alone(NOW + 90).ask_at == NOW + 90
    assert THEIRS.left_alone(NOW + 30).ask_at == NOW + 60


def test_without_a_resolver_only_the_end_of_a_wait_is_due() -> None:
    """Even after a recording could not be written: nothing would come of waking for it."""
    assert THEIRS.unresolved(NOW - 1).next_at(has_resolver=False) == NOW + 500


def test_a_process_looks_after_a_call_from_the_moment_it_asks() -> None:
    asked = THEIRS.asked(NOW + 60)

    assert (asked.own, asked.ask_at, asked.touch_at) == (True, NEVER, NOW + 60)
    assert asked.touched(NOW + 60).next_at(has_resolver=True) == NOW + 60 + TOUCH_SECONDS


def test_a_call_without_an_answer_is_asked_for_again() -> None:
    again = THEIRS.asked(NOW).unresolved(NOW + 7).asked(NOW + 7).unresolved(NOW + 9)

    assert (again.ask_at, again.failures) == (NOW + 9, 2)


def test_a_call_that_this_process_spooled_after_all_is_its_own() -> None:
    own = THEIRS.owned(NOW)

    assert (own.own, own.ask_at, own.touch_at) == (True, NOW, NOW + TOUCH_SECONDS)
