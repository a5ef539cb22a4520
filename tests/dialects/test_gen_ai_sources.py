"""Where else the GenAI dialect finds words, and what of a model's work is not speech."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._model.moments import Returned
from roark_otel._model.rows import SpanEvent
from roark_otel.dialects.chat import spoken
from support.dumps import conversations, records
from support.gen_ai_spans import event, history, message, model, moments_of, prompts, span, used
from support.said import T0, said, timed

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView
    from roark_otel.types import Unreadable

EXPECTED = [("CUSTOMER", "hi"), ("AGENT", "Hello.")]
RECORDED = ["google_adk_1", "langsmith_langchain", "langsmith_openai", "openai_chat_span_only"]


@pytest.mark.parametrize("dump", RECORDED)
def test_a_recorded_conversation_is_what_was_said(dump: str) -> None:
    moments = moments_of(records(f"gen_ai/{dump}"))
    truth = conversations(f"gen_ai/{dump}")[0]

    assert said(moments) == [(one["role"], one["text"]) for one in truth["transcript"]]
    assert used(moments) == [
        (one["name"], one["parameters"], Returned(one["result"])) for one in truth["toolInvocations"]
    ]


# The body of an event in one attribute


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ({"role": "user", "content": "hi"}, {"message": {"content": "Hello."}, "finish_reason": "stop", "index": 0}),
        ({"content": "hi"}, {"message": {"role": "assistant", "content": "Hello."}}),
        ({"content": [{"type": "text", "text": "hi"}]}, {"content": "Hello.", "index": 0}),
        ("hi", "Hello."),
    ],
)
def test_messages_are_found_in_the_content_of_events(asked: object, answered: object) -> None:
    events = (
        event("gen_ai.system.message", {"role": "system", "content": "Be kind."}),
        event("gen_ai.user.message", asked),
        event("gen_ai.assistant.message", {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}),
        event("gen_ai.tool.message", {"id": "c", "content": "[1]"}),
        event("gen_ai.choice", answered),
    )
    moments = moments_of([span(0, 9, {"gen_ai.system": "az.ai.inference"}, events=events)])

    assert said(moments) == EXPECTED
    assert used(moments) == [("f", {}, Returned([1]))]
    assert prompts(moments) == ["Be kind."]


def test_whole_lists_are_found_in_the_content_of_events() -> None:
    events = (
        event("gen_ai.system.instructions", [{"role": "system", "content": "Be kind."}]),
        event("gen_ai.input.messages", history("hi")),
        event("gen_ai.output.messages", [message("assistant", "Hello.")]),
    )
    moments = moments_of([span(0, 9, {"gen_ai.system": "az.ai.agents"}, events=events)])

    assert said(moments) == EXPECTED
    assert prompts(moments) == ["Be kind."]


def test_content_that_was_cut_is_not_words() -> None:
    warned: list[Unreadable] = []
    events = (event("gen_ai.user.message", '{"role": "user", "content": "where is my or'),)

    assert said(moments_of([span(0, 9, {"gen_ai.system": "az"}, events=events)], warned)) == []
    assert [one.attribute for one in warned] == ["gen_ai.event.content"]


# Input and output as one attribute each


def whole(asked: object, answered: object, /, at: int = 0, **more: Any) -> SpanView:
    """Makes a span with all of a model's input and output in one attribute each."""
    both = {"gen_ai.prompt": asked, "gen_ai.completion": answered}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in both.items()}
    return span(at, at + 9, {**texts, **{key.replace("__", "."): value for key, value in more.items()}})


