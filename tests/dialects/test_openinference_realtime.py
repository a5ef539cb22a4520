"""Realtime sessions in the OpenInference dialect, and what of a model's work there is not speech."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roark_otel._model.moments import Agent, Fact, Moment, Returned, ToolUse
from roark_otel._model.rows import SpanView
from roark_otel.dialects.openinference import OPENINFERENCE
from support.dumps import conversations, records
from support.said import MS, T0, interrupted, read_by, said, timed

if TYPE_CHECKING:
    from collections.abc import Iterable


SCOPE = "openinference.instrumentation.openai_agents"
DUMP = "realtime/openai_agents_openinference"


def moments_of(spans: Iterable[SpanView]) -> list[Moment]:
    return read_by(OPENINFERENCE, spans)


def span(
    kind: str, start: int, end: int | None, /, attributes: dict[str, Any], *, below: int = 1, name: str = ""
) -> SpanView:
    """Makes a span of the instrumentation with times in ms."""
    span_id = crc32(repr((kind, start, end, below, name)).encode())
    end_ns = None if end is None else T0 + end * MS
    given_kind = {"openinference.span.kind": kind}
    return SpanView(1, span_id, below, SCOPE, name or kind, T0 + start * MS, end_ns, {**given_kind, **attributes})


def turn(start: int, end: int | None, /, asked: str = "", answered: str = "", *, reason: str = "complete") -> SpanView:
    words = {"input.value": asked, "output.value": answered, "end_reason": reason}
    return span("AUDIO", start, end, {key: text for key, text in words.items() if text}, name="conversation.turn")


def user(
    below: SpanView, start: int, end: int | None, text: str | None, name: str = "input.audio.transcript"
) -> SpanView:
    return span("USER", start, end, {name: text} if text else {}, below=below.span_id, name="user")


def assistant(below: SpanView, start: int, end: int | None, text: str | None, waited: int | None = None) -> SpanView:
    words = {"output.audio.transcript": text, "time_to_first_token_ms": waited}
    found = {key: value for key, value in words.items() if value is not None}
    return span("LLM", start, end, found, below=below.span_id, name="assistant")


def model(start: int, end: int, asked: list[tuple[str, str]], answer: str, *, below: int = 1, **more: Any) -> SpanView:
    named: dict[str, Any] = {"llm.output_messages.0.message.content": answer}
    for number, (role, text) in enumerate(asked):
        named[f"llm.input_messages.{number}.message.role"] = role
        named[f"llm.input_messages.{number}.message.content"] = text
    return span(
        "LLM", start, end, {**named, **{key.replace("__", "."): value for key, value in more.items()}}, below=below
    )


# Realtime sessions


def test_a_recorded_session_is_what_was_said() -> None:
    moments = moments_of(records(DUMP))
    truth = conversations(DUMP)[0]

    assert said(moments) == [(one["role"], one["text"]) for one in truth["transcript"]]
    assert interrupted(moments) == ["We have many bicycles"]
    uses = [(one.name, one.parameters, one.outcome) for one in moments if isinstance(one, ToolUse)]
    assert uses == [("find_order", {"order_id": "A-1"}, Returned({"status": "shipped"}))]
    agents = [one.value for one in moments if isinstance(one, Fact) and one.name == "agent"]
    assert agents == [Agent(prompt="You are a shop.")]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_neither_the_order_of_spans_nor_duplicates_matter(data: st.DataObject) -> None:
    spans = records(DUMP)
    shuffled = data.draw(st.permutations([*spans, *data.draw(st.lists(st.sampled_from(spans), max_size=5))]))

    assert sorted(map(repr, moments_of(shuffled))) == sorted(map(repr, moments_of(spans)))


def test_the_first_audio_is_timed_from_when_the_customer_fell_silent() -> None:
    """The turn begins with the speech; the response that asks for a tool has no words, and the answer comes later."""
    one = turn(0, 6_000, "my order?", "It ships.")
    spans = [
        one,
        user(one, 70, 6_000, "my order?"),
        assistant(one, 1_000, 1_100, None),
        assistant(one, 1_500, 3_000, "It ships.", 700),
    ]

    assert timed(moments_of(spans)) == [("my order?", 0, 1_000), ("It ships.", 1_700, 3_000)]


def test_an_agent_that_speaks_first_has_a_turn_of_its_own() -> None:
    first, second = turn(0, 2_000, "", "Welcome!"), turn(2_000, 4_000, "hi", "Hello.")
    spans = [
        *(first, assistant(first, 10, 1_900, "Welcome!")),
        *(second, user(second, 2_000, 4_000, "hi"), assistant(second, 2_600, 3_900, "Hello.", 200)),
    ]

    assert timed(moments_of(spans)) == [("Welcome!", 10, 1_900), ("hi", 2_000, 2_600), ("Hello.", 2_800, 3_900)]


def test_what_was_said_or_typed_in_parts_is_said_in_parts() -> None:
    one = turn(0, 6_000, "First.\nSecond.", "So.\nThat is it.")
    spans = [
        *(one, user(one, 0, 6_000, "First."), user(one, 500, 6_000, "Second.", "input.value")),
        *(assistant(one, 1_000, 2_000, "So.", 100), assistant(one, 2_500, 3_000, "That is it.")),
    ]

    assert timed(moments_of(spans)) == [
        *(("First.", 0, None), ("Second.", 500, 1_000), ("So.", 1_100, 2_000), ("That is it.", 2_500, 3_000)),
    ]


def test_only_the_last_words_of_an_interrupted_turn_were_cut_short() -> None:
    one = turn(0, 3_000, "a story", "Well.\nOnce upon", reason="interrupted")
    spans = [one, assistant(one, 1_000, 1_500, "Well."), assistant(one, 2_000, 3_000, "Once upon")]

    assert interrupted(moments_of(spans)) == ["Once upon"]


def test_a_turn_has_the_words_that_no_span_below_it_has() -> None:
    one = turn(0, 3_000, "hi", "Hello.")

    assert said(moments_of([one])) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]
    spans = [one, user(one, 0, 3_000, None), assistant(one, 1_000, 2_000, None)]
    assert timed(moments_of(spans)) == [("hi", 0, None), ("Hello.", 1_000, 3_000)]


def test_spans_below_a_turn_that_never_ended_have_its_words() -> None:
    lost = turn(0, None)
    spans = [user(lost, 0, 900, "hi"), assistant(lost, 1_000, 2_000, "Hello.", 100)]

    assert timed(moments_of(spans)) == timed(moments_of([lost, *spans])) == [("hi", 0, 1_000), ("Hello.", 1_100, 2_000)]


@pytest.mark.parametrize("waited", [None, -5, "x", 10**9, float("nan"), True, []])
def test_a_wait_that_cannot_be_is_not_used(waited: Any) -> None:
    one = turn(0, 3_000)
    spans = [one, user(one, 0, 900, "hi"), assistant(one, 1_000, 2_000, "Hello.", waited)]

    assert timed(moments_of(spans)) == [("hi", 0, None), ("Hello.", 1_000, 2_000)]


def test_words_that_were_hidden_are_not_said() -> None:
    one = turn(0, 3_000, "__REDACTED__", "__REDACTED__")

    assert said(moments_of([one, user(one, 0, 900, "__REDACTED__")])) == []
    facts = [(found.name, found.value) for found in moments_of([one]) if isinstance(found, Fact)]
    assert facts == [("wordless_agent", "content"), ("property.framework", "openai-agents")]


# What is not speech


@pytest.mark.parametrize(
    "parameters",
    [
        {"response_format": {"type": "json_schema", "json_schema": {}}},
        {"response_format": {"type": "json_object"}, "model": "m"},
        {"response_format": "json"},
        {"text": {"format": {"type": "json_schema"}}},
        {"response_mime_type": "application/json"},
        {"generation_config": {"response_mime_type": "application/json"}},
    ],
)
def test_what_a_program_reads_nobody_hears(parameters: dict[str, Any]) -> None:
    asked = json.dumps(parameters)
    moments = moments_of(
        [
            model(0, 50, [("system", "Classify."), ("user", "my order?")], "order", llm__invocation_parameters=asked),
            model(60, 90, [("system", "Be kind."), ("user", "my order?")], "It ships."),
            model(
                99, 120, [("user", "my order?"), ("assistant", "It ships.")], "fine", llm__invocation_parameters=asked
            ),
        ]
    )

    assert said(moments) == [("CUSTOMER", "my order?"), ("AGENT", "It ships.")]


@pytest.mark.parametrize("parameters", ['{"response_format": {"type": "text"}}', "{}", "{", "[]", "7", 7, None])
def test_other_answers_are_heard(parameters: object) -> None:
    moments = moments_of([model(0, 50, [("user", "hi")], "Hello.", llm__invocation_parameters=parameters)])

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


def test_an_answer_in_json_is_not_speech_whatever_was_asked_for() -> None:
    moments = moments_of(
        [
            model(0, 50, [("user", "Is this allowed: my order?")], '{"allowed": true}'),
            model(60, 90, [("user", "my order?")], "It ships."),
        ]
    )

    assert said(moments) == [("CUSTOMER", "my order?"), ("AGENT", "It ships.")]


def test_what_a_tool_asks_a_model_is_not_part_of_the_conversation() -> None:
    tool = span("TOOL", 100, 300, {"tool.name": "f", "input.value": "{}"}, name="f")
    run = span("AGENT", 110, 290, {"agent.name": "helper"}, below=tool.span_id)
    moments = moments_of(
        [
            model(0, 90, [("user", "hi")], "Let me look."),
            *(tool, run, model(120, 280, [("user", "Summarise.")], "A-1 ships.", below=run.span_id)),
            model(310, 390, [("user", "hi"), ("assistant", "Let me look.")], "It ships.", below=tool.span_id),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Let me look."), ("AGENT", "It ships.")]


def test_what_adk_tells_one_agent_of_another_is_not_the_customer() -> None:
    contents = "llm.input_messages.1.message.contents"
    told = {
        "llm.input_messages.1.message.role": "user",
        f"{contents}.0.message_content.type": "text",
        f"{contents}.0.message_content.text": "For context:",
        f"{contents}.1.message_content.type": "text",
        f"{contents}.1.message_content.text": "[triage] said: Hello.",
    }
    asked = model(0, 90, [("user", "hi")], "Hello.")

    assert said(moments_of([asked._replace(attributes={**asked.attributes, **told})])) == [
        ("CUSTOMER", "hi"),
        ("AGENT", "Hello."),
    ]
