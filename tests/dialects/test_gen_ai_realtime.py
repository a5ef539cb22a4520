"""Realtime sessions in the GenAI dialect: recorded ones, those of the proposals, and what they may lack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roark_otel._model.moments import Fact, Returned
from support.dumps import conversations, records
from support.gen_ai_spans import event, history, message, model, moments_of, prompts, span, used
from support.said import interrupted, said, timed, utterances

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView
    from roark_otel.types import Unreadable

DUMPS = ["azure_voicelive", "pydantic_ai"]


def speech(start: int, end: int | None, text: str | None = None, operation: str = "user_speech") -> SpanView:
    """The customer speaks; the span has the words only if the provider transcribed them in time."""
    words = {} if text is None else {"gen_ai.input.messages": json.dumps([message("user", text)])}
    return span(start, end, {"gen_ai.operation.name": operation, **words})


def generation(start: int, end: int | None, asked: list[Any], answer: object, **more: Any) -> SpanView:
    return model(start, end, asked, answer, **{"operation__name": "realtime_inference", **more})


# Recorded sessions


@pytest.mark.parametrize("dump", DUMPS)
def test_a_recorded_session_is_what_was_said(dump: str) -> None:
    moments = moments_of(records(f"realtime/{dump}"))
    truth = conversations(f"realtime/{dump}")[0]

    assert said(moments) == [(one["role"], one["text"]) for one in truth["transcript"]]
    assert interrupted(moments) == ["We have many bicycles"]
    assert prompts(moments) == ["You are a shop."]
    assert sorted(name for name, _, _ in used(moments)) == sorted(one["name"] for one in truth["toolInvocations"])


@pytest.mark.parametrize("dump", DUMPS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_span_that_comes_twice_changes_nothing(dump: str, data: st.DataObject) -> None:
    spans = records(f"realtime/{dump}")
    repeated = data.draw(st.lists(st.sampled_from(spans), max_size=10))

    assert timed(moments_of([*spans, *repeated])) == timed(moments_of(spans))


@pytest.mark.parametrize("dump", DUMPS)
def test_of_a_session_that_was_cut_off_everything_until_then_is_said(dump: str) -> None:
    spans = sorted(records(f"realtime/{dump}"), key=lambda one: one.end_ns or 0)
    whole = said(moments_of(spans))

    for upto in range(0, len(spans), 7):
        found = said(moments_of(spans[:upto]))
        assert all(words in whole for words in found)


@pytest.mark.parametrize("dump", DUMPS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(limit=st.integers(0, 400))
def test_truncated_values_raise_nothing(dump: str, limit: int) -> None:
    def cut(found: Any) -> dict[str, Any]:
        return {key: value[:limit] if isinstance(value, str) else value for key, value in found.items()}

    spans = [
        one._replace(
            attributes=cut(one.attributes),
            events=tuple(each._replace(attributes=cut(each.attributes)) for each in one.events),
        )
        for one in records(f"realtime/{dump}")
    ]

    assert isinstance(moments_of(spans), list)


# The proposals


@pytest.mark.parametrize("operation", ["user_speech", "user_input"])
@pytest.mark.parametrize("generates", ["realtime_inference", "generate_live_content", "realtime"])
def test_who_speaks_does_so_for_as_long_as_the_span_lasts(operation: str, generates: str) -> None:
    """Under the names of today and of before; the words that both spans have are said once."""
    moments = moments_of(
        [
            speech(100, 900, "hi", operation),
            generation(1_000, 2_000, history("hi"), "Hello.", operation__name=generates),
        ]
    )

    assert timed(moments) == [("hi", 100, 900), ("Hello.", 1_000, 2_000)]


def test_speech_without_words_has_those_of_the_generation_that_came_of_it() -> None:
    moments = moments_of(
        [
            speech(100, 900),
            generation(1_000, 2_000, history("hi"), "Hello."),
            speech(1_900, 2_400),
            generation(2_500, 3_000, history("hi", "Hello.", "no, wait"), "Yes?"),
        ]
    )

    assert timed(moments) == [
        ("hi", 100, 900),
        ("Hello.", 1_000, 2_000),
        ("no, wait", 1_900, 2_400),
        ("Yes?", 2_500, 3_000),
    ]


def test_words_that_are_transcribed_late_are_those_of_their_own_speech() -> None:
    """The first generation asks for a tool, and does not know yet what the customer said."""
    moments = moments_of(
        [
            speech(100, 900),
            generation(1_000, 1_100, [message("user")], {"type": "tool_call", "id": "c", "name": "f"}),
            generation(1_500, 2_000, history("my order?"), "It ships."),
            speech(3_000, 3_500),
            speech(3_600, 3_900),
            generation(4_000, 4_500, [*history("my order?", "It ships.", "thanks"), message("user", "bye")], "Bye."),
        ]
    )

    assert [(text, start) for text, start, _ in timed(moments)] == [
        ("my order?", 100),
        ("It ships.", 1_500),
        ("thanks", 3_000),
        ("bye", 3_600),
        ("Bye.", 4_000),
    ]


def test_noise_and_typed_words_have_no_speech() -> None:
    moments = moments_of(
        [
            speech(10, 50),
            speech(100, 900),
            generation(1_000, 2_000, history("hi"), "Hello."),
            generation(3_000, 3_400, history("hi", "Hello.", "typed"), "Fine."),
        ]
    )

    assert timed(moments) == [
        ("hi", 100, 900),
        ("Hello.", 1_000, 2_000),
        ("typed", 3_000, None),
        ("Fine.", 3_000, 3_400),
    ]


@pytest.mark.parametrize("has_words", [True, False])
@pytest.mark.parametrize("has_history", [True, False])
def test_the_same_words_are_said_as_often_as_they_were(*, has_words: bool, has_history: bool) -> None:
    spans: list[SpanView] = []
    for turn in range(3):
        at, asked = turn * 5_000, history(*[*["yes", "Sure?"] * turn, "yes"]) if has_history else history("yes")
        spans += [speech(at, at + 500, "yes" if has_words else None), generation(at + 600, at + 900, asked, "Sure?")]

    assert [(text, start) for text, start, _ in timed(moments_of(spans))] == [
        *(("yes", 0), ("Sure?", 600), ("yes", 5_000), ("Sure?", 5_600), ("yes", 10_000), ("Sure?", 10_600)),
    ]


@pytest.mark.parametrize(
    "reasons", [["cancelled"], ("turn_detected",), "interrupted", ["stop", "client_cancelled"], ["CANCELLED"]]
)
def test_a_generation_that_was_cut_short_is_an_interruption(reasons: object) -> None:
    cut = generation(1_000, 2_000, history("hi"), "Once upon", response__finish_reasons=reasons)
    whole = generation(3_000, 4_000, history("hi", "Once upon", "stop"), "Fine.", response__finish_reasons=["stop"])

    assert interrupted(moments_of([cut, whole])) == ["Once upon"]


@pytest.mark.parametrize("name", ["gen_ai.agent.invocation.end_reason", "gen_ai.conversation.turn.end_reason"])
def test_the_end_reason_of_a_run_says_whether_its_last_words_were_interrupted(name: str) -> None:
    def run(start: int, end: int, reason: str) -> SpanView:
        return span(start, end, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", name: reason})

    moments = moments_of(
        [
            run(0, 2_500, "interrupted"),
            model(100, 200, history("a story"), "One moment."),
            model(300, 2_400, history("a story", "One moment.", "yes"), "Once upon a time"),
            run(3_000, 3_900, "completed"),
            model(3_100, 3_800, history("a story", "One moment.", "yes", "Once upon a time", "stop"), "Fine."),
            run(5_000, 5_100, "session_closed"),
        ]
    )

    assert interrupted(moments) == ["Once upon a time"]


def test_a_cascade_transcribes_and_synthesizes() -> None:
    """The words have the role that the model's side of a call has, and the audio is a part of its own."""
    audio = {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "bW9jaw=="}
    heard = {
        "gen_ai.input.messages": [message("user", audio)],
        "gen_ai.output.messages": [message("assistant", "hallo")],
    }
    spoke = {"gen_ai.input.messages": [message("user", "Ja?")], "gen_ai.output.messages": [message("assistant", audio)]}
    language = {"gen_ai.speech.input.language": "de"}
    moments = moments_of(
        [
            span(0, 100, {"gen_ai.operation.name": "speech_to_text", **language, **heard}),
            model(110, 150, history("hallo"), "Ja?"),
            span(160, 300, {"gen_ai.operation.name": "text_to_speech", "gen_ai.speech.voice": "alloy", **spoke}),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hallo"), ("AGENT", "Ja?")]
    assert [one.language_code for one in utterances(moments)] == ["de", None]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "transcription", "content": "hi"},
        {"type": "blob", "modality": "audio", "content": "bW9jaw==", "transcript": "hi"},
        {"type": "uri", "modality": "audio", "uri": "https://example.com/a.wav", "transcript": "hi"},
        {"type": "input_audio", "input_audio": {"data": "bW9jaw==", "transcript": "hi"}},
        {"type": "audio", "audio": {"audio": {"url": "https://example.com/a.wav", "transcript": "hi"}}},
    ],
)
def test_the_transcript_of_audio_is_words(part: dict[str, object]) -> None:
    assert said(moments_of([generation(0, 90, [message("user", part)], part)])) == [("CUSTOMER", "hi"), ("AGENT", "hi")]


