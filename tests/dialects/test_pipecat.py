"""The Pipecat dialect against recorded calls, and against what they do not show."""

from __future__ import annotations

import json
import re
import statistics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roark_otel._model.moments import Agent, Moment, Returned, Unanswered
from roark_otel.dialects.pipecat import PIPECAT
from support.dumps import below, conversations, record, records
from support.kept import Uncut, kept_per_turn
from support.paths import SPANS
from support.pipecat_spans import assistant, heard, llm, moments_of, span, tts, turn, user
from support.said import MS, T0, facts, role, said, tools, utterances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.rows import SpanView
    from roark_otel.types import Unreadable

DUMPS = sorted(path.name.removesuffix(".truth.json") for path in (SPANS / "pipecat").glob("*.truth.json"))
REALTIME = "openai_realtime_vad"


def read(name: str) -> list[SpanView]:
    """Returns the spans of a recorded call; those that never ended are as they were found at its end."""
    spans = records(f"pipecat/{name}")
    never = SPANS / "pipecat" / f"{name}.never_ended.json"
    if never.exists():
        spans += [record({"end_ns": None, "events": [], **one}) for one in json.loads(never.read_text())]
    return spans


def calls(dump: str) -> Iterator[tuple[dict[str, Any], list[Moment]]]:
    """Yields for each conversation of a dump what really happened, and the moments of its spans."""
    spans = read(dump)
    for truth in conversations(f"pipecat/{dump}"):
        yield truth, moments_of(below(spans, int(truth.get("rootSpanId", "0"), 16), PIPECAT.roots))