def lc(kind: str, text: str) -> dict[str, object]:
    """Makes a message as LangChain serializes it."""
    kwargs = {"content": text, "type": kind}
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "M"], "kwargs": kwargs}


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("hi", "Hello."),
        ([{"role": "user", "content": "hi"}], [{"role": "assistant", "content": "Hello."}]),
        ({"messages": [{"role": "user", "content": "hi"}], "model": "m"}, {"role": "assistant", "content": "Hello."}),
        (
            {"messages": [{"role": "user", "content": "hi"}]},
            {"choices": [{"index": 0, "message": {"content": "Hello."}}]},
        ),
        (
            {"messages": [[lc("system", "Be kind."), lc("human", "hi")]]},
            {"generations": [[{"text": "Hello.", "type": "Generation"}]]},
        ),
        (
            {"messages": [[lc("human", "hi")]]},
            {"generations": [[{"text": "", "type": "ChatGeneration", "message": lc("ai", "Hello.")}]]},
        ),
        ({"messages": [{"type": "human", "content": "hi"}]}, {"output": {"type": "ai", "content": "Hello."}}),
        ({"messages": [{"type": "human", "data": {"content": "hi"}}]}, {"type": "AIMessageChunk", "content": "Hello."}),
        ({"input": "hi", "model": "m"}, {"output": "Hello."}),
        (
            {"input": [{"role": "user", "content": "hi"}]},
            {"output": [{"type": "message", "content": "Hello."}], "id": "r"},
        ),
        ({"contents": [{"parts": [{"text": "hi"}]}]}, {"candidates": [{"content": {"parts": [{"text": "Hello."}]}}]}),
    ],
)
def test_messages_are_found_in_one_attribute(asked: object, answered: object) -> None:
    assert said(moments_of([whole(asked, answered, gen_ai__system="x")])) == EXPECTED
    assert said(moments_of([whole(asked, answered, langsmith__span__kind="llm")])) == EXPECTED
    events = (
        SpanEvent("gen_ai.content.prompt", T0, {"gen_ai.prompt": json.dumps(asked)}),
        SpanEvent("gen_ai.content.completion", T0, {"gen_ai.completion": json.dumps(answered)}),
    )
    assert said(moments_of([span(0, 9, {"gen_ai.system": "x"}, events=events)])) == EXPECTED


def test_a_text_that_a_model_goes_on_with_is_a_prompt() -> None:
    moments = moments_of([whole("You are kind.\nUser: hi\nBot:", "Hello.", gen_ai__operation__name="text_completion")])

    assert said(moments) == [("AGENT", "Hello.")]


def test_chains_of_langsmith_count_only_without_models() -> None:
    chain = whole({"question": "hi", "history": []}, {"output": "Hello."}, langsmith__span__kind="chain")
    prompt = whole({"question": "hm"}, {"output": {"messages": [lc("human", "hm")]}}, langsmith__span__kind="prompt")
    asked = model(2, 8, history("hi"), "Hello!")

    assert said(moments_of([chain, prompt])) == EXPECTED
    assert said(moments_of([chain, prompt, asked])) == [("CUSTOMER", "hi"), ("AGENT", "Hello!")]
    assert timed(moments_of([chain, asked]))[0] == ("hi", 0, None)


@pytest.mark.parametrize(
    ("given", "gave"),
    [
        ({"x": 1}, {"t": 3}),
        ({"input": "{'x': 1}"}, {"output": {"t": 3}}),
        ({"input": "{'x': 1}"}, {"output": {"type": "tool", "content": '{"t": 3}', "tool_call_id": "c"}}),
        ({"x": 1}, {"output": {"lc": 1, "kwargs": {"type": "tool", "content": '{"t": 3}'}}}),
    ],
)
def test_a_tool_of_langsmith_has_its_arguments_and_its_result(given: object, gave: object) -> None:
    ran = {"langsmith.span.kind": "tool", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}
    one = whole(given, gave)
    moments = moments_of([one._replace(attributes={**one.attributes, **ran})])

    assert [(name, dict(arguments)) for name, arguments, _ in used(moments)] == [("f", {"x": 1})]  # type: ignore[call-overload]
    assert used(moments)[0][2] == Returned({"t": 3})
    assert said(moments) == []


# Google's ADK 1


