"""Histories in the shapes of Pipecat's providers, made of OpenAI's as Pipecat's adapters do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

Messages = list[dict[str, Any]]


def openai(messages: Messages) -> Messages:
    return messages


def responses(messages: Messages) -> Messages:
    made: Messages = []
    for one in messages:
        if one["role"] == "tool":
            made.append({"type": "function_call_output", "call_id": one.get("tool_call_id"), "output": one["content"]})
        elif calls := one.get("tool_calls"):
            made += [{"type": "function_call", "call_id": call.get("id"), **call["function"]} for call in calls]
        else:
            made.append(one)
    return made


def anthropic(messages: Messages) -> Messages:
    """Messages of one speaker that follow one another become one, and the last one is never the agent's."""
    return _joined(
        messages,
        {"type": "text", "text": "."},
        lambda text: {"type": "text", "text": text},
        lambda call: {"type": "tool_use", **_parts(call, "id", "name", "input")},
        lambda one: {"type": "tool_result", "tool_use_id": one.get("tool_call_id"), "content": one["content"]},
    )


def bedrock(messages: Messages) -> Messages:
    return _joined(
        messages,
        {"text": "."},
        lambda text: {"text": text},
        lambda call: {"toolUse": _parts(call, "toolUseId", "name", "input")},
        lambda one: {"toolResult": {"toolUseId": one.get("tool_call_id"), "content": [{"text": one["content"]}]}},
    )


def gemini(messages: Messages) -> Messages:
    made: Messages = []
    names: dict[str | None, str] = {}
    for one in messages:
        role = {"assistant": "model"}.get(one["role"], "user")
        if one["role"] == "tool":
            value: Any = json.loads(one["content"])
            response = cast("dict[str, Any]", value) if isinstance(value, dict) else {"value": value}
            answer: dict[str, Any] = {"name": names[one.get("tool_call_id")], "response": response}
            part: dict[str, Any] = {"function_response": _with_id(answer, one.get("tool_call_id"))}
            made.append({"role": role, "parts": [part]})
        elif calls := one.get("tool_calls"):
            names |= {call.get("id"): call["function"]["name"] for call in calls}
            parts = [{"function_call": _with_id(_parts(call, "id", "name", "args"), call.get("id"))} for call in calls]
            made.append({"role": role, "parts": parts})
        else:
            made.append({"role": role, "parts": [{"text": one["content"]}]})
    return made


def nova(messages: Messages) -> Messages:
    """Without tools."""
    roles = {"assistant": "Role.ASSISTANT"}
    return [
        {"role": roles.get(one["role"], "Role.USER"), "text": one["content"]}
        for one in messages
        if one["role"] != "tool" and "tool_calls" not in one
    ]


WITH_TOOLS = [openai, responses, anthropic, bedrock, gemini]
SHAPES = [*WITH_TOOLS, nova]


def _with_id(found: dict[str, Any], call_id: str | None) -> dict[str, Any]:
    return {**{key: value for key, value in found.items() if key != "id"}, **({"id": call_id} if call_id else {})}


def _parts(call: dict[str, Any], id_: str, name: str, arguments: str) -> dict[str, Any]:
    function = call["function"]
    return {id_: call.get("id"), name: function["name"], arguments: json.loads(function["arguments"])}


def _joined(
    messages: Messages,
    filler: dict[str, Any],
    text: Callable[[str], dict[str, Any]],
    called: Callable[[dict[str, Any]], dict[str, Any]],
    answered: Callable[[dict[str, Any]], dict[str, Any]],
) -> Messages:
    made: Messages = []
    for one in messages:
        role = "assistant" if one["role"] == "assistant" else "user"
        if one["role"] == "tool":
            blocks = [answered(one)]
        elif calls := one.get("tool_calls"):
            blocks = [called(call) for call in calls]
        else:
            blocks = [text(one["content"])]
        if made and made[-1]["role"] == role:
            made[-1]["content"] += blocks
        else:
            made.append({"role": role, "content": blocks})
    return [*made, {"role": "user", "content": [filler]}] if made and made[-1]["role"] == "assistant" else made
