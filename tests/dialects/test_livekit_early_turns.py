"""Turns of the customer's that begin before their words, as in versions that do not say when words were recognised."""

from __future__ import annotations

import pytest

from support.livekit import moments_of, span
from support.said import said, timed


@pytest.mark.parametrize(
    ("text", "blip", "start"),
    [("Go on", 0, 6_500), ("Go on", 3_200, 3_200), ("I would like to go on with the policy", 0, 0)],
    ids=["after a pause", "without a pause", "with more words than fit behind the pause"],
)
def test_noise_long_before_the_words_is_not_part_of_what_was_said(text: str, blip: int, start: int) -> None:
    moments = moments_of(
        [
            span("user_turn", blip, 7_500, own=2, lk__user_transcript=text),
            span("user_speaking", blip, blip + 350, below=2),
            span("user_speaking", 6_500, 7_100, below=2),
        ]
    )

    assert timed(moments) == [(text, start, 7_100)]


@pytest.mark.parametrize("second", ["Two things", "One thing"])
def test_a_turn_that_begins_just_before_the_reply_to_the_last_one_is_said_once(second: str) -> None:
    """LiveKit 1.3 begins the next turn of the customer's when the last one is committed."""
    moments = moments_of(
        [
            span("user_turn", 0, 900, own=2, lk__user_transcript="One thing"),
            span("user_turn", 901, 4_000, own=3, lk__user_transcript=second),
            span("agent_turn", 902, 1_500, own=4, lk__user_input="One thing", lk__response__text="One."),
            span("agent_speaking", 1_000, 1_500, below=4),
            span("user_speaking", 3_000, 3_600, below=3),
            span("user_turn", 4_000, 9_000, own=5),
            span("agent_turn", 4_001, 5_000, own=6, lk__user_input=second, lk__response__text="Two."),
            span("agent_speaking", 4_100, 5_000, below=6),
        ]
    )

    assert said(moments) == [("CUSTOMER", "One thing"), ("AGENT", "One."), ("CUSTOMER", second), ("AGENT", "Two.")]