def adk(at: int, contents: list[Any], answer: object, **config: Any) -> SpanView:
    request = {"model": "m", "config": config, "contents": contents}
    return span(
        at,
        at + 9,
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gcp.vertex.agent.llm_request": json.dumps(request),
            "gcp.vertex.agent.llm_response": json.dumps(answer),
        },
        scope="gcp.vertex.agent",
        name="call_llm",
    )


def content(role: str, *parts: object) -> dict[str, object]:
    return {"role": role, "parts": [{"text": one} if isinstance(one, str) else one for one in parts]}


def test_adk_has_words_and_prompts_in_names_of_its_own() -> None:
    first = adk(0, [content("user", "hi")], {"content": content("model", "Hello.")}, system_instruction="Be kind.")
    contents = [content("user", "hi"), content("model", "Hello."), content("user", "bye")]
    second = adk(50, contents, {"content": content("model", {"text": "hm", "thought": True}, "Bye."), "partial": False})
    moments = moments_of([first, second])

    assert said(moments) == [*EXPECTED, ("CUSTOMER", "bye"), ("AGENT", "Bye.")]
    assert prompts(moments) == ["Be kind."]


def test_what_adk_tells_one_agent_of_another_is_not_the_customer() -> None:
    told = content("user", "For context:", "[triage] said: Hello.")
    moments = moments_of(
        [
            adk(0, [content("user", "hi")], {"content": content("model", "Hello.")}),
            adk(
                50,
                [content("user", "hi"), told, content("user", "my order?")],
                {"content": content("model", "It ships.")},
            ),
        ]
    )

    assert said(moments) == [*EXPECTED, ("CUSTOMER", "my order?"), ("AGENT", "It ships.")]


@pytest.mark.parametrize("hidden", ["{}", "null", "", '{"contents": []}'])
def test_adk_with_its_content_hidden_says_nothing(hidden: str) -> None:
    empty = adk(0, [], {})

    names = ("gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response")
    assert said(moments_of([empty._replace(attributes={**empty.attributes, **dict.fromkeys(names, hidden)})])) == []


# What is not speech


@pytest.mark.parametrize(
    ("answer", "is_speech"),
    [
        ('{"intent": "order", "confidence": 0.97}', False),
        ('{"intent": "ord', False),
        ('[{"intent": "order"}]', False),
        ('["order", "thanks"]', False),
        ('```json\n{"intent": "order"}\n```', False),
        ("```\n[1]\n```", True),
        ("{'intent': 'order'}", False),
        ("{}", False),
        ("[]", False),
        ("[ToolCall(id='c', name='f')]", False),
        ("content='Hi.' additional_kwargs={} response_metadata={}", False),
        ("content=''  additional_kwargs={'a': 1}", False),
        ('<tool_call>\n{"name": "f"}\n</tool_call>', False),
        ('<function=f>{"x": 1}</function>', False),
        ("<|python_tag|>f(x=1)", False),
        ('[TOOL_CALLS] [{"name": "f"}]', False),
        ("__REDACTED__", False),
        ('{"' + "x" * 5_000_000, True),
        ('{"a": "' + "x" * 5_000_000, False),
        ('{"mood": "glad"} Hello there!', True),
        ("{name}, hello!", True),
        ("{ hm }", True),
        ("[laughs] Hi!", True),
        ('["Hi," she said', True),
        ("content=great", True),
        ("42", True),
        ("true", True),
    ],
)
def test_data_and_calls_that_leaked_are_not_speech(answer: str, *, is_speech: bool) -> None:
    assert (spoken(answer) is not None) is is_speech
    assert len(said(moments_of([model(0, 9, history("hi"), answer)]))) == 1 + is_speech
    repeated = [*history("hi"), message("assistant", answer), *history("well?")]
    assert len(said(moments_of([model(0, 9, repeated)]))) == 2 + is_speech


