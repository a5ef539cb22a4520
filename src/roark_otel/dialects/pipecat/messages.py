"""The messages of a model's history, in the shape of whichever provider, as what was said, asked and answered.

Pipecat writes a history as it goes to the provider: OpenAI (chat, responses, realtime), Anthropic, Gemini, Bedrock or
Nova Sonic. The shapes exclude one another, so a message is read without knowing whose it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias, cast

from roark_otel._model.cut_marks import MAX_KEPT, mark_of
from roark_otel._model.reading import json_value, parsed, text
from roark_otel._model.tuples import made

_CUSTOMER = "user"
_AGENT = frozenset({"assistant", "model"})
_SPEAKERS = (_CUSTOMER, "assistant")
_ROLE_AND_CONTENT = 2
_ASYNC = "async_tool"

_FILLERS = frozenset({".", "(empty)"})
_NOTES = (
    "Conversation summary: ",
    "Here's a summary of the conversation:\n",
    "The user paused briefly. Generate a brief,",
    "The user has been quiet for a while. Generate a friendly",
)
"""How messages begin that Pipecat writes itself, for the model only: providers that know no other role get them as the
customer's."""


class Asked(NamedTuple):
    """The customer said this."""

    text: str


class Said(NamedTuple):
    """The agent said this, as far as it was heard."""

    text: str


class Called(NamedTuple):
    """A tool was called. `call_id` is empty where the provider gives none. `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str


class Answered(NamedTuple):
    """A tool gave this back, or a word of Pipecat's own for that it has not yet. `content` is JSON text, or text.

    `call_id` is empty where the provider gives none; `name` is that of the tool, empty where it is not said.
    """

    call_id: str
    content: str
    name: str = ""


Item: TypeAlias = "Asked | Said | Called | Answered"


def items(message: object) -> Iterable[Item]:
    """Returns what a message says, nothing if it is not one."""
    if type(message) is not dict and not isinstance(message, Mapping):
        return ()
    found = cast("Mapping[str, object]", message)
    if len(found) == _ROLE_AND_CONTENT and (role := found.get("role")) in _SPEAKERS:  # as nearly all are
        content = found.get("content")
        if type(content) is str and content.isascii() and len(content) <= MAX_KEPT:
            said: str | None = content.strip()
        else:
            said = text(content)
        if said:
            return _said(role, said) if role == _CUSTOMER else (made(Said, (said,)),)
    return _items(found)


def _items(found: Mapping[str, object]) -> Iterator[Item]:
    role = (text(found.get("role")) or "").lower().removeprefix("role.")
    kind = found.get("type")
    if kind == "function_call":
        yield from _call(found.get("call_id"), found.get("name"), found.get("arguments"))
    elif kind == "function_call_output":
        yield from _answer(found.get("call_id"), found.get("output"))
    elif role == "tool":
        yield from _answer(found.get("tool_call_id"), found.get("content"), found.get("name"))
    else:
        for key in ("content", "parts", "text"):
            yield from _contents(role, found.get(key))
        for one in _list(found.get("tool_calls")):
            call = _mapping(one)
            function = _mapping(call.get("function"))
            yield from _call(call.get("id"), function.get("name"), function.get("arguments"))


def _contents(role: str, contents: object) -> Iterator[Item]:
    for one in [contents] if isinstance(contents, str) else _list(contents):
        if isinstance(one, str):
            yield from _text(role, one)
            continue
        block = _mapping(one)
        yield from _text(role, block.get("text"))
        yield from _tool_block(block)


def _tool_block(block: Mapping[str, object]) -> Iterator[Item]:
    """Yields what a part of a message says of a tool: Anthropic's, Bedrock's or Gemini's."""
    if block.get("type") == "tool_use":
        yield from _call(block.get("id"), block.get("name"), block.get("input"))
    elif block.get("type") == "tool_result":
        yield from _answer(block.get("tool_use_id"), block.get("content"))
    elif called := _mapping(block.get("toolUse")):
        yield from _call(called.get("toolUseId"), called.get("name"), called.get("input"))
    elif answered := _mapping(block.get("toolResult")):
        yield from _answer(answered.get("toolUseId"), answered.get("content"))
    elif called := _mapping(block.get("function_call")):
        yield from _call(called.get("id"), called.get("name"), called.get("args"))
    elif answered := _mapping(block.get("function_response")):
        yield from _answer(answered.get("id"), _unwrapped(answered.get("response")), answered.get("name"))


def _text(role: str, value: object) -> tuple[Item, ...]:
    said = text(value)
    return () if said is None else _said(role, said)


def _said(role: str, said: str) -> tuple[Item, ...]:
    if role in _AGENT:
        return (made(Said, (said,)),)
    if said.startswith("{"):
        if late := _late_answer(said):
            return (late,)
        if mark_of(said):  # what is too long to be read is no speech for that
            return ()
    is_note = role != _CUSTOMER or said in _FILLERS or said.startswith(_NOTES)
    return () if is_note else (made(Asked, (said,)),)


def _late_answer(said: str) -> Answered | None:
    """Returns what an asynchronous tool gave back: Pipecat writes it as a message of the developer, or of the user."""
    fields = async_tool(said)
    call_id = text(fields.get("tool_call_id"))
    return Answered(call_id, said) if call_id else None


def async_tool(content: str) -> Mapping[str, object]:
    """Returns what Pipecat writes about an asynchronous tool, empty if this is something else."""
    if not content.startswith("{") or f'"{_ASYNC}"' not in content:
        return {}
    try:
        fields = _mapping(parsed(content))
    except ValueError:
        return {}
    return fields if fields.get("type") == _ASYNC else {}


def _call(call_id: object, name: object, arguments: object) -> Iterator[Called]:
    if known_name := text(name):
        yield Called(text(call_id) or "", known_name, _json_text(arguments))


def _answer(call_id: object, content: object, name: object = None) -> Iterator[Answered]:
    yield Answered(text(call_id) or "", _json_text(_joined(content)), text(name) or "")


def _joined(content: object) -> object:
    """Returns the content of an answer that comes in blocks, as Bedrock's does and Anthropic's may."""
    blocks = [_mapping(one) for one in _list(content)]
    if not blocks or not all("text" in one or "json" in one for one in blocks):
        return content
    if len(blocks) == 1 and "json" in blocks[0]:
        return blocks[0]["json"]
    return " ".join(_json_text(one.get("text", one.get("json"))) for one in blocks)


def _unwrapped(response: object) -> object:
    """Returns a response without `{"value": …}`, in which Pipecat wraps what is not an object, for Gemini."""
    found = _mapping(response)
    if list(found) != ["value"] or isinstance(found["value"], Mapping):
        return response
    return json.dumps(json_value(found["value"]), ensure_ascii=False)


def _json_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(json_value(value), ensure_ascii=False)


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else ()