def times(moments: Iterable[Moment]) -> list[tuple[str, int, int | None]]:
    """Returns who spoke from when to when, in ms."""
    return [
        (role(one), (one.start_ns - T0) // MS, None if one.end_ns is None else (one.end_ns - T0) // MS)
        for one in utterances(moments)
    ]


# Recorded calls


@pytest.mark.parametrize("dump", DUMPS)
def test_every_recorded_call_is_read_word_for_word_and_in_order(dump: str) -> None:
    for truth, moments in calls(dump):
        assert [(one["role"], one["text"]) for one in truth["transcript"]] == said(moments)


OF_ANOTHER_DIALECT = {"cancel_while_tool_running"}
"""The only span of this tool is the app's own: Pipecat reports tools in the next history, and there was none."""


ON_NO_SPAN = {"flows_reset"}
"""The history was cleared after each tool, before the model was asked again."""


@pytest.mark.parametrize("dump", sorted({*DUMPS} - OF_ANOTHER_DIALECT - ON_NO_SPAN))
def test_every_recorded_tool_use_is_read(dump: str) -> None:
    for truth, moments in calls(dump):
        expected = [
            (one["callId"], one["name"], one["parameters"], Returned(one["result"]))
            for one in truth.get("toolInvocations", [])
        ]

        assert expected == [(one.call_id, one.name, one.parameters, one.outcome) for one in tools(moments)]


def test_times_are_those_that_an_observer_measured() -> None:
    off: dict[str, list[float]] = {}
    for dump in DUMPS:
        for truth, moments in calls(dump):
            for expected, one in zip(truth["transcript"], utterances(moments), strict=True):
                for edge, at in (("start", one.start_ns), ("end", one.end_ns or 0)):
                    if expected[f"{edge}Ms"] is not None:
                        measured = truth["callStartNs"] + expected[f"{edge}Ms"] * MS
                        off.setdefault(f"{role(one)} {edge}", []).append(abs(at - measured) / MS)

    medians = {edge: statistics.median(values) for edge, values in off.items()}

    assert medians["AGENT start"] <= 5
    assert medians["CUSTOMER start"] <= 5
    assert medians["CUSTOMER end"] <= 5
    assert medians["AGENT end"] <= 400, "no span says when a reply ended after which the customer spoke"


def test_the_end_of_a_reply_is_exact_where_its_turn_was_closed_by_a_timer_or_a_barge_in() -> None:
    for dump, texts in {
        "greeting_and_ttsspeak": ["This call is recorded. Please hold.", "You said hi bot. Anything else?"],
        "interruption_ws": ["Once upon a time there was a very long story. It went"],
        "end_llm_streaming": ["I will think about it slowly. " * 8],
    }.items():
        ((truth, moments),) = calls(dump)
        for text in texts:
            (expected,) = (one["endMs"] for one in truth["transcript"] if one["text"] == text.strip())
            (end_ns,) = (one.end_ns or 0 for one in utterances(moments) if one.text == text.strip())

            assert abs(end_ns - truth["callStartNs"] - expected * MS) <= 10 * MS


def test_without_metrics_the_end_of_the_customers_speech_follows_from_the_latency() -> None:
    ((truth, moments),) = calls("metrics_disabled_ws")
    spoken = [one for one in utterances(moments) if role(one) == "CUSTOMER"]
    expected = [one["endMs"] for one in truth["transcript"] if one["role"] == "CUSTOMER"]

    assert [
        abs((one.end_ns or 0) - truth["callStartNs"] - end * MS) <= 70 * MS
        for one, end in zip(spoken, expected, strict=True)
    ] == [True, True]


def test_a_tool_takes_the_time_from_the_request_that_asks_for_it_to_the_one_that_has_its_result() -> None:
    for dump in ("tool_call_http", "tool_error", "two_pipelines", "tool_interrupted"):
        for truth, moments in calls(dump):
            for expected, one in zip(truth.get("toolInvocations", []), tools(moments), strict=True):
                assert abs(one.start_ns - truth["callStartNs"] - expected["startMs"] * MS) <= 8 * MS
                assert abs((one.end_ns or 0) - truth["callStartNs"] - expected["endMs"] * MS) <= 25 * MS


def test_only_interrupted_utterances_are_marked() -> None:
    ((_, moments),) = calls("with_roark_observer_ws")

    assert [one.text for one in utterances(moments) if one.payload.get("interrupted")] == [
        "Once upon a time there was a very long story. It went"
    ]


def test_a_speech_to_speech_call_is_read_in_the_order_of_its_words() -> None:
    """The words of the customer arrive after the reply, and the span of the last ones never ends."""
    moments = moments_of(read(REALTIME))
    start = min(one.start_ns for one in read(REALTIME))

    assert [(role(one), one.text, (one.start_ns - start) // MS) for one in utterances(moments)] == [
        ("AGENT", "Hello from realtime.", 672),
        ("CUSTOMER", "hello there", 2205),
        ("AGENT", "You said hello there.", 3771),
        ("CUSTOMER", "weather in Paris", 5305),
        ("AGENT", "You said weather in Paris.", 7213),
        ("CUSTOMER", "goodbye", 8726),
        ("AGENT", "You said goodbye.", 10211),
    ]
    assert [("get_weather", {"city": "Paris"}, Returned({"temp": 21}))] == [
        (one.name, one.parameters, one.outcome) for one in tools(moments)
    ]
    assert facts(moments) == {"property.framework": "pipecat", "property.interruptions": 0}


def test_spans_of_openinference_about_the_same_pipeline_are_not_read() -> None:
    assert moments_of(read("openinference_pipecat_oi")) == []


def test_a_call_has_the_speed_of_its_services_and_the_prompt_of_its_agent() -> None:
    ((_, moments),) = calls("three_turn_ws")
    first, second = utterances(moments)[:2]

    assert facts(moments) == {
        "property.framework": "pipecat",
        "property.interruptions": 0,
        "property.stt_ttfb_ms": 254,
        "property.llm_ttfb_ms": 65,
        "property.tts_ttfb_ms": 43,
        "agent": Agent(prompt="You are Acme support bot."),
    }
    assert (first.language_code, first.payload) == ("en", {"stt_ttfb_ms": 254})
    assert second.payload == {"response_latency_ms": 630, "llm_ttfb_ms": 109, "tts_ttfb_ms": 42}


# What holds for any call


def in_some_order(moments: Iterable[Moment]) -> list[str]:
    return sorted(map(repr, moments))


@pytest.mark.parametrize("dump", [*DUMPS, REALTIME])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_neither_the_order_of_spans_nor_duplicates_matter(dump: str, data: st.DataObject) -> None:
    spans = read(dump)
    expected = in_some_order(moments_of(spans))
    shuffled = data.draw(st.permutations(spans))
    repeated = data.draw(st.lists(st.sampled_from(spans), max_size=10))

    assert expected == in_some_order(moments_of([*shuffled, *repeated]))


@pytest.mark.parametrize("dump", DUMPS)
def test_a_span_that_was_first_read_open_is_replaced(dump: str) -> None:
    spans = read(dump)
    opened = [
        one._replace(end_ns=None, attributes={}) if index % 2 else one._replace(end_ns=None)
        for index, one in enumerate(spans)
    ]

    assert in_some_order(moments_of(spans)) == in_some_order(moments_of([*opened, *spans]))


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
            '[{"role": ' * 20_000,
            "[1e999]",
            "[",
            "[,,]",
            '[1, null, "a", []]',
            '[{"role": "user"}, {"role": "assistant", "content": [1, {"text": 2}, {"toolUse": 3}]}]',
            '[{"role": 1, "content": {"a": 1}, "tool_calls": [null, {"function": 1}]}]',
            '[{"role": "tool", "tool_call_id": 1, "content": []}, {"parts": [{"function_call": []}]}]',
            '[{"role": "user", "content": "{\\"type\\": \\"async_tool\\", \\"tool_call_id\\": []}"}]',
            [user("a"), {"role": "assistant", "content": b"\xff"}],
            "\ud800",
            1e300,
            10**400,
        ]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_attribute_value_raises(data: st.DataObject) -> None:
    dump = data.draw(st.sampled_from(["with_roark_observer_ws", "tool_parallel", REALTIME]))

    def spoilt(one: SpanView) -> SpanView:
        keys = data.draw(st.lists(st.sampled_from(sorted(one.attributes)), max_size=3)) if one.attributes else []
        orphan = data.draw(st.booleans())
        return one._replace(
            attributes={**one.attributes, **{key: data.draw(GARBAGE) for key in keys}},
            parent_id=None if orphan else one.parent_id,
        )

    for moment in moments_of(map(spoilt, read(dump))):
        assert repr(moment)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(limit=st.integers(0, 900), dump=st.sampled_from([*DUMPS, REALTIME]))
def test_truncated_values_are_read_as_far_as_they_go(limit: int, dump: str) -> None:
    def cut(one: SpanView) -> SpanView:
        return one._replace(attributes={k: v[:limit] if isinstance(v, str) else v for k, v in one.attributes.items()})

    assert in_some_order(moments_of(map(cut, read(dump))))


def long_call(turns: int) -> Iterator[SpanView]:
    """Yields a call in which the model is asked with everything said before, and uses a tool now and then."""
    history: list[str] = []
    for number in range(turns):
        at, own = number * 10_000, number + 10
        asked, answer = f"{number} where is the order " * 4, f"{number} it ships tomorrow " * 4
        history.append(json.dumps({**user(asked.strip()), "name": "x" * 400}))
        if number % 100 == 0:
            history += map(json.dumps, openai_call(f"c{number}", '"sent"'))
        text = "[" + ", ".join(history) + "]"
        yield heard(asked, at + 100, at + 900, below=own)
        yield llm(
            at + 1_300, at + 1_500, below=own, history=text, output=answer + " ", metrics__ttfb=0.1 + number / 1e6
        )
        yield tts(answer, at + 1_400, below=own, ttfb=0.04 + number / 1e6)
        yield turn(at, at + 9_000, own=own, turn__user_bot_latency_seconds=0.55)
        history.append(json.dumps({**assistant(answer.strip()), "name": "x" * 400}))


def test_each_turn_of_a_long_call_keeps_little() -> None:
    """The history that the model is asked with grows by another kilobyte with each turn, and is not kept."""
    moments = moments_of(long_call(240))

    assert len(utterances(moments)) == 480
    assert len(tools(moments)) == 3
    assert kept_per_turn(long_call) < 1_000 < kept_per_turn(long_call, make=Uncut)


# Histories


@pytest.mark.parametrize("kept", [2, 3, 4, 20])
def test_histories_whose_beginning_differs_are_read_as_if_each_were_the_first(kept: int) -> None:
    """A prompt says what time it is, and old messages are dropped."""
    said = [make(f"{number} of the words that are said") for number in range(20) for make in (user, assistant)]
    spans: list[SpanView] = []
    for number in range(1, 20):
        prompt = {"role": "system", "content": f"It is {number} o'clock."}
        before = said[: number * 2 - 1]
        spans.append(llm(number * 1_000, number * 1_000 + 9, history=[prompt, *before[-kept:]]))
        spans.append(tts(f"{number - 1} of the words that are said and more", number * 1_000 - 500))

    together = PIPECAT.reader(lambda _: None)
    for one in spans:
        together.read(one)
    found = utterances(together.moments())
    assert [(one.text, one.payload.get("interrupted")) for one in found if role(one) == "AGENT"][1:] == [
        (f"{number} of the words that are said", True) for number in range(1, 18)
    ] + [("18 of the words that are said and more", None)]
    assert [one.text for one in found if role(one) == "CUSTOMER"][-17:] == [
        f"{number} of the words that are said" for number in range(2, 19)
    ]


def openai_call(call_id: str, result: str) -> list[dict[str, object]]:
    function = {"name": "look", "arguments": '{"x": 1}'}
    return [
        {"role": "assistant", "tool_calls": [{"id": call_id, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": call_id, "content": result},
    ]


def anthropic(call_id: str, result: str) -> list[dict[str, object]]:
    return [
        {"role": "assistant", "content": [{"type": "tool_use", "id": call_id, "name": "look", "input": {"x": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": result}]},
    ]


def anthropic_blocks(call_id: str, result: str) -> list[dict[str, object]]:
    answer = {"type": "tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": result}]}
    return [anthropic(call_id, result)[0], {"role": "user", "content": [answer]}]


def gemini(call_id: str, result: str) -> list[dict[str, object]]:
    try:
        value = json.loads(result)
    except ValueError:
        value = result
    response = value if isinstance(value, dict) else {"value": value}
    call, answer = {"id": call_id, "name": "look", "args": {"x": 1}}, {"id": call_id, "name": "look"}
    return [
        {"role": "model", "parts": [{"function_call": call}]},
        {"role": "user", "parts": [{"function_response": {**answer, "response": response}}]},
    ]


def bedrock(call_id: str, result: str) -> list[dict[str, object]]:
    content = {"json": json.loads(result)} if result.startswith("{") else {"text": result}
    return [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": call_id, "name": "look", "input": {"x": 1}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": call_id, "content": [content]}}]},
    ]


def responses(call_id: str, result: str) -> list[dict[str, object]]:
    return [
        {"type": "function_call", "call_id": call_id, "name": "look", "arguments": '{"x": 1}'},
        {"type": "function_call_output", "call_id": call_id, "output": result},
    ]


SHAPES = [openai_call, anthropic, anthropic_blocks, gemini, bedrock, responses]
RUNNING = json.dumps({"type": "async_tool", "status": "running", "tool_call_id": "c1", "description": "Wait."})
FINISHED = json.dumps(
    {
        "type": "async_tool",
        "status": "finished",
        "tool_call_id": "c1",
        "description": "It is done.",
        "result": '{"a": 1}',
    }
)
GONE = json.dumps(
    {
        "type": "async_tool",
        "status": "finished",
        "tool_call_id": "c1",
        "result": "CANCELLED: this tool call was cancelled",
    }
)
FAILURE = "The function `look` failed and returned no result."


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ('{"a": [1, "süß"]}', Returned({"a": [1, "süß"]})),
        ('"10:30"', Returned("10:30")),
        ("COMPLETED", Returned("COMPLETED")),
        ("IN_PROGRESS", Unanswered()),
        ("CANCELLED", Returned("CANCELLED")),
        (json.dumps(FAILURE), Returned(FAILURE)),
        (RUNNING, Unanswered()),
    ],
)
def test_a_tool_use_is_read_in_the_shape_of_every_provider(shape: Any, result: str, outcome: object) -> None:
    (use,) = tools(moments_of([llm(0, 100), llm(300, 400, history=[user("go"), *shape("c1", result)])]))

    assert ("look", {"x": 1}, outcome, "c1") == (use.name, use.parameters, use.outcome, use.call_id)
    assert (use.start_ns - T0) // MS == 100
    assert use.end_ns == (None if outcome == Unanswered() else T0 + 300 * MS)