def test_a_model_that_speaks_in_a_chat_has_its_words_beside_the_audio() -> None:
    answer = {"role": "assistant", "content": None, "audio": {"id": "a", "data": "bW9jaw==", "transcript": "Hello."}}
    spoken = model(0, 90, history("hi"))
    spoken = spoken._replace(attributes={**spoken.attributes, "gen_ai.output.messages": json.dumps([answer])})

    assert said(moments_of([spoken])) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


@pytest.mark.parametrize("operation", ["realtime_session", "live_session"])
def test_whose_words_the_span_of_a_session_has_is_not_guessed(operation: str) -> None:
    session = model(0, 9_000, history("hi", "Hello."), "Hello. Bye.", operation__name=operation)

    assert said(moments_of([session])) == []


def test_what_still_goes_on_has_no_end() -> None:
    moments = moments_of([speech(100, None, "hi"), generation(1_000, None, history("hi"), "Hel")])

    assert timed(moments) == [("hi", 100, None), ("Hel", 1_000, None)]


def test_a_generation_whose_span_was_made_afterwards_is_said_when_it_was_made() -> None:
    assert timed(moments_of([generation(2_000, 2_001, history("hi"), "Hello.")])) == [
        *(("hi", 2_000, None), ("Hello.", 2_001, None)),
    ]


