"""A model over HTTP, as OpenAI's services answer: whole, in a stream, and as a response."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from support.answering import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from support.answering import Seen

ANSWERS: Mapping[str, str] = {
    "hello": "Hello, how can I help?",
    "shipped": "It has been shipped.",
    "bye": "Goodbye.",
}
_numbers = itertools.count(1)

FUNCTION = {"name": "find_order", "arguments": '{"order_id": "A-1"}'}
ASKS = {"id": "call_1", "type": "function", "function": FUNCTION}


def reply(seen: Seen) -> Answer:
    """Answers what was said last; a question about an order with the use of a tool."""
    asked = json.loads(seen.body)
    if seen.path.endswith("/responses"):
        return Answer(200, json.dumps(_response(_last(asked["input"]))).encode(), {"content-type": "application/json"})
    words = _last(asked["messages"])
    if asked.get("stream"):
        return Answer(200, _stream(words), {"content-type": "text/event-stream"})
    return Answer(200, json.dumps(_completion(words)).encode(), {"content-type": "application/json"})


def _last(messages: list[dict[str, Any]]) -> str:
    return str(messages[-1].get("content", messages[-1].get("output")))


def _message(words: str) -> dict[str, Any]:
    if "order" in words:
        return {"role": "assistant", "content": None, "tool_calls": [ASKS]}
    return {"role": "assistant", "content": next(said for cue, said in ANSWERS.items() if cue in words)}


def _completion(words: str) -> dict[str, Any]:
    message = _message(words)
    reason = "stop" if message["content"] else "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1", "choices": [choice]}


def _stream(words: str) -> Iterable[bytes]:
    message = _message(words)
    calls = [{"index": at, **call} for at, call in enumerate(message.get("tool_calls", ()))]
    for delta in [{**message, "content": ""}, *({"content": f"{one} "} for one in (message["content"] or "").split())]:
        delta = {key: value for key, value in delta.items() if key != "tool_calls"}
        yield _chunk(delta, None)
    yield _chunk({"tool_calls": calls} if calls else {}, "tool_calls" if calls else "stop")
    yield b"data: [DONE]\n\n"


def _chunk(delta: dict[str, Any], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1"}
    return b"data: " + json.dumps({**chunk, "choices": [choice]}).encode() + b"\n\n"


def _response(words: str) -> dict[str, Any]:
    message = _message(words)
    part = {"type": "output_text", "text": message["content"], "annotations": []}
    said = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    asked = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed", **FUNCTION}
    return {
        "id": f"resp_{next(_numbers)}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-4.1",
        "output": [asked if message["content"] is None else said],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