@pytest.mark.parametrize("shape", SHAPES)
def test_parallel_tools_are_all_read(shape: Any) -> None:
    history = [*shape("c1", '"one"'), *shape("c2", "IN_PROGRESS")]
    moments = moments_of([llm(0, 100), llm(300, 400, history=history), llm(500, 600, history=[*shape("c2", '"two"')])])

    assert [
        ("c1", Returned("one"), T0 + 300 * MS),
        ("c2", Returned("two"), T0 + 500 * MS),
    ] == [(one.call_id, one.outcome, one.end_ns) for one in tools(moments)]


@pytest.mark.parametrize(
    "late",
    [
        {"role": "developer", "content": FINISHED},
        {"role": "user", "content": [{"type": "text", "text": FINISHED}]},
        {"role": "user", "parts": [{"text": FINISHED}]},
        {"role": "user", "content": [{"text": FINISHED}]},
    ],
)
def test_an_asynchronous_tool_ends_with_its_late_result(late: dict[str, object]) -> None:
    started = [user("go"), *openai_call("c1", RUNNING)]
    moments = moments_of(
        [
            llm(0, 100),
            llm(300, 400, history=[*started, user("and?")]),
            llm(900, 950, history=[*started, user("and?"), assistant("Wait."), late]),
        ]
    )

    assert [(T0 + 100 * MS, T0 + 900 * MS, Returned({"a": 1}))] == [
        (one.start_ns, one.end_ns, one.outcome) for one in tools(moments)
    ]


