"""The GenAI dialect against recorded agents, and against what they do not show."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roark_otel._assembly.readers import Reading
from roark_otel._assembly.routes import Routes
from roark_otel._assembly.rows import Resources
from roark_otel._model.moments import Agent, Customer, Fact, Failed, Moment, Returned, Unanswered
from roark_otel._model.rows import Kind, SpanEvent, SpanView, row_of
from roark_otel._model.steps import no_pause
from roark_otel.dialects import DIALECTS, GEN_AI
from support.dumps import records
from support.kept import Uncut, kept_per_turn
from support.said import MS, T0, agents, read_by, said, tools, used, utterances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel.types import Unreadable

AGENTS_SDK = ["openai_agents_logfire_responses", "openai_agents_otel_v2_responses", "openai_agents_traceloop_responses"]
OTHERS = ["google_adk_gen_ai_latest_experimental", "openai_agents_voice_traceloop", "strands_agent"]
DUMPS = [*AGENTS_SDK, *OTHERS]
FAILED = Failed("An error occurred while running the tool. Please try again.")


def moments_of(spans: Iterable[SpanView], warned: list[Unreadable] | None = None) -> list[Moment]:
    return read_by(GEN_AI, spans, warned)


def framework(moments: Iterable[Moment]) -> list[object]:
    return [one.value for one in moments if isinstance(one, Fact) and one.name == "property.framework"]


def times(moments: Iterable[Moment], zero_ns: int = T0) -> list[int]:
    """Returns when each utterance began, in whole ms."""
    return [(one.start_ns - zero_ns) // MS for one in utterances(moments)]


def span(
    start: int, end: int | None, /, *, own: int = 0, scope: str = "app", events: Any = (), **named: Any
) -> SpanView:
    """Makes a span with times in ms; names of attributes get `gen_ai.` in front, and `__` in them stands for a dot."""
    attributes = {f"gen_ai.{key}".replace("__", "."): value for key, value in named.items()}
    span_id = own or crc32(repr((start, end, sorted(named))).encode())
    end_ns = None if end is None else T0 + end * MS
    return SpanView(1, span_id, 1, scope, "chat", T0 + start * MS, end_ns, attributes, events)


def message(role: str, *parts: object) -> dict[str, object]:
    """Makes a message of the current conventions; text becomes a part of text."""
    as_parts = [{"type": "text", "content": part} if isinstance(part, str) else part for part in parts]
    return {"role": role, "parts": as_parts}


def history(*texts: str, first: str = "user") -> list[dict[str, object]]:
    """Makes messages of customer and agent in turn."""
    roles = ("user", "assistant") if first == "user" else ("assistant", "user")
    return [message(roles[index % 2], one) for index, one in enumerate(texts)]


def model(start: int, end: int | None, asked: list[Any], *answered: object, **named: Any) -> SpanView:
    """Makes the span of a model that is asked with messages, and answers."""
    answer: dict[str, Any] = {"output__messages": json.dumps([message("assistant", *answered)])} if answered else {}
    return span(start, end, input__messages=json.dumps(asked), **answer, **named)


# Recorded agents


@pytest.mark.parametrize("dump", AGENTS_SDK)
def test_openai_agents_have_two_turns_with_every_bridge(dump: str) -> None:
    """The tool of the handoff, the objects written with `repr` and the repeated histories add nothing."""
    moments = moments_of(records(f"gen_ai/{dump}"))

    assert said(moments) == [
        ("CUSTOMER", "what is the weather in Paris"),
        ("AGENT", "It is 21 in Paris."),
        ("CUSTOMER", "thanks"),
        ("AGENT", "It is 21 in Paris."),
    ]
    ids = (None, None) if "otel_v2" in dump else ("call_1", "call_2")  # there only messages have ids
    assert used(moments) == [
        ("get_weather", {"city": "Paris"}, Returned({"t": 21, "city": "Paris"}), ids[0]),
        ("bad_tool", {"x": 1}, FAILED, ids[1]),
    ]
    assert agents(moments) == [Agent(name="triage"), Agent(name="billing")]
    assert framework(moments) == ["openai-agents"]
    assert {one.speaker for one in utterances(moments)} == {Customer(), Agent(name="billing")}
    assert {one.agent for one in tools(moments)} == {Agent(name="billing")}


@pytest.mark.parametrize(
    ("dump", "expected"),
    [
        ("openai_agents_logfire_responses", [16, 298, 302, 314]),
        ("openai_agents_otel_v2_responses", [2, 213, 218, 228]),
        ("openai_agents_traceloop_responses", [3, 310, 316, 332]),
    ],
)
def test_a_customer_speaks_when_the_run_begins_and_an_agent_when_its_model_is_done(
    dump: str, expected: list[int]
) -> None:
    spans = records(f"gen_ai/{dump}")

    assert expected == times(moments_of(spans), min(one.start_ns for one in spans))


def test_strands_says_each_turn_once() -> None:
    spans = records("gen_ai/strands_agent")
    moments = moments_of(spans)

    assert said(moments) == [
        ("CUSTOMER", "weather please"),
        ("AGENT", 'The tools said: {"t": 21, "city": "Paris"}.'),
        ("CUSTOMER", "please explode"),
        ("AGENT", "The tools said: Error: RuntimeError - exploded."),
    ]
    assert times(moments, min(one.start_ns for one in spans)) == [0, 643, 643, 916]
    weather = {"city": "Paris", "units": "C"}
    assert used(moments) == [
        ("get_weather", weather, Returned({"t": 21, "city": "Paris"}), "call_chatcmpl-1_0"),
        ("bad_tool", {"x": 1}, Failed("Error: RuntimeError - exploded"), "call_chatcmpl-3_0"),
    ]
    assert [one.description for one in tools(moments)] == ["weather", "bad"]
    assert agents(moments) == [Agent(name="Acme", prompt="SYS")]
    assert framework(moments) == ["strands-agents"]


def test_googles_merged_tools_are_not_a_tool_and_its_wrapped_text_is_text() -> None:
    moments = moments_of(records("gen_ai/google_adk_gen_ai_latest_experimental"))

    assert said(moments) == [("CUSTOMER", "weather?"), ("AGENT", "It is 21.")]
    assert used(moments) == [
        ("get_weather", {"city": "Paris"}, Returned({"t": 21}), "c1"),
        ("get_time", {"tz": "x"}, Returned("10:30"), "c2"),
    ]
    prompt = 'SYS\n\nYou are an agent. Your internal name is "acme_agent". The description about you is "d".'
    assert agents(moments) == [Agent(name="acme_agent", prompt=prompt)]
    assert framework(moments) == ["google-adk"]


def test_the_operation_of_a_voice_pipeline_shows_who_spoke() -> None:
    """The audio, base64 in a text part, is short enough here to look like a word."""
    moments = moments_of(records("gen_ai/openai_agents_voice_traceloop"))

    assert said(moments) == [("CUSTOMER", "hello there"), ("AGENT", "Hi, how can I help?")]
    assert tools(moments) == []
    assert agents(moments) == []


def test_spans_of_openinference_are_read_by_their_own_dialect() -> None:
    assert moments_of(records("gen_ai/openinference_pipecat_oi")) == []
    assert moments_of(records("gen_ai/openai_agents_openinference_responses")) == []


@pytest.mark.parametrize("scope", ["livekit-agents", "pipecat", "pipecat.turn"])
def test_spans_of_a_voice_framework_are_read_by_its_own_dialect_alone(scope: str) -> None:
    spoken = row_of(Kind.ENDED, model(0, 9, history("hi"), "Hello.", scope=scope))

    for dialects, words in ((DIALECTS, []), ((GEN_AI,), [("CUSTOMER", "hi"), ("AGENT", "Hello.")])):
        reading = Reading(Routes(dialects), lambda _: None, lambda: None, no_pause)
        found = dict(reading.read([spoken], Resources(), ()))
        assert said(found.get("gen_ai", ())) == words


# What holds for any conversation


def in_some_order(moments: Iterable[Moment]) -> list[str]:
    return sorted(map(repr, moments))


@pytest.mark.parametrize("dump", DUMPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_neither_the_order_of_spans_nor_duplicates_matter(dump: str, data: st.DataObject) -> None:
    spans = records(f"gen_ai/{dump}")
    expected = in_some_order(moments_of(spans))
    shuffled = data.draw(st.permutations(spans))
    repeated = data.draw(st.lists(st.sampled_from(spans), max_size=10))

    assert expected == in_some_order(moments_of([*shuffled, *repeated]))


WORDS = st.sampled_from(["yes", "no", "hello?", "Let me see.", "Let me"])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_order_of_spans_does_not_matter_in_any_conversation(data: st.DataObject) -> None:
    texts = data.draw(st.lists(WORDS, min_size=1, max_size=8))
    starts = st.integers(0, 2_000)
    spans: list[SpanView] = []
    for index in data.draw(st.lists(st.integers(1, len(texts)), max_size=6)):
        first = data.draw(st.integers(0, index - 1))
        start, answer = data.draw(starts), data.draw(st.lists(WORDS, max_size=1))
        asked = history(*texts[first:index], first="user" if first % 2 == 0 else "assistant")
        name = data.draw(st.sampled_from([None, "a", "b"]))
        named = {"agent__name": name, "operation__name": "invoke_agent"} if name else {}
        end = start + data.draw(st.integers(0, 500))
        spans.append(model(start, end, asked, *answer, own=len(spans) + 1, **named))
    expected = in_some_order(moments_of(spans))

    assert expected == in_some_order(moments_of(data.draw(st.permutations(spans))))


GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.binary(max_size=5),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=3)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["role", "type", "parts", "content", "text", "tool_calls", "function", "name", "id"]),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=8,
    ).flatmap(lambda value: st.sampled_from([value, json.dumps(value), json.dumps([value])])),
    st.sampled_from(
        [
            "[" * 100_000,
            '[{"a":' * 50_000,
            "{" * 100_000,
            "[" + "-" * 50_000 + "1]",
            "9" * 5_000,
            "[1e999]",
            "{'\\d': 1}",
            "[{'type': ",
            '[{"role": [], "parts": 3, "type": {}}]',
            '[{"role": "user", "parts": [{"type": [], "content": "x"}, 7, null]}]',
            '[{"role": "tool", "content": {"a": NaN}, "tool_call_id": 3}]',
            '[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}, "id": "x"}, 3]}]',
            "\ud800",
            10**400,
        ]
    ),
)
NAMES = [
    "gen_ai.operation.name",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.agent.name",
    "gen_ai.tool.name",
    "gen_ai.tool.call.id",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.x.y.z",
    "gen_ai.completion.0",
    "error.type",
    "events",
    "raw_input",
    "response",
    "name",
    "logfire.msg_template",
]
EVENTS = ["gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message", "gen_ai.client.inference.operation.details"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), dump=st.sampled_from(DUMPS))
def test_no_attribute_value_raises(data: st.DataObject, dump: str) -> None:
    def event(one: SpanEvent) -> SpanEvent:
        name = data.draw(st.one_of(st.sampled_from([one.name, *EVENTS]), GARBAGE))
        keys = ["content", "message", "gen_ai.input.messages", "gen_ai.output.messages"]
        return SpanEvent(name, one.time_ns, {key: data.draw(GARBAGE) for key in keys})

    def spoilt(one: SpanView) -> SpanView:
        keys = data.draw(st.lists(st.sampled_from(sorted({*one.attributes, *NAMES})), max_size=3))
        events = tuple(map(event, one.events[:1]))
        times_ns = data.draw(st.sampled_from([(one.start_ns, one.end_ns), (-1, 5), (5, None), (7, 5), (1 << 70, 5)]))
        attributes = {**one.attributes, **{key: data.draw(GARBAGE) for key in keys}}
        return one._replace(attributes=attributes, events=events, start_ns=times_ns[0], end_ns=times_ns[1])

    for moment in moments_of(map(spoilt, records(f"gen_ai/{dump}")[:12])):
        assert repr(moment)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(limit=st.integers(0, 400), dump=st.sampled_from(DUMPS))
def test_truncated_values_are_read_as_far_as_they_go(limit: int, dump: str) -> None:
    def cut(one: SpanView) -> SpanView:
        return one._replace(attributes={k: v[:limit] if isinstance(v, str) else v for k, v in one.attributes.items()})

    for moment in moments_of(map(cut, records(f"gen_ai/{dump}"))):
        assert repr(moment)


@pytest.mark.parametrize("window", [None, 20])
def test_each_turn_of_a_long_call_keeps_little(window: int | None) -> None:
    """Every span brings all the history along, or as much of it as the app sends, and it is not kept."""

    def call(turns: int) -> Iterator[SpanView]:
        return long_call(turns, window)

    assert len(utterances(moments_of(call(240)))) == 480
    assert kept_per_turn(call, many=140) < 1_400 < kept_per_turn(call, many=140, make=Uncut)


def long_call(turns: int, window: int | None) -> Iterator[SpanView]:
    spoken: list[str] = []
    for number in range(turns):
        spoken.append(json.dumps({**message("user", f"{number} where is the order " * 4), "name": "x" * 400}))
        answer = {**message("assistant", f"{number} it ships tomorrow " * 4), "name": "x" * 400}
        at, recent = number * 10_000, spoken if window is None else spoken[-window:]
        both = {"input__messages": f"[{', '.join(recent)}]", "output__messages": json.dumps([answer])}
        yield span(at, at + 900, own=2 * number + 1, agent__name="support", **both)
        run = {"operation__name": "invoke_agent", "agent__name": "support"}
        yield span(at - 5, at + 910, own=2 * number + 2, **run, **both)
        spoken.append(json.dumps(answer))


# Who said what, and when


def test_what_histories_repeat_is_said_once() -> None:
    moments = moments_of(
        [
            model(0, 100, history("hi"), "Hello."),
            model(5_000, 5_100, history("hi", "Hello.", "my order?"), "It ships."),
            model(5_050, 5_060, history("hi", "Hello.", "my order?"), "It ships."),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Hello."), ("CUSTOMER", "my order?"), ("AGENT", "It ships.")]
    assert times(moments) == [0, 100, 5_000, 5_060]


def test_the_same_words_are_said_as_often_as_a_history_holds_them() -> None:
    moments = moments_of(
        [
            model(0, 100, history("yes"), "Sure?"),
            model(5_000, 5_100, history("yes", "Sure?", "yes"), "Sure?"),
            model(9_000, 9_100, history("yes", "Sure?", "yes", "Sure?", "yes"), "Done."),
        ]
    )

    assert [text for _, text in said(moments)] == ["yes", "Sure?", "yes", "Sure?", "yes", "Done."]


@pytest.mark.parametrize("window", [1, 2, 3])
def test_the_same_words_are_said_again_where_the_history_forgets(window: int) -> None:
    spoken = ["yes", "Sure?", "no", "Really?", "yes", "Done."]
    spans = [
        model(at * 5_000, at * 5_000 + 100, history(*spoken[max(0, upto - window) : upto], first=first), spoken[upto])
        for at, upto in enumerate((1, 3, 5))
        for first in ["user" if max(0, upto - window) % 2 == 0 else "assistant"]
    ]

    assert spoken == [text for _, text in said(moments_of(spans))]


def test_a_model_that_is_asked_the_same_at_once_hears_nothing_new() -> None:
    router, answer = model(0, 90, history("my order?"), "orders"), model(95, 200, history("my order?"), "It ships.")

    assert [text for _, text in said(moments_of([router, answer]))] == ["my order?", "orders", "It ships."]


def test_a_greeting_that_is_only_in_a_history_comes_before_the_words_after_it() -> None:
    moments = moments_of([model(1_000, 1_100, history("Welcome!", "hi", first="assistant"), "Hello.")])

    assert said(moments) == [("AGENT", "Welcome!"), ("CUSTOMER", "hi"), ("AGENT", "Hello.")]
    assert times(moments) == [1_000, 1_000, 1_100]


def test_an_interrupted_answer_has_only_the_words_that_were_heard() -> None:
    moments = moments_of(
        [
            model(0, 100, history("a story"), "Once upon a time there was a king."),
            model(3_000, 3_100, history("a story", "Once upon a time", "stop"), "Fine."),
        ]
    )

    assert [text for _, text in said(moments)] == ["a story", "Once upon a time", "stop", "Fine."]
    assert [one.payload for one in utterances(moments)] == [{}, {"interrupted": True}, {}, {}]


def test_two_steps_of_one_turn_are_both_said() -> None:
    step = [*history("my order?"), message("assistant", "One moment.", {"type": "tool_call", "id": "c", "name": "f"})]
    moments = moments_of([model(0, 100, history("my order?"), "One moment."), model(200, 300, step, "It ships.")])

    assert [text for _, text in said(moments)] == ["my order?", "One moment.", "It ships."]


def test_an_open_span_says_its_answer_until_it_ends() -> None:
    half, whole = model(0, None, history("hi"), "Hel", own=7), model(0, 100, history("hi"), "Hello.", own=7)

    assert said(moments_of([half])) == [("CUSTOMER", "hi"), ("AGENT", "Hel")]
    assert said(moments_of([half, whole])) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]
    assert said(moments_of([whole, half])) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


def test_a_pipeline_that_hears_and_speaks_outranks_the_model_in_it() -> None:
    moments = moments_of(
        [
            span(0, 100, operation__name="transcription", output__messages=json.dumps([message("assistant", "hi")])),
            model(200, 300, [message("system", "Be kind."), *history("hi")], "Hello. *smiles*"),
            span(310, 400, operation__name="text_to_speech", input__messages=json.dumps([message("user", "Hello.")])),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]
    assert times(moments) == [0, 310]


def test_a_user_speech_span_holds_what_the_customer_said() -> None:
    heard = span(0, 100, operation__name="user_speech", input__messages=json.dumps([message("user", "hi")]))

    assert said(moments_of([heard])) == [("CUSTOMER", "hi")]


def test_an_open_turn_of_strands_is_replaced_when_it_has_ended() -> None:
    question = SpanEvent("gen_ai.user.message", T0, {"content": "hi"})
    answer = SpanEvent("gen_ai.choice", T0, {"message": "Hello."})
    turn: dict[str, Any] = {"operation__name": "invoke_agent", "scope": "strands.telemetry.tracer", "own": 7}
    half, whole = span(0, None, events=(question,), **turn), span(0, 9, events=(question, answer), **turn)

    assert said(moments_of([half])) == [("CUSTOMER", "hi")]
    assert (
        said(moments_of([half, whole])) == said(moments_of([whole, half])) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]
    )


def test_a_turn_is_its_last_question_and_its_last_answer() -> None:
    """Strands writes it like that with the newer conventions: a history may come along."""
    details = {
        "gen_ai.input.messages": json.dumps(history("hi", "Hello.", "my order?")),
        "gen_ai.output.messages": json.dumps([*history("my order?", "It ships.")]),
    }
    events = (SpanEvent("gen_ai.client.inference.operation.details", T0, details),)
    turn = span(0, 9, events=events, operation__name="invoke_agent", system="strands-agents")

    assert said(moments_of([turn])) == [("CUSTOMER", "my order?"), ("AGENT", "It ships.")]


def test_an_agent_that_another_one_asks_does_not_hear_the_customer() -> None:
    def turn(start: int, end: int, asked: str, answer: str) -> SpanView:
        question = SpanEvent("gen_ai.user.message", 0, {"content": asked})
        events = (question, SpanEvent("gen_ai.choice", 0, {"message": answer}))
        return span(start, end, operation__name="invoke_agent", scope="strands.telemetry.tracer", events=events)

    moments = moments_of([turn(10, 20, "find 17", "17 ships"), turn(0, 30, "my order?", "It ships.")])

    assert [text for _, text in said(moments)] == ["my order?", "It ships."]


# Shapes of messages

TOOL = {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ('[{"role": "user", "parts": [{"type": "text", "content": " hi "}]}]', "hi"),
        ([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}], "hi"),
        (['{"role": "user", "parts": [{"type": "text", "content": "hi"}]}'], "hi"),
        ({"role": "user", "content": "hi"}, "hi"),
        ("hi", "hi"),
        ('"hi"', "hi"),
        ('"hi" she said', '"hi" she said'),
        (['{"role": "user'], None),
        ("[" * 20 + '{"role": "user", "content": "hi"}' + "]" * 20, None),
        ('[{"role": "user", "content": "hi"}]', "hi"),
        ('[{"role": "user", "content": ["hi", "there"]}]', "hi there"),
        ('[{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]', "hi"),
        ('[{"role": "user", "content": [{"type": "input_audio", "data": "QUJD", "transcript": "hi"}]}]', "hi"),
        ('[{"role": "user", "content": [{"text": "hi"}]}]', "hi"),
        ('[{"text": "hi"}]', "hi"),
        ('[{"role": "Role.USER", "text": "hi"}]', "hi"),
        ('[{"role": "human", "content": "hi"}]', "hi"),
        ('{"messages": [{"role": "user", "content": "hi"}]}', "hi"),
        ('{"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}', "hi"),
        ('[[{"role": "user", "content": "hi"}]]', "hi"),
        ('[{"role": "user", "parts": [{"type": "reasoning", "content": "hm"}]}]', None),
        ('[{"role": "user", "parts": [{"type": "blob", "mime_type": "audio/wav", "content": "hm"}]}]', None),
        ('[{"role": "user", "parts": [{"type": "uri", "uri": "https://example.com/a.wav"}]}]', None),
        ('[{"role": "user", "parts": [{"type": "file", "file_id": "hm"}]}]', None),
        ('[{"role": "user", "parts": [{"type": "tool_call_response", "id": "c", "response": "hm"}]}]', None),
        ('[{"role": "user", "parts": [{"thought": true, "text": "hm"}]}]', None),
        ('[{"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": [{"text": "hm"}]}}]}]', None),
        ('[{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "hm"}]}]', None),
        ('[{"role": "system", "content": "hm"}]', None),
        ('[{"role": "developer", "content": "hm"}]', None),
        ('[{"role": "tool", "content": "hm"}]', None),
        ('[{"role": "critic", "content": "hm"}]', None),
        ('[{"type": "function_call_output", "call_id": "c", "output": "hm"}]', None),
        ('[{"type": "reasoning", "summary": []}]', None),
        ("[]", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_what_a_customer_says_is_found_in_any_shape(asked: object, expected: str | None) -> None:
    moments = moments_of([span(0, 9, input__messages=asked)])

    assert said(moments) == ([("CUSTOMER", expected)] if expected else [])


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        ('[{"role": "assistant", "parts": [{"type": "text", "content": "Hi."}], "finish_reason": "stop"}]', "Hi."),
        ('[{"role": "model", "parts": [{"text": "Hi."}]}]', "Hi."),
        ('[{"parts": [{"type": "text", "content": "Hi."}]}]', "Hi."),
        ('{"choices": [{"message": {"role": "assistant", "content": "Hi."}, "index": 0}]}', "Hi."),
        ('{"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi."}]}}]}', "Hi."),
        ('{"output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi."}]}], "text": null}', "Hi."),
        ('[{"role": "assistant", "content": null, "refusal": "I cannot."}]', "I cannot."),
        ("Hi.", "Hi."),
        (json.dumps([{"role": "assistant", "parts": [TOOL, {"type": "text", "content": "Hi."}]}]), "Hi."),
        (json.dumps([{"role": "assistant", "parts": [TOOL]}]), None),
        ('[{"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}]}]', None),
        ('[{"role": "assistant", "parts": [{"type": "thinking", "content": "hm"}]}]', None),
    ],
)
def test_what_an_agent_says_is_found_in_any_shape(answered: object, expected: str | None) -> None:
    moments = moments_of([span(0, 9, output__messages=answered)])

    assert said(moments) == ([("AGENT", expected)] if expected else [])


CALL = (
    "ResponseFunctionToolCall(arguments='{\"x\":1}', call_id='c', name='f', type='function_call', id='fc1', "
    "status='completed')"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CALL, None),
        (CALL[:40], None),
        ("ToolCall()", None),
        ("{'type': 'function_call', 'name': 'f', 'call_id': 'c', 'arguments': '{}'}", None),
        ("{'annotations': [], 'text': 'It is 21.', 'type': 'output_text'}", "It is 21."),
        ("[{'annotations': [], 'text': 'It is 21.', 'type': 'output_text'}]", "It is 21."),
        ("{'\\d': 1}", None),
        ("{'a': 1}", None),
        ("{'a': 1", None),
        ("{'a': " + "1" * 200_000, None),
        ('[{"type": "text", "text": "It is 21."}]', "It is 21."),
        ('[{"a": 1}]', None),
        (base64.b64encode(bytes(range(256))).decode(), None),
        (base64.b64encode(bytes(200)).decode(), None),
        (base64.encodebytes(bytes(range(256))).decode(), None),
        ("data:audio/wav;base64,QUJD", None),
        ("YES", "YES"),
        ("ha" * 40, "ha" * 40),
        ("Ha" + "ha" * 40, "Ha" + "ha" * 40),
        ("A" * 80, None),
        ("Sure (I think) = yes", "Sure (I think) = yes"),
        ("\ud800", "\ufffd"),
        ("  ", None),
    ],
)
def test_neither_audio_nor_objects_are_speech(text: str, expected: str | None) -> None:
    asked, answered = [message("user", text)], json.dumps([message("assistant", text)])

    assert said(moments_of([span(0, 9, input__messages=asked)])) == ([("CUSTOMER", expected)] if expected else [])
    assert said(moments_of([span(0, 9, output__messages=answered)])) == ([("AGENT", expected)] if expected else [])


EXPECTED = [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


def test_messages_are_found_on_the_event_of_details() -> None:
    details = {"gen_ai.input.messages": history("hi"), "gen_ai.output.messages": history("Hello.", first="assistant")}
    events = (SpanEvent("gen_ai.client.inference.operation.details", T0, details),)

    assert said(moments_of([span(0, 9, events=events)])) == EXPECTED


def test_messages_are_found_on_the_old_events_one_by_one() -> None:
    body = json.dumps({"role": "assistant", "content": "Hello."})
    events = (
        SpanEvent("gen_ai.system.message", T0, {"content": "Be kind."}),
        SpanEvent("gen_ai.user.message", T0, {"content": "hi", "role": "user"}),
        SpanEvent("gen_ai.assistant.message", T0, {"tool_calls": [{"id": "c", "function": {"name": "f"}}]}),
        SpanEvent("gen_ai.tool.message", T0, {"content": "[1]", "id": "c"}),
        SpanEvent("gen_ai.choice", T0, {"index": 0, "message": body}),
    )
    moments = moments_of([span(0, 9, events=events)])

    assert said(moments) == EXPECTED
    assert used(moments) == [("f", {}, Returned([1]), "c")]
    assert agents(moments) == [Agent(prompt="Be kind.")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('[{"text": "Hello."}]', "Hello."),
        ('[{"toolUse": {"toolUseId": "c", "name": "f", "input": {}}}]', None),
        ('{"content": "Hello.", "role": "assistant"}', "Hello."),
        ({"content": "Hello."}, "Hello."),
        ('{"t": 21}', None),
        ("[21]", "[21]"),
        ("[sic] Hello.", "[sic] Hello."),
        ('[{"text": "Hel', None),
        (None, None),
    ],
)
def test_the_body_of_an_event_is_a_message_or_words(body: object, expected: str | None) -> None:
    events = (SpanEvent("gen_ai.choice", T0, {"message": body}),)

    assert said(moments_of([span(0, 9, events=events)])) == ([("AGENT", expected)] if expected else [])


def test_messages_are_found_in_the_old_attributes_with_numbers() -> None:
    named: dict[str, Any] = {
        "prompt__0__role": "system",
        "prompt__0__content": "Be kind.",
        "prompt__10__role": "user",
        "prompt__10__content": "my order?",
        "prompt__2__role": "user",
        "prompt__2__content": json.dumps([{"type": "text", "text": "hi"}]),
        "prompt__9__role": "assistant",
        "prompt__9__content": "Hello.",
        "completion__0__role": "assistant",
        "completion__0__content": "It ships.",
        "completion__0__tool_calls__0__id": "c",
        "completion__0__tool_calls__0__name": "f",
        "completion__0__tool_calls__0__arguments": '{"x": 1}',
    }
    moments = moments_of([span(0, 9, **named)])

    assert [text for _, text in said(moments)] == ["hi", "Hello.", "my order?", "It ships."]
    assert used(moments) == [("f", {"x": 1}, Unanswered(), "c")]


def test_names_with_numbers_that_contradict_each_other_are_read_as_far_as_they_agree() -> None:
    named: dict[str, Any] = {
        "prompt__0": "hm",
        "prompt__0__content": "hm",
        "prompt__1__content": "hi",
        "prompt__one__content": "hm",
    }

    assert ("CUSTOMER", "hi") in said(moments_of([span(0, 9, **named)]))


def test_messages_are_found_in_the_lists_of_logfire() -> None:
    events = [
        {"event.name": "gen_ai.user.message", "content": "hi", "role": "user"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "Hello."}},
    ]
    listed = span(0, 9)._replace(attributes={"gen_ai.system": "openai", "events": json.dumps(events)})
    request = {
        "gen_ai.system": "openai",
        "logfire.msg_template": "Chat Completion with {request_data[model]!r}",
        "request_data": json.dumps({"messages": [{"role": "user", "content": "hi"}], "model": "m"}),
        "response_data": json.dumps({"message": {"role": "assistant", "content": "Hello."}}),
    }

    assert said(moments_of([listed])) == EXPECTED
    assert said(moments_of([listed._replace(attributes=request)])) == EXPECTED


def test_truncated_lists_are_read_as_far_as_they_go_with_one_warning() -> None:
    warned: list[Unreadable] = []
    whole = json.dumps(history("hi", "Hello.", "my order?"))
    spans = [
        span(0, 9, input__messages=whole[:-40]),
        span(10, 19, input__messages=whole[:-41], output__messages='{"role": "assis'),
    ]

    assert said(moments_of(spans, warned)) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]
    assert [one.attribute for one in warned] == ["gen_ai.input.messages", "gen_ai.output.messages"]
    assert "order" not in repr([one.why for one in warned])


# Tools


def tool(start: int, end: int, /, *, own: int = 0, below: int = 1, error: bool = False, **named: Any) -> SpanView:
    ran = span(start, end, own=own, operation__name="execute_tool", **{"tool__name": "f", **named})
    return ran._replace(parent_id=below, error=error)


def test_a_tool_without_a_span_is_read_from_messages() -> None:
    answer = message("tool", {"type": "tool_call_response", "id": "c1", "result": {"ok": True}})
    moments = moments_of(
        [
            model(0, 100, history("hi"), TOOL),
            model(300, 400, [*history("hi"), message("assistant", TOOL), answer], "Done."),
        ]
    )

    assert used(moments) == [("f", {"x": 1}, Returned({"ok": True}), "c1")]
    assert [(one.start_ns, one.end_ns) for one in tools(moments)] == [(T0 + 100 * MS, T0 + 300 * MS)]


def test_where_tools_have_spans_they_are_not_read_from_messages() -> None:
    moments = moments_of([model(0, 100, history("hi"), TOOL), tool(110, 150, tool__call__id="c2")])

    assert used(moments) == [("f", {}, Unanswered(), "c2")]


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("[1, 2]", [1, 2]),
        ('"10:30"', "10:30"),
        ("shipped", "shipped"),
        ("", ""),
        ('[{"json": {"a": 1}}]', {"a": 1}),
        ('[{"text": "a"}, {"type": "text", "text": "b"}]', ["a", "b"]),
        ('[{"text": "a", "id": 1}]', [{"text": "a", "id": 1}]),
        ('{"result": "x"}', {"result": "x"}),
    ],
)
def test_a_result_is_a_value_wherever_it_can_be(result: object, value: object) -> None:
    assert [one.outcome for one in tools(moments_of([tool(0, 9, tool__call__result=result)]))] == [Returned(value)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("{'a': None}", {"a": None}),
        ("", {}),
        ("{not json", {"arguments": "{not json"}),
        ("[1]", {"arguments": "[1]"}),
    ],
)
def test_parameters_are_an_object(arguments: object, expected: object) -> None:
    assert [one.parameters for one in tools(moments_of([tool(0, 9, tool__call__arguments=arguments)]))] == [expected]


def test_a_failed_tool_says_what_it_can() -> None:
    raised = (SpanEvent("exception", T0, {"exception.message": "no such order"}),)

    def outcome(one: SpanView) -> object:
        return tools(moments_of([one]))[0].outcome

    assert outcome(tool(0, 9, error=True, tool__call__result="Try again.")) == Failed("Try again.")
    assert outcome(tool(0, 9, error=True)._replace(events=raised)) == Failed("no such order")
    assert outcome(tool(0, 9, error=True)) == Failed("The tool failed.")
    described = tool(0, 9, error=True)
    described = described._replace(attributes={**described.attributes, "otel.status_description": "no such city"})
    assert outcome(described) == Failed("no such city")
    assert outcome(tool(0, 9)._replace(attributes={**tool(0, 9).attributes, "error.type": "Timeout"})) == Failed(
        "Timeout"
    )
    assert outcome(tool(0, 9, tool__status="error")) == Failed("The tool failed.")


def test_two_spans_of_one_use_are_one() -> None:
    given: dict[str, Any] = {"tool__call__arguments": {"x": 1}}
    by_id = [tool(0, 9, own=1, tool__call__id="c"), tool(20, 29, own=2, tool__call__id="c", tool__call__result="ok")]
    below = [tool(0, 9, own=1, **given), tool(2, 8, own=2, below=1, tool__call__id="c")]
    alike = [tool(0, 9, own=1, below=5, **given), tool(2, 8, own=2, below=6, **given, tool__call__result="ok")]

    assert used(moments_of(by_id)) == [("f", {}, Returned("ok"), "c")]
    assert used(moments_of(below)) == [("f", {"x": 1}, Unanswered(), "c")]
    assert used(moments_of(alike)) == [("f", {"x": 1}, Returned("ok"), None)]
    assert used(moments_of(by_id[::-1])) == used(moments_of(by_id))
    answered = [by_id[1], by_id[0]._replace(error=True), by_id[1]._replace(span_id=3)]
    assert used(moments_of(answered)) == [("f", {}, Failed("The tool failed."), "c")]


def test_uses_that_differ_are_kept_apart() -> None:
    one: dict[str, Any] = {"tool__call__arguments": {"x": 1}}
    other: dict[str, Any] = {"tool__call__arguments": {"x": 2}}

    assert len(tools(moments_of([tool(0, 9, own=2, **one), tool(2, 8, own=3, **other)]))) == 2
    assert len(tools(moments_of([tool(0, 9, own=2, **one), tool(9, 12, own=3, **one)]))) == 2
    ids = [tool(0, 9, own=2, tool__call__id="a", **one), tool(1, 8, own=3, tool__call__id="b", **one)]
    assert len(tools(moments_of(ids))) == 2


# Agents


def test_a_prompt_belongs_to_the_agent_that_got_it() -> None:
    moments = moments_of(
        [
            model(0, 100, history("hi"), "Hello.", agent__name="front", system_instructions="Greet."),
            model(900, 999, history("hi", "Hello.", "pay"), "Paid.", agent__name="back", system_instructions="Charge."),
        ]
    )

    assert agents(moments) == [Agent(name="front", prompt="Greet."), Agent(name="back", prompt="Charge.")]
    assert [one.speaker for one in utterances(moments)][1::2] == agents(moments)


def test_an_agent_without_a_name_on_its_model_is_the_one_that_runs() -> None:
    moments = moments_of(
        [
            span(0, 500, operation__name="invoke_agent", agent__name="front", own=1),
            span(500, 999, operation__name="invoke_agent", agent__name="back", own=2),
            model(10, 100, history("hi"), "Hello."),
            model(600, 700, history("hi", "Hello.", "pay"), "Paid."),
        ]
    )

    assert [one.speaker for one in utterances(moments) if isinstance(one.speaker, Agent)] == [
        Agent(name="front"),
        Agent(name="back"),
    ]


def test_prompts_that_change_with_every_turn_do_not_pile_up() -> None:
    def call(turns: int) -> Iterator[SpanView]:
        for number in range(turns):
            prompt = f"It is {number} o'clock. " + "Be kind. " * 500
            yield model(number, number, history("hi"), system_instructions=prompt, own=number + 1)

    assert kept_per_turn(call) < 600 < kept_per_turn(call, make=Uncut)
    assert str(agents(moments_of(call(240)))).count("It is 0 o'clock") == 1
