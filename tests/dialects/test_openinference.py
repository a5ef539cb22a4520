"""The OpenInference dialect against recorded agents, and against what they do not show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roark_otel._model.moments import Agent, Customer, Fact, Failed, Moment, Returned, ToolUse, Unanswered, Utterance
from roark_otel._model.rows import SpanView
from roark_otel.dialects.openinference import OPENINFERENCE
from support.dumps import record, records
from support.kept import Hoarding, Uncut, kept_per_turn
from support.paths import SPANS
from support.said import MS, T0, agents, read_by, said, tools, used, utterances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel.types import Unreadable

DUMPS = ["openai_agents_openinference_responses", "openinference_pipecat_oi"]
PIPECAT = "openinference.instrumentation.pipecat"
STORY = "Once upon a time there was a very long story."
TOOLS_SAID = 'The tools said: {"conditions": "nice", "temperature": 21, "city": "Paris"}; "10:30".'


def moments_of(spans: Iterable[SpanView], warned: list[Unreadable] | None = None) -> list[Moment]:
    return read_by(OPENINFERENCE, spans, warned)


def framework(moments: Iterable[Moment]) -> list[object]:
    return [one.value for one in moments if isinstance(one, Fact) and one.name == "property.framework"]


def interval(one: Utterance | ToolUse, zero_ns: int = T0) -> tuple[int, int | None]:
    """Returns when something began and ended, in whole ms."""
    return (one.start_ns - zero_ns) // MS, None if one.end_ns is None else (one.end_ns - zero_ns) // MS


def span(
    kind: str | None, start: int, end: int | None, /, *, own: int = 0, below: int = 1, name: str = "span", **named: Any
) -> SpanView:
    """Makes a span with times in ms; in names of attributes `__` stands for a dot."""
    attributes = {key.replace("__", "."): value for key, value in named.items()}
    if kind is not None:
        attributes["openinference.span.kind"] = kind
    span_id = own or crc32(repr((kind, start, end, name, sorted(named))).encode())
    end_ns = None if end is None else T0 + end * MS
    return SpanView(1, span_id, below, "app", name, T0 + start * MS, end_ns, attributes)


def model(start: int, end: int, asked: list[tuple[str, str]], answer: str | None, *, own: int = 0) -> SpanView:
    """Makes the span of a model that is asked with messages, given field by field, and answers."""
    named: dict[str, Any] = {}
    for number, (role, text) in enumerate(asked):
        named[f"llm.input_messages.{number}.message.role"] = role
        named[f"llm.input_messages.{number}.message.content"] = text
    if answer is not None:
        named["llm.output_messages.0.message.content"] = answer
    return span("LLM", start, end, own=own, **named)


# Recorded agents


def test_openai_agents_have_two_turns() -> None:
    """The handoff, a tool without a name, and the repeated histories add nothing."""
    spans = records("gen_ai/openai_agents_openinference_responses")
    moments = moments_of(spans)

    assert said(moments) == [
        ("CUSTOMER", "what is the weather in Paris"),
        ("AGENT", "It is 21 in Paris."),
        ("CUSTOMER", "thanks"),
        ("AGENT", "It is 21 in Paris."),
    ]
    zero_ns = min(one.start_ns for one in spans)
    assert [interval(one, zero_ns)[0] for one in utterances(moments)] == [1, 317, 323, 334]
    failed = Failed("An error occurred while running the tool. Please try again.")
    assert used(moments) == [
        ("get_weather", {"city": "Paris"}, Returned({"t": 21, "city": "Paris"}), "call_1"),
        ("bad_tool", {"x": 1}, failed, "call_2"),
    ]
    assert [one.description for one in tools(moments)] == ["Get the weather", "fails"]
    assert agents(moments) == [Agent(name="triage"), Agent(name="billing")]
    assert framework(moments) == ["openai-agents"]
    assert {one.speaker for one in utterances(moments)} == {Customer(), Agent(name="billing")}
    assert {one.agent for one in tools(moments)} == {Agent(name="billing")}


def test_pipecat_says_what_was_heard_and_when() -> None:
    """The story was cut short; what the model wrote last was never turned into speech."""
    spans = records("gen_ai/openinference_pipecat_oi")
    moments = moments_of(spans)
    zero_ns = min(one.start_ns for one in spans)

    assert said(moments) == [
        ("CUSTOMER", "hello"),
        ("AGENT", "You said hello. Anything else?"),
        ("CUSTOMER", "weather in Paris and Tokyo please"),
        ("AGENT", TOOLS_SAID),
        ("CUSTOMER", "tell me a story"),
        ("AGENT", STORY),
        ("CUSTOMER", "stop please"),
    ]
    assert [interval(one, zero_ns) for one in utterances(moments)] == [
        (586, 1077),
        (1694, None),
        (2686, 3181),
        (4176, None),
        (6144, 6638),
        (7349, 8463),
        (8464, None),
    ]
    assert [one.text for one in utterances(moments) if one.payload == {"interrupted": True}] == [STORY]
    weather = {"conditions": "nice", "temperature": 21, "city": "Paris"}
    assert used(moments) == [
        ("get_weather", {"city": "Paris"}, Returned(weather), "call_chatcmpl-2_0"),
        ("get_time", {"tz": "Asia/Tokyo"}, Returned("10:30"), "call_chatcmpl-2_1"),
    ]
    assert [interval(one, zero_ns) for one in tools(moments)] == [(3706, 4010), (3706, 3860)]
    assert agents(moments) == [Agent(prompt="You are Acme support bot.")]
    assert framework(moments) == ["pipecat"]


def test_a_turn_of_pipecat_that_never_ended_adds_nothing_that_was_not_spoken() -> None:
    dump = json.loads((SPANS / "gen_ai/openinference_pipecat_oi.never_ended.json").read_text(encoding="utf-8"))
    open_turns = [record({"end_ns": None, "events": [], **one}) for one in dump]
    spans = records("gen_ai/openinference_pipecat_oi")

    assert [one.end_ns for one in open_turns] == [None]
    assert in_some_order(moments_of(spans)) == in_some_order(moments_of([*open_turns, *spans]))


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


GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.binary(max_size=5),
    st.lists(st.one_of(st.text(max_size=3), st.integers(), st.none()), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from(
        [
            "[" * 100_000,
            '{"messages":' * 50_000,
            '[{"role": [], "content": 3, "type": {}}]',
            '{"messages": [[{"role": "user", "content": {"a": 1}}], 3]}',
            "9" * 5_000,
            "{'\\d': 1}",
            "\ud800",
            10**400,
        ]
    ),
)
NAMES = [
    "openinference.span.kind",
    "llm.input_messages.0.message",
    "llm.input_messages.0.message.role",
    "llm.input_messages.99999999999.message.role",
    "llm.input_messages.²",
    "llm.input_messages..",
    "llm.output_messages.1.message.contents.0.message_content.text",
    "llm.output_messages.1.message.tool_calls.0.tool_call.function.name",
    "input.value",
    "output.value",
    "agent.name",
    "tool.name",
    "tool_call.id",
    "tool_call.function.arguments",
    "conversation.was_interrupted",
    "conversation.user_to_bot_latency",
    "service.ttfb_seconds",
]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), dump=st.sampled_from(DUMPS))
def test_no_attribute_value_raises(data: st.DataObject, dump: str) -> None:
    def spoilt(one: SpanView) -> SpanView:
        keys = data.draw(st.lists(st.sampled_from(sorted({*one.attributes, *NAMES})), max_size=3))
        times_ns = data.draw(st.sampled_from([(one.start_ns, one.end_ns), (-1, 5), (5, None), (7, 5), (1 << 70, 5)]))
        attributes = {**one.attributes, **{key: data.draw(GARBAGE) for key in keys}}
        return one._replace(attributes=attributes, start_ns=times_ns[0], end_ns=times_ns[1])

    for moment in moments_of(map(spoilt, records(f"gen_ai/{dump}")[:16])):
        assert repr(moment)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(limit=st.integers(0, 400), dump=st.sampled_from(DUMPS))
def test_truncated_values_are_read_as_far_as_they_go(limit: int, dump: str) -> None:
    def cut(one: SpanView) -> SpanView:
        return one._replace(attributes={k: v[:limit] if isinstance(v, str) else v for k, v in one.attributes.items()})

    for moment in moments_of(map(cut, records(f"gen_ai/{dump}"))):
        assert repr(moment)


def test_each_turn_of_a_long_call_keeps_little() -> None:
    """The SDK keeps 128 attributes of a span and drops the oldest, so histories are windows with their own numbers."""

    def call(turns: int) -> Iterator[SpanView]:
        spoken: list[tuple[str, str]] = []
        for number in range(turns):
            spoken.append(("user", f"{number} where is the order " * 4))
            spoken.append(("assistant", f"{number} it ships tomorrow " * 4))
            at = number * 10_000
            yield model(at, at + 900, spoken[-61:-1], spoken[-1][1], own=number + 1)

    assert len(utterances(moments_of(call(240)))) == 480
    assert kept_per_turn(call, many=140) < 1_000 < kept_per_turn(call, many=140, make=Uncut)


def test_each_turn_of_a_long_call_of_pipecat_keeps_little() -> None:
    def call(turns: int) -> Iterator[SpanView]:
        for number in range(turns):
            yield from turn(
                number * 10, asked=f"{number} where is " * 8, heard=f"{number} it ships " * 8, own=number + 1
            )

    assert len(utterances(moments_of(call(240)))) == 480
    assert kept_per_turn(call) < 1_600 < kept_per_turn(call, make=Hoarding)


# What models say


def test_numbers_may_be_missing_and_so_may_the_role_of_an_answer() -> None:
    named: dict[str, Any] = {
        "llm__input_messages__7__message__role": "user",
        "llm__input_messages__7__message__content": "my order?",
        "llm__input_messages__11__message__content": "number 17",
        "llm__input_messages__3__message__role": "assistant",
        "llm__input_messages__3__message__contents__1__message_content__text": "world",
        "llm__input_messages__3__message__contents__0__message_content__type": "text",
        "llm__input_messages__3__message__contents__0__message_content__text": "Hello",
        "llm__output_messages__2__message__content": "It ships.",
    }

    assert said(moments_of([span(None, 0, 9, **named)])) == [
        ("AGENT", "Hello world"),
        ("CUSTOMER", "my order?"),
        ("CUSTOMER", "number 17"),
        ("AGENT", "It ships."),
    ]


def test_what_histories_repeat_is_said_once() -> None:
    spoken = [("user", "yes"), ("assistant", "Sure?"), ("user", "yes"), ("assistant", "Done.")]
    moments = moments_of([model(0, 100, spoken[:1], "Sure?"), model(5_000, 5_100, spoken[:3], "Done.")])

    assert [text for _, text in said(moments)] == ["yes", "Sure?", "yes", "Done."]


def test_prompts_and_reasoning_are_not_said() -> None:
    named: dict[str, Any] = {
        "llm__input_messages__0__message__role": "system",
        "llm__input_messages__0__message__content": "Be kind.",
        "llm__input_messages__1__message__role": "user",
        "llm__input_messages__1__message__content": "hi",
        "llm__output_messages__0__message__role": "assistant",
        "llm__output_messages__0__message__contents__0__message_content__type": "reasoning",
        "llm__output_messages__0__message__contents__0__message_content__text": "hm",
        "llm__output_messages__0__message__contents__1__message_content__type": "text",
        "llm__output_messages__0__message__contents__1__message_content__text": "Hello.",
    }
    moments = moments_of([span("LLM", 0, 9, **named)])

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]
    assert agents(moments) == [Agent(prompt="Be kind.")]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("hi", "Hello."),
        (
            '[{"role": "user", "content": "hi"}]',
            '{"choices": [{"message": {"role": "assistant", "content": "Hello."}}]}',
        ),
        (
            '{"messages": [{"role": "user", "content": "hi"}], "model": "m"}',
            '{"role": "assistant", "content": "Hello."}',
        ),
    ],
)
@pytest.mark.parametrize("kind", ["LLM", "AGENT", "CHAIN", "chain"])
def test_values_count_where_there_are_no_messages(kind: str, asked: str, answered: str) -> None:
    one = span(kind, 0, 9, input__value=asked, output__value=answered)

    assert said(moments_of([one])) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


def test_what_agents_and_chains_repeat_is_not_read_where_a_model_has_it() -> None:
    spans = [
        span("CHAIN", 0, 100, input__value='{"question": "hi"}', output__value="Hello, you."),
        span("AGENT", 1, 99, input__value="A customer says hi", output__value="Hello, you."),
        model(10, 90, [("user", "hi")], "Hello."),
    ]

    for order in (spans, spans[::-1]):
        assert said(moments_of(order)) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


def test_the_outermost_of_nested_chains_counts() -> None:
    inner = span("CHAIN", 10, 90, input__value="hi, as JSON", output__value="{}")
    outer = span("CHAIN", 0, 100, input__value="hi", output__value="Hello.")

    assert said(moments_of([inner, outer])) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


@pytest.mark.parametrize("kind", ["EMBEDDING", "RETRIEVER", "RERANKER", "GUARDRAIL", "EVALUATOR", "", 7])
def test_other_kinds_of_spans_say_nothing(kind: Any) -> None:
    assert moments_of([span(kind, 0, 9, input__value="hi", output__value="Hello.")]) == []


def test_unreadable_values_are_reported_once() -> None:
    warned: list[Unreadable] = []
    spans = [span("LLM", at, at + 9, input__value='{"messages": [', output__value="Hello.") for at in (0, 20)]

    assert [text for _, text in said(moments_of(spans, warned))] == ["Hello.", "Hello."]
    assert [one.attribute for one in warned] == ["input.value"]


# Tools


def test_a_tool_is_read_from_its_span() -> None:
    moments = moments_of(
        [
            span("TOOL", 0, 9, tool__name="f", input__value='{"x": 1}', output__value="[1]", tool_call__id="c"),
            span("TOOL", 20, 29, tool__name="g", input__value="{'x': None}", tool__description="gee"),
            span("TOOL", 40, 49, tool__name="h", output__value="No such order.")._replace(error=True),
            span("TOOL", 60, 69, name="handoff to billing", input__value="triage", output__value="billing"),
        ]
    )

    assert used(moments) == [
        ("f", {"x": 1}, Returned([1]), "c"),
        ("g", {"x": None}, Unanswered(), None),
        ("h", {}, Failed("No such order."), None),
    ]
    assert [interval(one) for one in tools(moments)] == [(0, 9), (20, 29), (40, 49)]


def test_a_tool_without_a_span_is_read_from_messages() -> None:
    call = "message__tool_calls__0__tool_call__"
    asked: dict[str, Any] = {
        f"llm__output_messages__0__{call}{key}": value for key, value in {"id": "c", "function__name": "f"}.items()
    }
    answered: dict[str, Any] = {
        "llm__input_messages__1__message__role": "tool",
        "llm__input_messages__1__message__tool_call_id": "c",
        "llm__input_messages__1__message__content": '{"ok": true}',
    }

    assert used(moments_of([span("LLM", 0, 9, **asked), span("LLM", 20, 29, **answered)])) == [
        ("f", {}, Returned({"ok": True}), "c")
    ]


# Pipecat


def turn(
    start: int, *, asked: str | None = None, heard: str | None = None, own: int = 7, ended: bool = True
) -> list[SpanView]:
    """Makes a turn of 9 ms: the customer begins after one, the agent after four and 0.5 s."""
    values = {"input__value": asked, "output__value": heard}
    named: dict[str, Any] = {key: value for key, value in values.items() if value is not None and ended}
    end = start + 9 if ended else None
    root = span("CHAIN", start, end, own=own, below=0, name="pipecat.conversation.turn", **named)
    spans = [root]
    if asked is not None:
        spans.append(span("LLM", start + 1, start + 2, below=own, name="pipecat.stt", input__value=f"{asked} "))
    if heard is not None:
        first: dict[str, Any] = {"service__ttfb_seconds": 0.5}
        spans.append(span("LLM", start + 4, start + 5, below=own, name="pipecat.tts", output__value=heard, **first))
    return [one._replace(scope=PIPECAT) for one in spans]


def asking(start: int, text: str, *, below: int = 7) -> SpanView:
    """Makes the span of a model that is asked with these as the customer's last words."""
    return span("LLM", start, start + 1, below=below, name="pipecat.llm", input__value=text)._replace(scope=PIPECAT)