NO_TOOLS: list[object] = [
    {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"arguments": "{}"}}]},
    {"role": "tool", "content": "1"},
    {"role": "tool", "tool_call_id": "c1", "content": None},
    {"role": "developer", "content": '{"type": "async_tool", "status": '},
    {"role": "developer", "content": '{"type": "note", "about": "async_tool"}'},
    {"role": "user", "content": [{"type": "image", "source": {}}, "plain"]},
    {"type": "reasoning", "summary": []},
    "no message",
]


@pytest.mark.parametrize("message", NO_TOOLS)
def test_a_message_that_names_no_tool_is_not_a_tool_use(message: object) -> None:
    assert tools(moments_of([llm(0, 100, history=[message])])) == []


def test_a_span_of_a_tool_without_a_name_is_not_a_tool_use() -> None:
    spans = [span("llm_tool_call", 0, 1, tool__arguments="{}"), span("llm_tool_result", 2, 3, tool__result="{}")]

    assert tools(moments_of(spans)) == []


def test_an_asynchronous_tool_that_was_cancelled_says_so() -> None:
    late = {"role": "developer", "content": GONE}

    (use,) = tools(moments_of([llm(300, 400, history=[*openai_call("c1", RUNNING), late])]))

    assert use.outcome == Returned("CANCELLED: this tool call was cancelled")


