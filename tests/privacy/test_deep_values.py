"""Values that are nested deeper than Python can follow cost no call, whether or not content is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import roark_otel
from roark_otel._model.dialect import Words
from roark_otel._model.reading import MAX_LEVELS
from roark_otel._privacy.masking import Masking
from support.helpers import ID, App

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox import Sandbox

WORD = "harbour"

DEEP: dict[str, Callable[[int], str]] = {
    "arrays": lambda depth: "[" * depth + f'"{WORD}"' + "]" * depth,
    "objects": lambda depth: '{"text":' * depth + f'"{WORD}"' + "}" * depth,
    "both": lambda depth: '[{"text":' * depth + f'"{WORD}"' + "}]" * depth,
    "not closed": lambda depth: "[" * depth,
}


def in_json(depth: int) -> str:
    """Returns JSON text in JSON text, which doubles with every level."""
    written = WORD
    for _ in range(depth):
        written = json.dumps({"text": [written]})
    return written


@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("depth", [70, 480, 3_000])
@pytest.mark.parametrize("kind", DEEP)
def test_deep_json_costs_no_call(sandbox: Sandbox, kind: str, depth: int, content: bool) -> None:
    app = App(sandbox.url, spool="memory", capture_content=content)
    deep = DEEP[kind](depth)
    attributes: dict[str, Any] = {ID: "call-1", "roark.conversation.root": True, "gen_ai.input.messages": deep}
    with app.tracer.start_as_current_span("call", attributes=attributes) as root:
        root.add_event("roark.transcript", {"role": "agent", "text": "Hello.", "payload": deep})
        root.add_event("roark.tool_invocation", {"name": "look_up", "parameters": deep, "result": deep})
        root.set_attribute("exception.message", deep)
    assert app.processor.force_flush(60_000)
    (call,) = sandbox.calls()
    assert [use["name"] for use in call["toolInvocations"]] == ["look_up"]
    assert [entry["text"] for entry in call.get("transcript", [])] == (["Hello."] if content else [])
    assert content or WORD not in json.dumps(call)


def test_a_deep_value_of_a_handle_costs_no_call(sandbox: Sandbox) -> None:
    app = App(sandbox.url, spool="memory", capture_content=False)
    deep: Any = WORD
    for _ in range(100_000):
        deep = [deep]
    with roark_otel.conversation("call-1", tracer_provider=app.provider) as call:
        call.agent_said("Hello.", payload={"a": deep})
        with call.tool("look_up", {"a": deep}) as tool:
            tool.result(deep)
    assert app.processor.force_flush(60_000)
    (body,) = sandbox.calls()
    assert [use["name"] for use in body["toolInvocations"]] == ["look_up"]
    assert WORD not in json.dumps(body)


@pytest.mark.parametrize("written", [*(kind(MAX_LEVELS * 7) for kind in DEEP.values()), *map(in_json, range(12))])
def test_no_word_is_left_at_any_depth(written: str) -> None:
    masked = Masking(b"key", Words(names=frozenset({"text"}))).attribute("text", written)
    assert WORD not in str(masked)