def waited(turn_: list[SpanView], seconds: float) -> list[SpanView]:
    """Adds to a turn how long the customer waited for the answer."""
    root, *parts = turn_
    known = {**root.attributes, "conversation.user_to_bot_latency": seconds}
    return [root._replace(attributes=known), *parts]


def test_what_only_a_model_was_asked_with_was_entered_then() -> None:
    """No speech service sees what comes by keypad or keyboard: in a turn of its own, or in one with words."""
    spans = [*turn(0, asked="hello there", heard="Hi."), asking(3, "hello there"), asking(6, "12 Lake Road")]
    spans += [*waited(turn(2_000, heard="Thanks.", own=8), 0.61), asking(2_002, "DTMF: 12#", below=8)]

    assert [(one.text, interval(one)) for one in utterances(moments_of(spans))] == [
        ("hello there", (1, None)),
        ("12 Lake Road", (6, 6)),
        ("Hi.", (504, None)),
        ("DTMF: 12#", (2_002, 2_002)),
        ("Thanks.", (2_504, None)),
    ]


def test_what_a_transport_transcribed_was_said_until_the_agent_was_waited_for() -> None:
    first = [*waited(turn(0, heard="Hi."), 0.503), asking(3, "hello there")]
    second = [*waited(turn(2_000, heard="Thanks.", own=8), 0.502), asking(2_003, "a pizza", below=8)]

    assert [(one.text, interval(one)) for one in utterances(moments_of([*first, *second]))] == [
        ("hello there", (0, 1)),
        ("Hi.", (504, None)),
        ("a pizza", (2_000, 2_002)),
        ("Thanks.", (2_504, None)),
    ]


