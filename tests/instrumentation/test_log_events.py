"""Log events are read however an instrumentation writes them, and whichever span they are logged in."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from roark_otel import RoarkLogRecordProcessor
from roark_otel._model.reading import MAX_JSON
from roark_otel_zero_code.completion_hook import RoarkCompletionHook
from support.helpers import ID
from support.models import DETAILS, INPUT, OUTPUT, Call, older_events, text
from support.shop import Shop, said

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox


@pytest.fixture(name="shop")
def _shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


BODIES = {
    "mapping": {"content": "hello", "role": "user"},
    "text": "hello",
    "bytes": b"hello",
    "json": '{"content": "hello"}',
    "json bytes": b' {"content": "hello"}',
    "parts": {"content": [{"type": "text", "text": "hello"}]},
    "gemini": {"content": {"parts": [{"text": "hello"}], "role": "user"}},
    "json inside": {"content": '[{"text": "hello"}]'},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_may_be_written_in_any_way(shop: Shop, body: Any) -> None:
    def log() -> None:
        shop.log("gen_ai.user.message", body)
        shop.log("gen_ai.choice", {"index": 0, "message": {"content": "Hi."}})

    assert said(shop.one_call(log)) == [("CUSTOMER", "hello"), ("AGENT", "Hi.")]


ASKED, GAVE = [text("user", "hello")], [text("assistant", "Hi.")]
WHOLE: dict[str, tuple[Any, Any]] = {
    "attributes": (None, {INPUT: ASKED, OUTPUT: GAVE}),
    "text": (None, {INPUT: json.dumps(ASKED), OUTPUT: json.dumps(GAVE)}),
    "nested": (None, {"gen_ai": {"input": {"messages": ASKED}, "output.messages": GAVE}}),
    "half nested": (None, {"gen_ai.input": {"messages": ASKED}, "gen_ai.output": {"messages": GAVE}}),
    "body": ({INPUT: ASKED, OUTPUT: GAVE}, {"gen_ai.operation.name": "chat"}),
    "body as JSON": (json.dumps({INPUT: ASKED, OUTPUT: GAVE}), None),
    "body as bytes": (json.dumps({INPUT: ASKED, OUTPUT: GAVE}).encode(), None),
    "nested body": ({"gen_ai": {"input": {"messages": ASKED}, "output": {"messages": GAVE}}}, None),
    "some of both": ({INPUT: ASKED}, {OUTPUT: GAVE}),
}


@pytest.mark.parametrize(("body", "attributes"), WHOLE.values(), ids=WHOLE)
def test_lists_of_messages_may_stand_anywhere_in_an_event(shop: Shop, body: Any, attributes: Any) -> None:
    found = shop.one_call(partial(shop.log, DETAILS, body, attributes))

    assert said(found) == [("CUSTOMER", "hello"), ("AGENT", "Hi.")]


def test_googles_agent_framework_logs_a_history_as_messages_of_the_customer(shop: Shop) -> None:
    def log() -> None:
        shop.log("gen_ai.system.message", {"content": "Be kind."})
        for role, words in (("user", "hello"), ("model", "Hi."), ("user", "bye")):
            shop.log("gen_ai.user.message", {"content": {"parts": [{"text": words}], "role": role}})
        shop.log("gen_ai.choice", {"content": {"parts": [{"text": "Goodbye."}], "role": "model"}, "index": 0})

    body = shop.one_call(log)

    assert said(body) == [("CUSTOMER", "hello"), ("AGENT", "Hi."), ("CUSTOMER", "bye"), ("AGENT", "Goodbye.")]
    assert body["agent"] == {"name": "shop", "prompt": {"resolvedPrompt": "Be kind."}}


def test_content_that_is_off_gives_no_words(shop: Shop) -> None:
    def log() -> None:
        shop.log("gen_ai.system.message", {"content": "<elided>"})
        shop.log("gen_ai.user.message", {"content": "<elided>"})
        shop.log("gen_ai.choice", {"content": "<elided>", "index": 0})
        shop.log("gen_ai.user.message", None, {"gen_ai.system": "openai"})
        shop.log("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"role": "assistant"}})
        shop.log(DETAILS, None, {"gen_ai.operation.name": "chat"})

    body = shop.one_call(log)

    assert said(body) == []
    assert body["agent"] == {"name": "shop"}


@pytest.mark.parametrize("at_once", [False, True])
def test_several_calls_of_a_model_may_share_one_span(shop: Shop, *, at_once: bool) -> None:
    """Where only events are written, and the span around them is the app's own; their times may be equal."""

    def log() -> None:
        at_ns = time.time_ns() if at_once else None
        for at in range(2):
            asked, answered = [text("user", "hello"), text("user", "bye")][at], ["Hi.", "Goodbye."][at]
            history = [text("user", "hello"), text("assistant", "Hi.")][: 2 * at]
            for name, body in older_events([*history, asked], [text("assistant", answered)]):
                shop.log(name, body, at_ns=at_ns)

    body = shop.one_call(log, {})

    assert said(body) == [("CUSTOMER", "hello"), ("AGENT", "Hi."), ("CUSTOMER", "bye"), ("AGENT", "Goodbye.")]


