"""What is said while another speaks, and what is typed before another thing is spoken, on spans of Pipecat."""

from __future__ import annotations

from support.pipecat_spans import assistant, heard, llm, moments_of, tts, turn, user
from support.said import said, timed, utterances

_LATENCY = {"turn__user_bot_latency_seconds": 0.6}


def test_what_the_agent_says_while_the_customer_speaks_is_no_answer_to_that() -> None:
    moments = moments_of(
        [
            turn(0, 5_000, **_LATENCY),
            heard("I am talking long", 0, 1_600),
            tts("Short note.", 700),
            llm(2_000, 2_100, output="Heard you."),
            tts("Heard you.", 2_100),
        ]
    )

    assert [(text, start) for text, start, _ in timed(moments)] == [
        ("I am talking long", 0),
        ("Short note.", 750),
        ("Heard you.", 2_200),
    ]
    assert [one.payload.get("response_latency_ms") for one in utterances(moments)] == [None, None, 600]


def test_what_was_typed_before_something_was_said_stands_before_it() -> None:
    """No model was asked when it was typed, so only the history of the next call has it."""
    history = [user("hello"), assistant("Hi."), user("12 Lake Road"), user("is that right")]
    moments = moments_of(
        [
            turn(0, 3_000),
            heard("hello", 0, 600),
            llm(1_000, 1_100, history=history[:1], output="Hi."),
            tts("Hi.", 1_050),
            turn(5_000, 9_000, own=3),
            heard("is that right", 5_000, 5_800, below=3),
            llm(6_300, 6_400, history=history, output="It is.", below=3),
            tts("It is.", 6_350, below=3),
        ]
    )

    assert said(moments) == [
        ("CUSTOMER", "hello"),
        ("AGENT", "Hi."),
        ("CUSTOMER", "12 Lake Road"),
        ("CUSTOMER", "is that right"),
        ("AGENT", "It is."),
    ]
