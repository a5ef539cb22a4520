"""What a model answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model writes, or which tools it calls with what."""

    text: str = ""
    tools: tuple[tuple[str, dict[str, Any]], ...] = ()


def cue(messages: list[dict[str, Any]]) -> str:
    """What the model is to answer: the customer's words, or `tool:` and the name of the tool that answered last."""
    last = messages[-1]
    if last["role"] != "tool":
        return plain(last)
    asked = (call for message in messages for call in message.get("tool_calls") or ())
    names = {call["id"]: call["function"]["name"] for call in asked}
    return f"tool:{names[last['tool_call_id']]}"


def plain(message: dict[str, Any]) -> str:
    """The text of a message."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