def test_a_cancelled_tool_ended_when_the_customer_spoke() -> None:
    moments = moments_of(
        [
            llm(0, 100),
            heard("never mind", 500, 900),
            llm(1_200, 1_300, history=[user("go"), *openai_call("c1", "CANCELLED"), user("never mind")]),
        ]
    )

    assert [(one.start_ns, one.end_ns) for one in tools(moments)] == [(T0 + 100 * MS, T0 + 500 * MS)]


def test_the_tools_of_gemini_live_are_read_from_its_spans() -> None:
    call: dict[str, Any] = {"tool__call_id": "c1", "tool__function_name": "look"}
    moments = moments_of(
        [
            span("llm_tool_call", 100, 100, **call, tool__arguments='{"x": 1}', tool__calls_count=1),
            span("llm_tool_result", 400, 400, **call, tool__result='{"a": 1}', tool__result_status="completed"),
            span("llm_tool_result", 500, 500, tool__call_id="c2", tool__function_name="find", tool__result='{"b": 2}'),
        ]
    )

    assert [
        ("look", T0 + 100 * MS, T0 + 400 * MS, {"x": 1}, Returned({"a": 1})),
        ("find", T0 + 500 * MS, T0 + 500 * MS, {}, Returned({"b": 2})),
    ] == [(one.name, one.start_ns, one.end_ns, one.parameters, one.outcome) for one in tools(moments)]


def test_a_tool_s_long_json_stays_text() -> None:
    """Parsing megabytes in one go would keep the app waiting."""
    fits, too_long = (f'{{"rows": "{"x" * size}"}}' for size in (262_000, 262_133))
    history = [user("go"), *openai_call("c1", fits), *openai_call("c2", too_long), user("and then?")]

    fitting, cut = (one.outcome for one in tools(moments_of([llm(0, 100, history=history)])))
    assert fitting == Returned({"rows": "x" * 262_000})
    assert isinstance(cut, Returned)
    assert isinstance(cut.value, str)
    assert cut.value.startswith('{"rows": "' + "x" * 250_000)
    assert cut.value.endswith(" characters]")


def test_arguments_that_are_not_an_object_are_kept_as_text_and_reported() -> None:
    warned: list[Unreadable] = []
    call: dict[str, Any] = {"tool__call_id": "c1", "tool__function_name": "look"}
    call["tool__arguments"] = '{"x": "' + "a" * 900 + "..."

    (use,) = tools(moments_of([span("llm_tool_call", 100, 100, **call)], warned))

    assert use.parameters == {"arguments": call["tool__arguments"]}
    assert [one.attribute for one in warned] == ["tool.arguments"]


