"""What is said while another speaks, typed before another thing is spoken, or shown alone, on spans of Pipecat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.pipecat_spans import assistant, heard, llm, moments_of, tts, turn, user
from support.said import said, timed, utterances

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView


def test_what_the_agent_says_while_the_customer_speaks_is_no_answer_to_that() -> None:
    moments = moments_of(
        [
            turn(0, 5_000, turn__user_bot_latency_seconds=0.6),
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


def _shown(*more: SpanView, kept: str) -> list[tuple[str, str]]:
    """Makes a turn whose first answer has no speech; the history of the second one keeps this of it."""
    first = [user("write it")]
    history = [*first, *([assistant(kept)] if kept else []), user("bye now")]
    return said(
        moments_of(
            [
                turn(0, 9_000),
                heard("write it", 0, 600),
                llm(1_000, 1_100, history=first, output="Written only."),
                heard("bye now", 3_000, 3_600),
                llm(4_000, 4_100, history=history, output="Bye."),
                tts("Bye.", 4_050),
                *more,
            ]
        )
    )


_ASKED, _ANSWERED = ("CUSTOMER", "write it"), [("CUSTOMER", "bye now"), ("AGENT", "Bye.")]


def test_a_reply_that_is_shown_and_not_spoken_is_said_where_a_history_holds_it() -> None:
    """As with `LLMConfigureOutputFrame(skip_tts=True)`, by which clients get their answers as text."""
    assert _shown(kept="Written only.") == [_ASKED, ("AGENT", "Written only."), *_ANSWERED]


@pytest.mark.parametrize("kept", ["", "Written only. Or so."])
def test_a_reply_that_no_history_holds_as_it_is_was_thrown_away(kept: str) -> None:
    assert _shown(kept=kept) == [_ASKED, *_ANSWERED]


def test_a_reply_that_is_spoken_when_it_is_given_again_is_said_once() -> None:
    again = [llm(6_000, 6_100, output="Written only."), tts("Written only.", 6_050)]

    assert [text for _, text in _shown(*again, kept="Written only.")].count("Written only.") == 1
