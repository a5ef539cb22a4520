"""Whether Roark is up, walked through as the state machine that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._delivery.answers import MAX_BACKOFF_SECONDS, REFUSED_RETRY_SECONDS, backoff
from roark_otel._delivery.availability import MAX_FAILURES, Availability, Pause
from roark_otel._model.receipts import Delivered, Refused, Rejected, TryAgain

if TYPE_CHECKING:
    from roark_otel._model.receipts import Receipt

NOW = 1_000.0
CHANCE = 0.5

OK = Delivered("call-1")
WRONG = Rejected(400, "startedAt")
REFUSED = Refused(401)
SILENCE = TryAgain(None, "ConnectError")
BUSY = TryAgain(60.0, "503")
BAD_CALL = TryAgain(None, "500", alone=True)
LEAVE_ALONE = TryAgain(300.0, "503", alone=True)


def after(*receipts: Receipt, start: Availability | None = None, now: float = NOW) -> Availability:
    found = start or Availability()
    for receipt in receipts:
        found = found.after(receipt, now, CHANCE)
    return found


def test_at_first_calls_may_be_sent() -> None:
    found = Availability()

    assert not found.is_down
    assert found.allows(0.0, in_flush=False)


@pytest.mark.parametrize("receipt", [OK, WRONG])
def test_an_answer_about_the_call_shows_that_roark_is_up(receipt: Receipt) -> None:
    found = after(SILENCE, BAD_CALL, receipt)

    assert (found.is_down, found.pause, found.pauses, found.failures) == (False, Pause.BACKOFF, 0, 0)
    assert not Availability().holds_up(receipt)


def test_a_refusal_holds_up_all_calls_for_minutes() -> None:
    found = after(REFUSED)

    assert Availability().holds_up(REFUSED)
    assert found == Availability(NOW + REFUSED_RETRY_SECONDS, Pause.REFUSED)
    assert found.is_down
    assert not found.allows(NOW + REFUSED_RETRY_SECONDS - 1, in_flush=False)
    assert found.allows(NOW + REFUSED_RETRY_SECONDS, in_flush=False)


def test_a_flush_tries_a_refused_key_once_more() -> None:
    assert after(REFUSED).allows(NOW, in_flush=True)


def test_a_new_key_ends_the_pause_of_a_refusal_and_of_nothing_else() -> None:
    assert after(REFUSED).with_new_key(NOW + 7) == Availability(NOW + 7)
    for receipt in (SILENCE, BUSY, BAD_CALL, OK):
        assert after(receipt).with_new_key(NOW + 7) == after(receipt)


def test_silence_holds_up_all_calls_with_a_growing_backoff() -> None:
    found = Availability()
    for pauses in range(1, 9):
        assert found.holds_up(SILENCE)
        found = after(SILENCE, start=found)

        assert found == Availability(NOW + backoff(pauses, CHANCE), Pause.BACKOFF, pauses)
        assert found.is_down
        assert not found.allows(NOW, in_flush=False)
        assert found.allows(NOW, in_flush=True)


def test_roark_is_left_alone_for_as_long_as_it_asks_for_even_by_a_flush() -> None:
    found = after(BUSY)

    assert Availability().holds_up(BUSY)
    assert found == Availability(NOW + 60.0, Pause.ASKED_FOR, 1)
    for in_flush in (False, True):
        assert not found.allows(NOW + 59.0, in_flush=in_flush)
        assert found.allows(NOW + 60.0, in_flush=in_flush)


@pytest.mark.parametrize("failure", [BAD_CALL, LEAVE_ALONE])
def test_a_call_that_fails_alone_holds_up_no_other(failure: Receipt) -> None:
    found = Availability()
    for failures in range(1, MAX_FAILURES):
        assert not found.holds_up(failure)
        found = after(failure, start=found)

        assert found == Availability(failures=failures)
        assert found.allows(NOW, in_flush=False)


@pytest.mark.parametrize("failure", [BAD_CALL, LEAVE_ALONE])
def test_several_calls_in_a_row_that_fail_alone_are_an_outage(failure: Receipt) -> None:
    """Even if Roark asked for time for the last one: that was about this call only."""
    before = after(*[failure] * (MAX_FAILURES - 1))

    assert before.holds_up(failure)
    assert after(failure, start=before) == Availability(NOW + backoff(1, CHANCE), Pause.BACKOFF, 1)


def test_a_delivery_in_between_begins_the_count_again() -> None:
    found = after(*[BAD_CALL] * (MAX_FAILURES - 1), OK, *[BAD_CALL] * (MAX_FAILURES - 1))

    assert (found.failures, found.pauses) == (MAX_FAILURES - 1, 0)


def test_an_outage_is_remembered_while_single_calls_fail() -> None:
    found = after(SILENCE, SILENCE, BAD_CALL)

    assert (found.pauses, found.failures, found.is_down) == (2, 1, True)


@pytest.mark.parametrize(("first", "second"), [(REFUSED, BUSY), (BUSY, REFUSED), (REFUSED, BAD_CALL), (BUSY, BAD_CALL)])
def test_the_latest_receipt_says_why_calls_wait(first: Receipt, second: Receipt) -> None:
    expected = {REFUSED: Pause.REFUSED, BUSY: Pause.ASKED_FOR, BAD_CALL: Pause.BACKOFF}

    assert after(first, second).pause is expected[second]


def test_a_pause_that_has_begun_goes_on_when_a_flush_delivers_a_call() -> None:
    """Other calls than the flushed ones wait until its end; a later flush does not."""
    found = after(REFUSED, OK, now=NOW)

    assert found.paused_until == NOW + REFUSED_RETRY_SECONDS
    assert found.allows(NOW, in_flush=True)


@given(
    receipts=st.lists(st.sampled_from([OK, WRONG, REFUSED, SILENCE, BUSY, BAD_CALL, LEAVE_ALONE]), max_size=40),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_no_sequence_of_receipts_pauses_for_ever(receipts: list[Receipt], chance: float) -> None:
    found = Availability()
    for receipt in receipts:
        holds_up = found.holds_up(receipt)
        found = found.after(receipt, NOW, chance)

        assert 0 <= found.failures < MAX_FAILURES
        assert found.allows(NOW + max(REFUSED_RETRY_SECONDS, MAX_BACKOFF_SECONDS, 60.0), in_flush=False)
        if holds_up:
            assert found.is_down
            assert found.paused_until >= NOW