@pytest.mark.parametrize(
    "messages",
    [
        [user("hi"), assistant("Hello. How"), user("stop")],
        [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Hello. How"}]},
            {"role": "user", "content": [{"type": "text", "text": "stop"}]},
        ],
        [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": "Hello. How"}]},
            {"role": "user", "parts": [{"text": "stop"}]},
        ],
        [
            {"role": "Role.USER", "text": "hi"},
            {"role": "Role.ASSISTANT", "text": "Hello. How"},
            {"role": "Role.USER", "text": "stop"},
        ],
        [user("hi"), assistant("Hello."), assistant("How"), user("stop")],
    ],
)
def test_what_was_heard_is_read_in_the_shape_of_every_provider(messages: list[dict[str, object]]) -> None:
    moments = moments_of(
        [
            heard("hi", 0, 300),
            llm(600, 900, output="Hello.  How are you? ", history=[user("hi")]),
            tts("Hello.  How are you?", 700),
            heard("stop", 1_200, 1_500),
            llm(1_900, 2_000, history=messages),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Hello.  How"), ("CUSTOMER", "stop")]
    assert [one.payload.get("interrupted") for one in utterances(moments)] == [None, True, None]


def test_a_history_may_cut_what_was_said_anywhere() -> None:
    history = [assistant("Welcome to Acme. One"), assistant("moment please."), user("hello")]
    moments = moments_of(
        [tts("Welcome to Acme.", 0), tts("One moment please.", 900), llm(2_000, 2_100, history=history)]
    )

    assert said(moments) == [
        ("AGENT", "Welcome to Acme."),
        ("AGENT", "One moment please."),
        ("CUSTOMER", "hello"),
    ]


def unheard(history: list[dict[str, object]], output: str | None = "Hello. How are you?") -> list[tuple[str, str]]:
    """Makes a reply after which the model is asked with this history."""
    return said(
        moments_of(
            [
                heard("hi", 0, 300),
                llm(600, 900, history=[user("hi")], **({"output": output} if output else {})),
                tts("Hello. How are you?", 700),
                heard("stop", 760, 1_500),
                llm(1_900, 2_000, history=history),
            ]
        )
    )


def test_a_reply_of_which_nothing_was_heard_is_left_out() -> None:
    assert unheard([user("hi"), user("stop")]) == [("CUSTOMER", "hi"), ("CUSTOMER", "stop")]


def test_a_reply_that_the_history_cannot_know_is_kept() -> None:
    everything = [("CUSTOMER", "hi"), ("AGENT", "Hello. How are you?"), ("CUSTOMER", "stop")]

    assert unheard([user("hi"), user("stop")], output=None) == everything, "the app's own words"
    assert unheard([user("stop")]) == everything, "a history that was cleared"
    assert unheard([user("hi"), assistant("So far they said hello."), user("stop")]) == everything, "one rewritten"


def test_a_history_may_be_a_list_of_messages() -> None:
    """Later SDKs let values through that are not text."""
    history = [user("go"), *openai_call("c1", '"sent"')]

    (use,) = tools(moments_of([span("llm", 300, 400, input=history), span("llm", 500, 600, input=7)]))

    assert use.outcome == Returned("sent")


def test_what_a_changed_or_foreign_history_repeats_is_read_once() -> None:
    first = [user("hi"), *openai_call("c1", "IN_PROGRESS")]
    answered_ = [user("hi"), *openai_call("c1", '"sent"'), assistant("Sent.")]
    other = [user("Is this rude? hi")]
    histories = [first, other, [*first, user("and?")], answered_, other, [*answered_, user("thanks")]]
    spans = [llm(at * 100, at * 100 + 50, history=one) for at, one in enumerate(histories)]
    expected = [("c1", Returned("sent"), T0 + 300 * MS)]

    assert expected == [(one.call_id, one.outcome, one.end_ns) for one in tools(moments_of(spans))]
    assert expected == [(one.call_id, one.outcome, one.end_ns) for one in tools(moments_of(reversed(spans)))]


def test_unreadable_json_is_reported_once_and_read_as_far_as_it_goes() -> None:
    warned: list[Unreadable] = []
    history = json.dumps([user("go"), *openai_call("c1", '"sent"'), user("thanks")])

    moments = moments_of([llm(0, 50), llm(100, 200, history=history[:-9]), llm(300, 400, history=history[:-8])], warned)

    assert [one.attribute for one in warned] == ["input"]
    assert [one.outcome for one in tools(moments)] == [Returned("sent")]


# Who spoke when


def test_all_that_was_recognised_before_the_model_was_asked_is_one_utterance() -> None:
    moments = moments_of(
        [
            turn(0, 9_000),
            heard("my number is", 100, 800),
            heard("five five five", 1_100, 1_900, language="Language.EN_US"),
            llm(2_400, 2_500, output="Thanks."),
            heard("and my name", 2_450, 3_000),
            llm(3_400, 3_500, output="Yes?"),
        ]
    )

    customer = [one for one in utterances(moments) if role(one) == "CUSTOMER"]
    assert [one.text for one in customer] == ["my number is five five five", "and my name"]
    assert [(a, b) for who, a, b in times(moments) if who == "CUSTOMER"] == [(100, 1_900), (2_450, 3_000)]
    assert customer[0].language_code == "en-US"


def test_a_reply_begins_after_the_latency_that_its_turn_reports() -> None:
    moments = moments_of(
        [
            turn(0, 9_000, turn__user_bot_latency_seconds=0.8),
            heard("hi", 100, 600),
            tts("Hello.", 1_200),
        ]
    )

    assert [start for _, start, _ in times(moments)] == [100, 1_400]


def test_a_turn_that_the_timer_closed_shows_when_the_agent_fell_silent() -> None:
    moments = moments_of([turn(0, 5_000, turn__duration_seconds=2.5), tts("Hello.", 900)])

    assert times(moments) == [("AGENT", 950, 2_500)]


def test_the_agent_is_silent_before_a_customer_speaks_who_does_not_interrupt() -> None:
    """The next turn begins when the voice is noticed, 100 ms after it began."""
    moments = moments_of(
        [
            turn(0, 2_100),
            tts("a" * 30, 450),
            turn(2_100, 6_000, own=3),
            heard("hi", 2_000, 2_600, below=3),
        ]
    )

    assert times(moments) == [("AGENT", 500, 2_000), ("CUSTOMER", 2_000, 2_600)]


def test_the_pace_of_known_replies_gives_the_end_of_the_others() -> None:
    moments = moments_of(
        [
            turn(0, 4_000, turn__duration_seconds=1.5),
            tts("a" * 10, 450),
            turn(5_000, 9_000, own=3),
            tts("b" * 20, 6_950, below=3),
        ]
    )

    assert times(moments) == [("AGENT", 500, 1_500), ("AGENT", 7_000, 9_000)]


def test_replies_that_waited_for_another_share_its_time() -> None:
    moments = moments_of([turn(0, 4_500, turn__duration_seconds=2.0), tts("a" * 10, 450), tts("b" * 5, 460, ttfb=None)])

    assert times(moments) == [("AGENT", 500, 1_500), ("AGENT", 1_500, 2_000)]


def hung_up(*more: SpanView, conversation_end: int) -> list[tuple[str, str]]:
    """Makes a call that is ended while the customer waits for a reply."""
    return said(
        moments_of(
            [
                span("conversation", 0, conversation_end, own=1, below=0),
                turn(0, 3_000, turn__user_bot_latency_seconds=0.5),
                heard("hi", 100, 600),
                tts("Hello.", 1_000),
                turn(3_000, 4_200, own=3, interrupted=True),
                heard("bye", 3_000, 3_500, below=3),
                *more,
            ]
        )
    )


BEFORE = [("CUSTOMER", "hi"), ("AGENT", "Hello."), ("CUSTOMER", "bye")]


def test_a_reply_that_was_generated_after_the_call_had_ended_is_left_out() -> None:
    late = [llm(4_210, 4_300, below=1, output="See you."), tts("See you.", 4_290, ttfb=None, below=1)]

    assert hung_up(*late, conversation_end=6_300) == BEFORE


def test_a_reply_whose_sound_had_not_begun_when_the_call_was_cancelled_is_left_out() -> None:
    late = [llm(4_100, 4_200, below=3, output="See you."), tts("See you.", 4_190, ttfb=None, below=3)]

    assert hung_up(*late, conversation_end=4_210) == BEFORE


def test_without_metrics_a_cancelled_call_played_nothing_that_began_after_it() -> None:
    moments = moments_of(
        [
            span("conversation", 0, 2_010, own=1, below=0),
            turn(0, 2_000, interrupted=True),
            heard("hi", 100, 600),
            llm(1_900, 2_001, output="Hello."),
            tts("Hello.", 2_001, ttfb=None, below=1),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi")]


def test_a_goodbye_that_the_app_says_as_it_ends_the_call_is_read() -> None:
    assert hung_up(tts("Goodbye.", 4_210, below=1), conversation_end=7_300) == [*BEFORE, ("AGENT", "Goodbye.")]


def test_a_reply_lasts_until_the_silence_that_pipecat_plays_at_the_end() -> None:
    moments = moments_of(
        [
            span("conversation", 0, 9_000, own=1, below=0),
            turn(0, 2_000, interrupted=True),
            tts("I will tell you a long story about this. " * 3, 900),
        ]
    )

    assert times(moments) == [("AGENT", 950, 7_000)]


def test_without_turns_everything_is_placed_by_its_time() -> None:
    moments = moments_of(
        [
            heard("hi", 0, 300, below=0),
            llm(600, 900, below=0, output="Hello."),
            tts("Hello.", 700, below=0),
            heard("bye", 3_000, 3_300, below=0),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Hello."), ("CUSTOMER", "bye")]


def test_a_pipeline_without_speech_service_says_what_its_model_wrote() -> None:
    moments = moments_of([heard("hi", 0, 300), llm(600, 900, output="Hello. ", metrics__ttfb=0.1)])

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


def test_a_speech_without_text_says_what_its_model_wrote() -> None:
    moments = moments_of(
        [
            turn(0, 3_000),
            tts("Welcome.", 0),
            turn(3_000, 9_000, own=3),
            llm(3_600, 3_900, output="Hello.", below=3),
            tts(None, 3_700, below=3),
        ]
    )

    assert [(who, start) for who, start, _ in times(moments)] == [("AGENT", 50), ("AGENT", 3_750)]
    assert said(moments) == [("AGENT", "Welcome."), ("AGENT", "Hello.")]


def test_what_a_model_wrote_for_no_speech_service_was_not_said() -> None:
    """A second model of the pipeline may judge what the customer says."""
    moments = moments_of(
        [
            turn(0, 9_000),
            heard("hi", 100, 300),
            llm(600, 900, output="Hello.", own=20),
            llm(601, 650, output="POLITE", own=21),
            tts("Hello.", 700),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Hello.")]


def test_a_reply_that_came_much_later_did_not_wait_for_another() -> None:
    moments = moments_of([turn(0, 20_000), tts("One moment.", 0), tts("It is sent.", 15_000, ttfb=None)])

    assert [start for _, start, _ in times(moments)] == [50, 15_000]


def test_without_its_root_a_call_that_ended_has_no_more_than_its_turn() -> None:
    late = [llm(2_100, 2_150, below=1), tts("Goodbye.", 2_100, ttfb=None, below=1)]
    moments = moments_of([turn(0, 2_000, interrupted=True), heard("hi", 100, 600), *late])

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Goodbye.")]


def test_a_call_that_was_read_while_it_went_on_guesses_the_end_of_the_reply() -> None:
    moments = moments_of([turn(0, 9_000)._replace(end_ns=None), tts("a" * 15, 450)])

    assert times(moments) == [("AGENT", 500, 1_500 - 1)]


def test_the_time_to_first_byte_may_be_in_ms_and_is_not_that_of_a_failure() -> None:
    failed = llm(0, 900, metrics__ttfb=0.9)._replace(error=True)
    moments = moments_of([failed, llm(1_000, 1_200, metrics__ttfb_ms=60, gen_ai__system="openai")])

    assert facts(moments) == {"property.framework": "pipecat", "property.llm_ttfb_ms": 60}


def test_a_span_that_never_ended_is_read_as_far_as_it_goes() -> None:
    open_ = span("stt", 100, None, transcript="hello")

    assert times(moments_of([open_])) == [("CUSTOMER", 100, None)]


def test_spans_of_other_scopes_and_names_are_ignored() -> None:
    foreign = heard("hi", 0, 300)._replace(scope="my.app")

    assert moments_of([foreign, span("pipeline", 0, 100, transcript="hi")]) == []


def test_an_observer_that_was_deaf_takes_no_words_away() -> None:
    spans = [turn(0, 3_000), heard("hello", 100, 500), llm(700, 900, output="Hi."), tts("Hi.", 800)]
    ended = span("ended", 3_000, 3_000, heard__fact__ended_status="CUSTOMER_ENDED_CALL")._replace(
        scope="roark_otel.pipecat"
    )

    for order in (*spans, ended), (ended, *spans):
        moments = moments_of(order)

        assert said(moments) == said(moments_of(spans)) != []
        assert facts(moments)["ended_status"] == "CUSTOMER_ENDED_CALL"


def test_where_an_observer_hears_nothing_is_said_twice() -> None:
    spans = [turn(0, 3_000), heard("hello", 100, 500), llm(700, 900, output="Hi."), tts("Hi.", 800)]
    hears = span("customer_said", 110, 450, heard__text="hello")._replace(scope="roark_otel.pipecat")
    ended = span("ended", 3_000, 3_000)._replace(scope="roark_otel.pipecat")

    assert said(moments_of([*spans, hears, ended])) == [("CUSTOMER", "hello")]


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_reply_is_there_although_the_observer_heard_no_end_of_it(*, is_cut: bool) -> None:
    """As of a process that ended while the agent spoke. Of one that was cut off, what comes next was not heard."""
    spans = [turn(0, 3_000), heard("hello", 100, 500), llm(700, 900, output="Hi."), tts("Hi.", 800)]
    hears = [span("customer_said", 110, 450, heard__text="hello")]
    if is_cut:
        hears.append(span("agent_said", 500, 600, heard__text="I", heard__interrupted=True))
    own = [one._replace(scope="roark_otel.pipecat") for one in hears]

    for order in (*spans, *own), (*own, *spans):
        last = ("AGENT", "I") if is_cut else ("AGENT", "Hi.")
        assert said(moments_of(order)) == [("CUSTOMER", "hello"), last]


# Sentences that a span lost


@pytest.mark.parametrize("dump", ["greeting_and_ttsspeak", "interruption_ws", "three_turn_ws", "tool_call_http"])
@pytest.mark.parametrize("keeps", [slice(-1, None), slice(1, None)], ids=["the last", "all but the first"])
def test_sentences_that_a_span_lost_are_found_elsewhere(dump: str, keeps: slice) -> None:
    """Versions 1.2 to 1.5 keep the last sentence on the span, or not the first; one alone is then no text at all."""

    def lost(one: SpanView) -> SpanView:
        if one.name != "tts" or not isinstance(text := one.attributes.get("text"), str):
            return one
        rest = " ".join(re.split(r"(?<=[.?!]) ", text)[keeps])
        others = {name: value for name, value in one.attributes.items() if name != "text"}
        return one._replace(attributes={**others, "text": rest} if rest else others)

    whole = records(f"pipecat/{dump}")
    assert said(moments_of(map(lost, whole))) == said(moments_of(whole))


@pytest.mark.parametrize(
    ("wrote", "spoken", "held", "expected"),
    [
        ("One. Two. Three.", ["Three."], None, ["One. Two. Three."]),
        ("One. Two. Three.", ["One.", "Three."], None, ["One.", "Two. Three."]),
        ("One. Two. Three.", ["One.", "Two.", "Three."], None, ["One.", "Two.", "Three."]),
        ("*waves* Hello.", ["Hello."], None, ["Hello."]),
        ("<think>Who is it?</think> Hello.", ["Hello."], None, ["Hello."]),
        ("See my notes. Hello.", ["Hello."], "Hello.", ["Hello."]),
    ],
)
def test_only_whole_sentences_are_put_back(
    wrote: str, spoken: list[str], held: str | None, expected: list[str]
) -> None:
    """An app may keep a part of what a model writes from being spoken; where a history shows it, it was not."""
    spans = [
        turn(0, 9_000),
        heard("hi", 100, 900),
        llm(1_000, 1_200, history=[user("hi")], output=wrote),
        *(tts(one, 1_100 + 300 * index) for index, one in enumerate(spoken)),
    ]
    if held is not None:
        later = [user("hi"), assistant(held), user("bye")]
        spans += [
            turn(9_000, 12_000, own=3),
            heard("bye", 9_100, 9_400, below=3),
            llm(9_900, 9_950, history=later, below=3),
        ]

    assert [text for role, text in said(moments_of(spans)) if role == "AGENT"] == expected