JSON_ASKED: list[dict[str, Any]] = [
    {"output__type": "json"},
    {"output__type": "JSON"},
    {"openai__request__response_format": "json_schema"},
    {"openai__request__response_format": "json_object"},
]


@pytest.mark.parametrize("asked", JSON_ASKED)
def test_what_a_program_reads_nobody_hears(asked: dict[str, Any]) -> None:
    """Whatever the answer looks like; the question is heard once."""
    moments = moments_of(
        [
            model(0, 50, [message("system", "Classify."), *history("Where is my order?")], "order", **asked),
            model(60, 100, [message("system", "Be kind."), *history("Where is my order?")], "It was shipped."),
            model(5_000, 5_050, [message("system", "Classify."), *history("thanks")], "thanks", **asked),
            model(5_060, 5_100, history("Where is my order?", "It was shipped.", "thanks"), "Welcome."),
            model(5_110, 5_150, history("Where is my order?", "It was shipped.", "thanks", "Welcome."), "ok", **asked),
        ]
    )

    assert said(moments) == [
        ("CUSTOMER", "Where is my order?"),
        ("AGENT", "It was shipped."),
        ("CUSTOMER", "thanks"),
        ("AGENT", "Welcome."),
    ]


@pytest.mark.parametrize(
    "prompt",
    [
        "Classify this message: Where is my order?",
        "Say true if Where is my order? is a question.",
        'The customer said "Where is my order?". Is that allowed?',
        "Conversation:\nUser: Where is my order?\nBot: It was shipped.",
    ],
)
def test_a_prompt_around_words_is_nobodys_words(prompt: str) -> None:
    judge = model(30, 50, history(prompt), '{"ok": true}')

    for at in (30, 200):
        spans = [
            judge._replace(start_ns=T0 + at * 1_000_000),
            model(60, 100, history("Where is my order?"), "Shipped."),
        ]
        assert said(moments_of(spans)) == [("CUSTOMER", "Where is my order?"), ("AGENT", "Shipped.")]


def test_words_that_only_a_router_was_asked_with_were_said() -> None:
    """What came of it was not a model's: a canned reply, or a transfer."""
    moments = moments_of(
        [
            model(0, 50, history("I want a person, please."), '{"intent": "transfer"}'),
            model(10, 60, history("I want a person, please."), '{"allowed": true}'),
            model(5_000, 5_060, history("yes"), "Fine."),
            model(9_000, 9_050, history("yes please"), '{"intent": "yes"}'),
        ]
    )

    assert [text for _, text in said(moments)] == ["I want a person, please.", "yes", "Fine.", "yes please"]


def test_what_a_tool_asks_a_model_is_not_part_of_the_conversation() -> None:
    """At any depth below the tool, and only while it runs: some frameworks leave it current for longer."""
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"}
    moments = moments_of(
        [
            model(0, 90, history("hi"), "Let me look."),
            span(100, 300, tool, span_id=50),
            span(110, 200, agent, parent_id=50, span_id=51),
            model(120, 190, history("Summarise A-1."), "A-1 is shipped.", parent_id=51, span_id=52),
            model(210, 290, history("Again."), "Shipped.", parent_id=50, span_id=53),
            model(310, 390, history("hi", "Let me look."), "It ships.", parent_id=50, span_id=54),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Let me look."), ("AGENT", "It ships.")]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (["The sky is ", "blue", ", today."], "The sky is blue, today."),
        (["One", " ", "two"], "One two"),
        (["One.", "Two."], "One. Two."),
        ([" One. ", "Two.\n"], "One. Two."),
    ],
)
def test_pieces_of_an_answer_keep_their_own_blanks(pieces: list[str], words: str) -> None:
    """Those of a stream bring them along; whole sentences get one between them."""
    answered = {"role": "assistant", "content": [{"type": "text", "text": one} for one in pieces]}
    attributes: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": json.dumps([answered])}

    assert said(moments_of([span(0, 9, attributes)])) == [("AGENT", words)]
