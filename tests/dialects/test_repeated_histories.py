"""What models were asked and answered, where later histories have it in another way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._model.moments import Utterance
from support.gen_ai_spans import history, message, model, moments_of, span
from support.said import MS, T0, said

if TYPE_CHECKING:
    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import SpanView

WHOLE = "Hello. How are you? It is late."


def cut_short(moments: list[Moment]) -> list[str]:
    return [one.text for one in moments if isinstance(one, Utterance) and one.payload.get("interrupted")]


def unanswered(start: int, end: int, asked: list[Any], own: int = 0) -> SpanView:
    return model(start, end, asked, span_id=own or start + 1)


# The customer


@pytest.mark.parametrize("began", [[], ["hi", "Hello."]])
@pytest.mark.parametrize("first", ["I want to", "I want to.", "i want"])
def test_words_that_the_customer_went_on_with_are_said_once(began: list[str], first: str) -> None:
    """A model was asked before the customer was done, and its work was thrown away."""
    whole = "I want to order a pizza"
    spans = [
        unanswered(1000, 1300, history(*began, first)),
        model(1400, 1900, history(*began, whole), "Which one?"),
        model(4000, 4500, history(*began, whole, "Which one?", "That one."), "Fine."),
    ]
    if began:
        spans.insert(0, model(0, 500, history("hi"), "Hello."))

    expected = [*began, whole, "Which one?", "That one.", "Fine."]
    assert [text for _, text in said(moments_of(spans))] == expected


def test_an_answer_to_the_beginning_of_the_words_was_not_spoken() -> None:
    began, whole = ["hi", "Hello."], "I want to order a pizza"
    spans = [
        model(0, 500, history("hi"), "Hello."),
        model(1000, 1500, history(*began, "I want to"), "What do you want?"),
        model(1400, 1900, history(*began, whole), "Which one?"),
        model(4000, 4500, history(*began, whole, "Which one?", "That one."), "Fine."),
    ]

    texts = [text for _, text in said(moments_of(spans))]
    assert texts == [*began, whole, "Which one?", "That one.", "Fine."]


@pytest.mark.parametrize("question", ["I need to weight", "Answer from these pages: […]\n\nQuestion: I need two weeks"])
def test_what_histories_have_in_place_of_a_question_was_said_when_it_was_asked(question: str) -> None:
    """It was heard wrongly first, or the model was given more than the words."""
    spans = [
        model(1000, 1500, history(question), "Since when?"),
        model(3000, 3500, history("I need two weeks", "Since when?", "May"), "Fine."),
    ]
    moments = moments_of(spans)

    assert [text for _, text in said(moments)] == ["I need two weeks", "Since when?", "May", "Fine."]
    assert next(one.start_ns for one in moments if isinstance(one, Utterance)) == T0 + 1000 * MS


@pytest.mark.parametrize("gap", [400, 5_000])
def test_words_that_begin_alike_are_two_where_the_agent_spoke_between_them(gap: int) -> None:
    spans = [model(0, 300, history("yes"), "Sure?"), model(gap, gap + 300, history("yes please"), "Fine.")]

    assert [text for _, text in said(moments_of(spans))] == ["yes", "Sure?", "yes please", "Fine."]


def test_words_that_were_dropped_for_others_were_said() -> None:
    """Nothing shows that the later ones are the same."""
    spans = [
        unanswered(0, 300, history("Wait a moment")),
        model(1_000, 1_300, history("What does it cost?"), "Nine."),
        model(2_000, 2_300, history("What does it cost?", "Nine.", "Good"), "Bye."),
    ]

    assert [text for _, text in said(moments_of(spans))][:2] == ["Wait a moment", "What does it cost?"]


# The agent


def test_of_two_answers_at_once_the_one_in_the_history_was_spoken() -> None:
    began = ["hi", "Hello.", "A pizza"]
    spans = [
        model(0, 500, history("hi"), "Hello."),
        model(1000, 1500, history(*began), "What pizza?"),
        model(1200, 1900, history(*began), "Which pizza?"),
        model(4000, 4500, history(*began, "Which pizza?", "That one."), "Fine."),
    ]

    texts = [text for _, text in said(moments_of(spans))]
    assert texts == [*began, "Which pizza?", "That one.", "Fine."]
    assert [text for _, text in said(moments_of(spans[:3]))][-2:] == ["What pizza?", "Which pizza?"]


@pytest.mark.parametrize("shown", ["Hello.  How are you? It is late.", "Hello.\nHow are you?\n\nIt is late. "])
def test_blanks_make_no_other_words(shown: str) -> None:
    spans = [
        model(0, 500, history("hi"), WHOLE),
        model(1000, 1500, history("hi", shown, "yes"), "Fine."),
        model(2000, 2500, history("hi", WHOLE, " yes", "Fine.", "Bye"), "Bye."),
    ]
    moments = moments_of(spans)

    assert [text.split() for _, text in said(moments)] == [
        one.split() for one in ("hi", WHOLE, "yes", "Fine.", "Bye", "Bye.")
    ]
    assert cut_short(moments) == []


@pytest.mark.parametrize(
    "mark",
    ["", "...", "…", " …", "—", " - ", " [interrupted]", "... (interrupted by user)", " <cut off>", " *interrupted*"],
)
def test_an_answer_that_was_cut_short_has_no_mark_of_it(mark: str) -> None:
    spans = [
        model(0, 500, history("hi"), WHOLE),
        model(1000, 1500, history("hi", "Hello. How are" + mark, "Stop"), "Fine."),
    ]
    moments = moments_of(spans)

    assert [text for _, text in said(moments)] == ["hi", "Hello. How are", "Stop", "Fine."]
    assert cut_short(moments) == ["Hello. How are"]


@pytest.mark.parametrize(
    ("pieces", "heard"),
    [
        (["Hello.", "How are you?", "It is late."], WHOLE),
        (["Hello.", "How are you? It is late."], WHOLE),
        (["Hello.", "How are you?"], "Hello. How are you?"),
    ],
)
def test_an_answer_may_be_several_messages_of_a_history(pieces: list[str], heard: str) -> None:
    asked = [message("user", "hi"), *(message("assistant", one) for one in pieces), message("user", "Yes")]
    moments = moments_of([model(0, 500, history("hi"), WHOLE), model(1000, 1500, asked, "Fine.")])

    assert [text for _, text in said(moments)] == ["hi", heard, "Yes", "Fine."]
    assert cut_short(moments) == ([] if heard == WHOLE else [heard])


@pytest.mark.parametrize("heard", ["Let me look. It was sent.", "Let me look.\nIt was"])
def test_several_answers_may_be_one_message_of_a_history(heard: str) -> None:
    first, last = "Let me look.", heard.removeprefix("Let me look.").strip()
    spans = [
        model(0, 500, history("hi"), first, span_id=5),
        model(600, 900, history("hi"), "It was sent.", span_id=6),
        model(2000, 2500, history("hi", heard, "Yes"), "Fine."),
    ]
    moments = moments_of(spans)

    assert [text for _, text in said(moments)] == ["hi", first, last, "Yes", "Fine."]
    assert cut_short(moments) == ([] if last == "It was sent." else [last])


@given(st.permutations(range(4)), st.booleans())
def test_the_order_in_which_spans_are_read_does_not_matter(order: list[int], twice: bool) -> None:
    whole = "I want to  order"
    spans = [
        unanswered(1000, 1300, history("hi", "Hello.", "I want to")),
        model(1400, 1900, history("hi", "Hello.", whole), "Which\none?"),
        model(1500, 1800, history("hi", "Hello.", whole), "What?"),
        model(4000, 4500, history("hi", "Hello.", "I want to order", "Which one?", "That."), "Fine."),
    ]
    from roark_otel.dialects import GEN_AI

    reader = GEN_AI.reader(lambda _: None)
    for index in [*order, *(order if twice else ())]:
        reader.read(spans[index])

    assert list(reader.moments()) == moments_of(spans)


def test_ten_thousand_questions_without_a_history_are_compared_in_little_time() -> None:
    """All have the same before them: nothing. Looking at each pair would take minutes."""
    spans = [
        span(
            at * 100,
            at * 100 + 50,
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.input.messages": json.dumps([message("user", f"question {at}")]),
                "gen_ai.output.messages": json.dumps([message("assistant", f"answer {at}")]),
            },
            span_id=at + 1,
        )
        for at in range(10_000)
    ]

    assert len(said(moments_of(spans))) == 20_000