@pytest.mark.parametrize("at_once", [False, True])
def test_whole_events_may_share_one_span_too(shop: Shop, *, at_once: bool) -> None:
    def log() -> None:
        at_ns = time.time_ns() if at_once else None
        shop.log(DETAILS, None, {INPUT: ASKED, OUTPUT: GAVE}, at_ns=at_ns)
        # The service keeps the history.
        shop.log(DETAILS, None, {INPUT: [text("user", "bye")], OUTPUT: [text("assistant", "Goodbye.")]}, at_ns=at_ns)

    body = shop.one_call(log, {})

    assert said(body) == [("CUSTOMER", "hello"), ("AGENT", "Hi."), ("CUSTOMER", "bye"), ("AGENT", "Goodbye.")]


def test_answers_may_be_logged_in_the_span_around_the_models(shop: Shop) -> None:
    """As of streams that end after the call of the model's client: each is an answer of its own."""
    with shop.app.tracer.start_as_current_span("conversation", attributes={ID: "call-1"}):
        history: list[Any] = []
        for asked, answered in ((text("user", "hello"), "Hi."), (text("user", "bye"), "Goodbye.")):
            events = [*older_events([*history, asked], [text("assistant", answered)])]
            with shop.app.tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
                for name, body in events[:-1]:
                    shop.log(name, body)
            shop.log(*events[-1])
            history += [asked, text("assistant", answered)]

    body = shop.body()

    assert said(body) == [("CUSTOMER", "hello"), ("AGENT", "Hi."), ("CUSTOMER", "bye"), ("AGENT", "Goodbye.")]


def test_several_answers_to_one_question_are_one_call_of_a_model(shop: Shop) -> None:
    def log() -> None:
        shop.log("gen_ai.user.message", {"content": "hello"})
        for at, words in enumerate(("Hi.", "Hello.")):
            shop.log("gen_ai.choice", {"index": at, "message": {"content": words}})

    assert said(shop.one_call(log, {})) == [("CUSTOMER", "hello"), ("AGENT", "Hi."), ("AGENT", "Hello.")]


def test_results_of_tools_without_an_id_are_those_of_the_uses_in_their_order(shop: Shop) -> None:
    def asks(call_id: str, name: str) -> dict[str, Any]:
        return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}

    def log() -> None:
        shop.log("gen_ai.user.message", {"content": "hello"})
        shop.log("gen_ai.assistant.message", {"tool_calls": [asks("1", "one"), asks("2", "two"), asks("3", "three")]})
        shop.log("gen_ai.tool.message", {"content": '"second"', "id": "2"})
        shop.log("gen_ai.tool.message", {"content": '"first"'})
        shop.log("gen_ai.tool.message", {"content": '"third"'})
        shop.log("gen_ai.choice", {"index": 0, "message": {"content": "Hi."}})

    body = shop.one_call(log)

    uses = {one["name"]: one["result"] for one in body["toolInvocations"]}
    assert uses == {"one": "first", "two": "second", "three": "third"}


def test_a_second_processor_of_ours_changes_nothing(shop: Shop) -> None:
    shop.logs.add_log_record_processor(RoarkLogRecordProcessor())

    assert len(said(shop.hold(Call.in_events_of_messages))) == 6


def test_ten_megabytes_are_taken(shop: Shop) -> None:
    words = "word " * 2_000_000
    asked = [text("user", "hello"), {"role": "user", "parts": [{"type": "blob", "content": b"\xff" * 1_000_000}]}]

    body = shop.one_call(partial(shop.log, DETAILS, None, {INPUT: asked, OUTPUT: [text("assistant", words)]}))

    (customer, agent) = said(body)
    assert customer == ("CUSTOMER", "hello")
    assert agent[1].startswith("word word ")
    assert "[cut, " in agent[1]


def test_a_long_history_of_messages_is_taken(shop: Shop) -> None:
    """As JSON text it is longer than what is parsed of a tool's result."""
    words = "word " * 20_000
    history = [text("user" if at % 2 == 0 else "assistant", f"{at} {words}") for at in range(31)]
    assert len(json.dumps(history)) > MAX_JSON

    body = shop.one_call(partial(shop.log, DETAILS, None, {INPUT: history, OUTPUT: GAVE}))

    assert [one[1].partition(" ")[0] for one in said(body)] == [*map(str, range(31)), "Hi."]


def test_a_long_message_of_its_own_is_words_and_no_json(shop: Shop) -> None:
    def log() -> None:
        shop.log("gen_ai.user.message", {"content": "hello"})
        shop.log("gen_ai.choice", {"index": 0, "message": {"role": "assistant", "content": "word " * MAX_JSON}})

    (customer, agent) = said(shop.one_call(log))
    assert customer == ("CUSTOMER", "hello")
    assert agent[1].startswith("word word ")


def test_what_contains_itself_costs_no_more_than_itself(shop: Shop) -> None:
    endless: dict[str, Any] = {"role": "user"}
    endless["parts"] = [endless]

    def hand_over() -> None:
        inputs = [endless, {("a", "key"): 1}]
        RoarkCompletionHook().on_completion(inputs=inputs, outputs=GAVE, span=trace.get_current_span())

    assert ("AGENT", "Hi.") in said(shop.one_call(hand_over))