@pytest.mark.parametrize("changed", ["Hello there!", "They are new. They say: hello there", "hello"])
def test_a_model_that_is_asked_with_what_was_said_says_nothing_more(changed: str) -> None:
    """Also when it is asked again, after a tool, in the next turn, or with words that the app has changed."""
    spans = [*turn(0, asked="hello there", heard="Hi."), *(asking(at, changed) for at in (3, 5)), asking(20, changed)]

    assert said(moments_of(spans)) == [("CUSTOMER", "hello there"), ("AGENT", "Hi.")]
    assert in_some_order(moments_of(spans)) == in_some_order(moments_of([*reversed(spans), *spans]))


def test_the_first_words_with_which_an_app_has_its_model_begin_were_not_said() -> None:
    spans = [*turn(0, heard="Hi."), asking(1, "Greet the caller."), *turn(20, asked="hello", heard="Yes?", own=8)]

    assert said(moments_of([*spans, asking(23, "hello", below=8)])) == [
        ("CUSTOMER", "hello"),
        ("AGENT", "Hi."),
        ("AGENT", "Yes?"),
    ]


def test_a_turn_that_never_ended_is_read_from_its_children() -> None:
    moments = moments_of(turn(0, asked="bye", heard="Goodbye.", ended=False))

    assert said(moments) == [("CUSTOMER", "bye"), ("AGENT", "Goodbye.")]
    assert [interval(one) for one in utterances(moments)] == [(1, None), (504, None)]