# pydantic-ai


def test_words_that_nobody_answered_are_in_the_whole_conversation_only() -> None:
    everything = json.dumps(history("hi", "Hello.", "bye"))
    realtime = {"pydantic_ai.realtime": True}
    session = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "shop",
        "pydantic_ai.all_messages": everything,
    }
    moments = moments_of(
        [
            span(0, 5_000, {**session, **realtime}, scope="pydantic-ai"),
            span(100, 900, realtime, scope="pydantic-ai", name="user speech"),
            (answer := model(1_000, 2_000, history("hi"), "Hello."))._replace(
                attributes={**answer.attributes, **realtime}
            ),
            span(3_000, 3_500, realtime, scope="pydantic-ai", name="user speech"),
            span(3_600, 3_600, realtime, scope="pydantic-ai", name="model turn complete"),
        ]
    )

    assert timed(moments) == [("hi", 100, 900), ("Hello.", 1_000, 2_000), ("bye", 3_000, 3_500)]


# Azure Voice Live

LIVE = {"gen_ai.system": "az.ai.voicelive", "gen_ai.operation.name": "recv"}


def received(at: int, kind: str, **fields: Any) -> SpanView:
    """Makes the span of one event of the protocol, as the SDK does: it waits for the event, and ends with it."""
    body = {"type": kind, **fields}
    one = event("gen_ai.output.messages", body, at, **{"gen_ai.voice.event_type": kind})
    item = {"gen_ai.voice.item_id": fields["item_id"]} if "item_id" in fields else {}
    return span(at - 5, at, {**LIVE, **item}, name=f"recv {kind}", events=(one,))


def sent(at: int, item: dict[str, Any]) -> SpanView:
    body = {"type": "conversation.item.create", "item": item}
    return span(at, at, LIVE, name="send", events=(event("gen_ai.input.messages", body, at),))


def heard(item: str, start: int, end: int, text: str | None) -> list[SpanView]:
    transcribed = "conversation.item.input_audio_transcription.completed"
    return [
        received(start, "input_audio_buffer.speech_started", item_id=item),
        received(end, "input_audio_buffer.speech_stopped", item_id=item),
        received(end + 300, transcribed, item_id=item, content_index=0, transcript=text),
    ]


def answered(item: str, start: int, end: int, text: str, *, now: str = "") -> list[SpanView]:
    """The agent speaks; `now` is what newer versions of the protocol put before `audio`."""
    return [
        received(start, f"response.{now}audio.delta", item_id=item, delta="AAAA"),
        received(start + 100, f"response.{now}audio.delta", item_id=item, delta="AAAA"),
        received(end, f"response.{now}audio.done", item_id=item),
        received(end + 1, f"response.{now}audio_transcript.done", item_id=item, content_index=0, transcript=text),
    ]


