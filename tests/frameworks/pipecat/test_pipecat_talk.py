"""Who said what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frameworks.pipecat import roster
from frameworks.pipecat.roster import (
    CANCELLED,
    CUT_OFF,
    GOODBYE,
    GOODBYE_TEXT,
    GREETING,
    INTERRUPTION,
    METRICS_OFF,
    MODEL_ERROR,
    POLICY,
    THREE_TURNS,
)
from frameworks.pipecat.truths import compare, frames, overlaps, real, said, spoke, transcript
from support.lateness import slack

if TYPE_CHECKING:
    from frameworks.pipecat.running import Played

ALL = sorted(roster.SCENARIOS)


@pytest.mark.parametrize("external_id", [one for one in ALL if one != CUT_OFF])
def test_the_transcript_is_the_context_of_the_model(played: Played, external_id: str) -> None:
    """To the letter, and in its order."""
    heard = said(played.truth(external_id))

    assert len(heard) >= 3
    assert transcript(played.body(external_id)) == heard


@pytest.mark.parametrize("external_id", ALL)
def test_everybody_speaks_when_they_really_did(played: Played, external_id: str) -> None:
    def check(played: Played) -> None:
        truth, body, waits = played.truth(external_id), played.body(external_id), played.waits(external_id)
        compare(spoke(body, "CUSTOMER"), real(truth, "customer"), waits)
        compare(spoke(body, "AGENT"), real(truth, "agent"), waits)

    played.judge(external_id, check)


@pytest.mark.parametrize("external_id", ALL)
def test_only_who_interrupts_speaks_while_another_does(played: Played, external_id: str) -> None:
    truth, body = played.truth(external_id), played.body(external_id)
    expected = [(1, 1)] if external_id == INTERRUPTION else []

    assert overlaps(real(truth, "agent"), real(truth, "customer")) == expected
    assert overlaps(spoke(body, "AGENT"), spoke(body, "CUSTOMER")) == expected


def test_only_the_words_that_were_heard_count_when_the_customer_interrupts(played: Played) -> None:
    truth, body = played.truth(INTERRUPTION), played.body(INTERRUPTION)
    heard = said(truth)[2][1]
    (cut,) = [entry for entry in body["transcript"] if entry.get("payload", {}).get("interrupted")]

    assert cut["text"] == heard
    assert POLICY.startswith(heard)
    assert 0 < len(heard) < len(POLICY)
    assert body["properties"]["interruptions"] == 1


def test_nothing_is_called_interrupted_where_nobody_interrupted(played: Played) -> None:
    """Pipecat itself calls the last turn of every call interrupted."""
    marked = [
        external_id
        for external_id in ALL
        for entry in played.body(external_id)["transcript"]
        if entry.get("payload", {}).get("interrupted")
    ]

    assert marked == [INTERRUPTION]


def test_a_question_that_broke_the_model_is_part_of_a_call_that_goes_on(played: Played) -> None:
    truth, body = played.truth(MODEL_ERROR), played.body(MODEL_ERROR)

    assert frames(truth, "ErrorFrame")
    assert ("CUSTOMER", "Do you sell bells") in transcript(body)
    assert "endedStatus" not in body


def test_without_metrics_a_call_says_the_same(played: Played) -> None:
    assert transcript(played.body(METRICS_OFF)) == transcript(played.body(THREE_TURNS))


def test_what_the_app_lets_the_agent_say_as_it_ends_the_call_is_said(played: Played) -> None:
    truth, body = played.truth(GOODBYE), played.body(GOODBYE)

    assert len(frames(truth, "EndFrame")) == 1
    assert transcript(body)[-1] == ("AGENT", GOODBYE_TEXT)


def test_a_call_that_is_cancelled_tells_what_was_said(played: Played) -> None:
    truth = played.truth(CANCELLED)

    assert len(frames(truth, "CancelFrame")) == 1
    assert transcript(played.body(CANCELLED))[-1] == ("AGENT", "Yes, until six.")


def test_a_call_that_is_cancelled_while_the_agent_speaks_ends_there(played: Played) -> None:
    """What of the last reply was heard is in no span: no model is asked after it."""
    truth, body = played.truth(CUT_OFF), played.body(CUT_OFF)

    assert transcript(body) == [("AGENT", GREETING), ("CUSTOMER", "What can I return"), ("AGENT", POLICY)]
    assert said(truth)[:2] == transcript(body)[:2]

    def check(played: Played) -> None:
        (cancelled,) = frames(played.truth(CUT_OFF), "CancelFrame")
        last = spoke(played.body(CUT_OFF), "AGENT")[-1]
        busy = slack(played.waits(CUT_OFF), last, last)
        busy.expect(last.end <= cancelled["at"] + 0.5 + busy.seconds, f"{last} ends where {cancelled} says")

    played.judge(CUT_OFF, check)