def test_children_are_read_where_there_are_no_turns() -> None:
    assert said(moments_of(turn(0, asked="bye", heard="Goodbye.")[1:])) == [("CUSTOMER", "bye"), ("AGENT", "Goodbye.")]


def test_a_turn_without_children_is_said_at_its_start_and_end() -> None:
    moments = moments_of(turn(0, asked="bye", heard="Goodbye.")[:1])

    assert [interval(one)[0] for one in utterances(moments)] == [0, 9]


def test_what_was_turned_into_speech_but_never_heard_is_not_said() -> None:
    root, stt, tts = turn(0, asked="bye", heard="Goodbye.")
    silent = root._replace(attributes={key: root.attributes[key] for key in ("input.value", "openinference.span.kind")})

    assert said(moments_of([silent, stt, tts])) == [("CUSTOMER", "bye")]
    assert said(moments_of([tts, stt, silent])) == [("CUSTOMER", "bye")]


def test_an_open_turn_is_replaced_when_it_has_ended() -> None:
    ended, still_open = turn(0, asked="bye", heard="Goodbye."), turn(0, asked="bye", heard="Goodbye.", ended=False)
    open_parts = [one._replace(end_ns=None) for one in still_open]

    assert in_some_order(moments_of([*ended, *open_parts])) == in_some_order(moments_of([*open_parts, *ended]))
    assert said(moments_of([*ended, *open_parts])) == [("CUSTOMER", "bye"), ("AGENT", "Goodbye.")]
