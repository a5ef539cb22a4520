"""Ten megabytes wherever a customer or a tool can put them: the call is sent, cut, and nothing waits for long."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

import roark_otel
from roark_otel._model.sizes import MAX_RESULT, MAX_TEXT
from support.helpers import ID, TAKES_ANY_VALUE, App, agent_said, by_id, customer_said

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox import Sandbox

HUGE = 10_000_000
LONG = 2_000_000
"""More than any limit of a text, and eight times what is parsed in one call."""

CARD = "4111 1111 1111 1111"

TEXTS: dict[str, Callable[[int], str]] = {
    "digits": lambda size: "1" * size,
    "one mail": lambda size: "x" * (size - 12) + "@example.com",
    "words": lambda size: "Straße " * (size // 7),
    "cards": lambda size: f"{CARD} " * (size // 20),
    "an array": lambda size: json.dumps([{"role": "user", "content": f"It is {CARD}."}] * (size // 60)),
    "an object": lambda size: json.dumps({"rows": [{"id": number, "card": CARD} for number in range(size // 50)]}),
}

GEN_AI = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}


def in_words(_app: App, root: Any, text: str) -> None:
    customer_said(root, text)


def in_payload(_app: App, root: Any, text: str) -> None:
    customer_said(root, "Here.", payload=text)


def in_arguments(_app: App, root: Any, text: str) -> None:
    root.add_event("roark.tool_invocation", {"name": "look_up", "parameters": text, "result": "ok"})


def in_result(_app: App, root: Any, text: str) -> None:
    root.add_event("roark.tool_invocation", {"name": "look_up", "parameters": "{}", "result": text})


def in_error(_app: App, root: Any, text: str) -> None:
    root.add_event("roark.tool_invocation", {"name": "look_up", "error": text})


def in_names(_app: App, root: Any, text: str) -> None:
    root.add_event("roark.tool_invocation", {"name": text, "id": text, "description": text})
    root.set_attributes({"roark.agent.name": text, "roark.customer.label": text, "roark.agent.prompt": text})


def in_property(_app: App, root: Any, text: str) -> None:
    root.set_attribute("roark.property.note", text)


def in_event_name(_app: App, root: Any, text: str) -> None:
    root.add_event(text, {"text": text})
    root.add_event("roark.transcript", {"role": text, "text": "x"})


def in_messages(app: App, _root: Any, text: str) -> None:
    attributes = {
        **GEN_AI,
        "gen_ai.input.messages": text,
        "gen_ai.output.messages": text,
        "gen_ai.tool.definitions": text,
    }
    app.provider.get_tracer("opentelemetry.instrumentation.openai_v2").start_span("chat m", attributes=attributes).end()


def in_tool_span(app: App, _root: Any, text: str) -> None:
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look_up",
        "gen_ai.tool.call.id": text,
        "gen_ai.tool.call.arguments": text,
        "gen_ai.tool.call.result": text,
    }
    span = app.provider.get_tracer("opentelemetry.instrumentation.openai_v2").start_span("tool", attributes=attributes)
    span.record_exception(ValueError(text[:1_000]))
    span.end()


PLACES = [in_words, in_payload, in_arguments, in_result, in_error, in_names, in_property, in_event_name, in_messages]
PLACES += [in_tool_span]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("content", [True, False], ids=["redacted", "content off"])
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "size", [LONG, pytest.param(HUGE, marks=pytest.mark.long)], ids=["two megabytes", "ten megabytes"]
)
def test_a_huge_text_in_one_place(
    sandbox: Sandbox, place: Callable[..., None], content: bool, text: str, size: int
) -> None:
    app = App(sandbox.url, spool="memory", redact_patterns=["card", "phone", "email"], capture_content=content)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1", "roark.conversation.root": True}) as root:
        agent_said(root, "Hello.")
        place(app, root, TEXTS[text](size))
    assert app.processor.force_flush(600_000)
    (call,) = sandbox.calls()
    written = json.dumps(call, ensure_ascii=False)
    assert len(written) < 3 * (MAX_TEXT + MAX_RESULT)
    assert "1111 1111" not in written
    assert "@example.com" not in written


# In the handles, on the thread of the app


def nested() -> Any:
    value: Any = ["x"]
    for _ in range(60):
        value = {"a": value, "b": value}
    return value


def deep() -> Any:
    value: Any = "x"
    for _ in range(100_000):
        value = [value]
    return value


VALUES: dict[str, Callable[[], Any]] = {
    "text": lambda: "x" * HUGE,
    "bytes": lambda: b"\xff" * HUGE,
    "long list": lambda: list(range(HUGE // 10)),
    "wide object": lambda: {f"key {number}": CARD for number in range(HUGE // 50)},
    "rows": lambda: [{"id": number, "text": "y" * 80} for number in range(HUGE // 100)],
    "one text inside": lambda: {"a": ["x" * HUGE]},
    "shared": nested,
    "deep": deep,
}


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
def test_a_tool_that_is_given_and_returns_anything(sandbox: Sandbox, make: Callable[[], Any]) -> None:
    """One that contains others many times over used to hang the thread of the app."""
    app = App(sandbox.url, spool="memory", redact_patterns=["card", "phone", "email"])
    value, done = make(), threading.Event()

    def hold() -> None:
        with roark_otel.conversation("call-1", tracer_provider=app.provider) as call:
            call.agent_said("Hello.", payload={"a": value})
            with call.tool("look_up", {"a": value}) as tool:
                tool.result(value)
            with call.tool("fail", value) as tool:
                tool.error(value if isinstance(value, (str, bytes)) else "no")  # type: ignore[arg-type]
            call.update(properties={"p": value})
        done.set()

    threading.Thread(target=hold, daemon=True).start()
    assert done.wait(60)
    assert app.processor.force_flush(600_000)
    call = by_id(sandbox.calls())["call-1"]
    assert [entry["text"] for entry in call["transcript"]] == ["Hello."]
    assert {one["name"] for one in call["toolInvocations"]} == {"look_up", "fail"}
    assert len(json.dumps(call, ensure_ascii=False)) < 4 * MAX_RESULT
    assert CARD not in json.dumps(call)


@pytest.mark.skipif(not TAKES_ANY_VALUE, reason="the SDK takes no mappings in attributes")
def test_a_mapping_of_ten_megabytes_on_a_span(sandbox: Sandbox) -> None:
    app = App(sandbox.url, spool="memory", redact_patterns=["card"])
    rows: Any = {"rows": [{"id": number, "card": CARD} for number in range(HUGE // 50)]}
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        agent_said(root, "Hello.")
        root.add_event("roark.tool_invocation", {"name": "look_up", "result": rows})
    assert app.processor.force_flush(600_000)
    (use,) = sandbox.calls()[0]["toolInvocations"]
    assert len(use["result"]) <= MAX_RESULT
    assert CARD not in use["result"]