@pytest.mark.parametrize("now", ["", "output_"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_events_say_who_spoke_and_when_in_any_order(now: str, data: st.DataObject) -> None:
    """The transcription of what the customer said comes while the agent answers it already."""
    events = [*heard("u1", 100, 900, "hi"), *answered("a1", 1_000, 2_000, "Hello.", now=now)]
    shuffled = data.draw(st.permutations([*events, *events]))

    moments = moments_of(one._replace(start_ns=1, end_ns=2, span_id=at) for at, one in enumerate(shuffled))

    assert timed(moments) == [("hi", 100, 900), ("Hello.", 1_000, 2_000)]


def test_a_reply_that_the_customer_cut_short_is_an_interruption() -> None:
    item = {"id": "a1", "type": "message", "role": "assistant", "status": "incomplete"}
    content = [{"type": "audio", "transcript": "Once upon"}]
    done = {"status": "cancelled", "output": [{**item, "content": content}]}

    moments = moments_of([*answered("a1", 1_000, 2_000, "Once upon"), received(2_001, "response.done", response=done)])

    assert timed(moments) == [("Once upon", 1_000, 2_000)]
    assert interrupted(moments) == ["Once upon"]


def test_words_come_from_whichever_event_has_them() -> None:
    """Typed ones from the item itself, the agent's from the whole response, text from its own events."""
    typed = {"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "typed"}]}
    note = {"id": "s1", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "Greet."}]}
    spoken = {"id": "a1", "type": "message", "role": "assistant", "content": [{"type": "audio", "transcript": "One."}]}
    moments = moments_of(
        [
            received(10, "conversation.item.created", item=note),
            received(100, "conversation.item.created", item=typed),
            received(101, "conversation.item.done", item=typed),
            received(900, "response.done", response={"status": "completed", "output": [spoken]}),
            received(1_000, "response.output_text.done", item_id="a2", content_index=0, text="Two."),
        ]
    )

    assert said(moments) == [("CUSTOMER", "typed"), ("AGENT", "One."), ("AGENT", "Two.")]


@pytest.mark.parametrize("text", [None, "", "  "])
def test_speech_that_was_not_transcribed_is_not_said(text: str | None) -> None:
    assert said(moments_of(heard("u1", 100, 900, text))) == []


@pytest.mark.parametrize("early", [True, False])
def test_a_tool_is_used_from_its_call_to_its_output(*, early: bool) -> None:
    """The name of the function may come with the item only."""
    item = {"id": "f1", "type": "function_call", "name": "find", "call_id": "c1", "arguments": ""}
    arguments = {"item_id": "f1", "call_id": "c1", "arguments": '{"id": "A-1"}'}
    named = {**arguments, "name": "find"} if early else arguments
    moments = moments_of(
        [
            received(90, "response.output_item.added", item=item),
            received(100, "response.function_call_arguments.done", **named),
            sent(500, {"type": "function_call_output", "call_id": "c1", "output": '{"status": "shipped"}'}),
            received(510, "response.output_item.done", item={**item, "arguments": '{"id": "A-1"}'}),
        ]
    )

    assert used(moments) == [("find", {"id": "A-1"}, Returned({"status": "shipped"}))]
    assert said(moments) == []


@pytest.mark.parametrize(
    "body", ['{"type": "response.do', "[]", "null", "7", '"x"', "{}", '{"type": []}', '{"type": {}}']
)
def test_an_event_that_cannot_be_read_costs_itself(body: str) -> None:
    warned: list[Unreadable] = []
    bad = span(50, 60, LIVE, events=(event("gen_ai.output.messages", body),))

    assert said(moments_of([bad, bad, *heard("u1", 100, 900, "hi")], warned)) == [("CUSTOMER", "hi")]
    assert [one.attribute for one in warned] == (["gen_ai.event.content"] if body.startswith('{"type": "') else [])


@pytest.mark.parametrize("at", [None, "now", -1, 1 << 70, 1.5])
def test_an_event_at_no_time_says_nothing(at: object) -> None:
    events = [one._replace(events=(one.events[0]._replace(time_ns=at),)) for one in heard("u1", 100, 900, "hi")]

    assert said(moments_of(events)) == []


def test_a_session_whose_content_is_hidden_says_so() -> None:
    events = [one._replace(events=(one.events[0]._replace(attributes={}),)) for one in heard("u1", 100, 900, "hi")]

    facts = [(one.name, one.value) for one in moments_of(events) if isinstance(one, Fact)]
    assert ("wordless_agent", "content") in facts
    assert "wordless_agent" not in [one.name for one in moments_of(heard("u1", 1, 9, "hi")) if isinstance(one, Fact)]
