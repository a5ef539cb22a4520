"""The shapes in which messages are written: GenAI parts, OpenAI chat and responses, Anthropic, Bedrock, Gemini.

A message is known by its role. What it holds (words, calls of tools, answers of tools) is known by its parts, so
one reader of parts serves all shapes; what it does not know, such as reasoning or an image, says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model import reading
from roark_otel.dialects.chat.speech import deserialized, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

Fields = Mapping[str, object]

_MAX_DEPTH = 12
_TEXTS = frozenset({"text", "input_text", "output_text"})
_AUDIO = frozenset({"audio", "input_audio", "output_audio"})
_CALLS = ("toolUse", "function_call", "tool_call")
_ANSWERS = ("toolResult", "function_response")
_CALL_TYPES = frozenset({"tool_call", "tool_use", "function_call", "function"})
_ANSWER_TYPES = frozenset({"tool_call_response", "tool_result", "function_call_output"})
_ITEM_TYPES = frozenset({"message", "function_call", "function_call_output"})
_PARTS = (*_CALLS, *_ANSWERS)
_WRAPPERS = ("messages", "contents", "output", "choices", "candidates", "message")


class Role(Enum):
    """Who a message is from."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"
    TOOL = "tool"
    UNKNOWN = "unknown"


_ROLES = {
    "user": Role.CUSTOMER,
    "human": Role.CUSTOMER,
    "customer": Role.CUSTOMER,
    "assistant": Role.AGENT,
    "ai": Role.AGENT,
    "agent": Role.AGENT,
    "model": Role.AGENT,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


class Call(NamedTuple):
    """A tool that a message asks for."""

    call_id: str | None
    name: str
    arguments: object


class Answer(NamedTuple):
    """What a message says a tool gave back."""

    call_id: str | None
    value: object


class Message(NamedTuple):
    """What one message holds."""

    role: Role
    text: str | None
    calls: tuple[Call, ...] = ()
    answers: tuple[Answer, ...] = ()


def messages(value: object, default: Role) -> Iterator[Message]:
    """The messages of a value of any shape; those without a role are from `default`."""
    return _messages(value, default, 0)


def _messages(value: object, default: Role, depth: int) -> Iterator[Message]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        yield Message(default, spoken(value))
    elif isinstance(value, Mapping):
        yield from _message(cast("Fields", value), default, depth)
    elif isinstance(value, Sequence):
        items = cast("Sequence[object]", value)
        if items and all(isinstance(one, str) or _is_part(one) for one in items):
            yield _built(default, {"content": items})
            return
        for one in items:
            yield from _messages(one, default, depth + 1)


def _message(fields: Fields, default: Role, depth: int) -> Iterator[Message]:
    role = role_of(fields.get("role"), default)
    if "role" not in fields:
        for name in _WRAPPERS:
            if isinstance(inner := fields.get(name), (Mapping, list, tuple)):
                yield from _messages(cast("object", inner), default, depth + 1)
                return
        if isinstance(content := fields.get("content"), Mapping):  # a candidate of Gemini's
            yield from _messages(cast("object", content), default, depth + 1)
            return
    yield _built(role, fields)


def role_of(value: object, default: Role) -> Role:
    """The role that a message names, as any convention spells it."""
    if not isinstance(value, str):
        return default
    return _ROLES.get(value.rpartition(".")[2].strip().lower(), Role.UNKNOWN)


def fields_of(value: object) -> Fields:
    """The value if it is a mapping, else one without fields."""
    return cast("Fields", value) if isinstance(value, Mapping) else {}


def _kind(fields: Fields) -> str | None:
    kind = fields.get("type")
    return kind if kind is None or isinstance(kind, str) else ""


def _is_part(value: object) -> bool:
    """Whether a value is a part of a message, and no message of its own."""
    fields = fields_of(value)
    if "role" in fields or _kind(fields) in _ITEM_TYPES:
        return False
    return "type" in fields or isinstance(fields.get("text"), str) or any(name in fields for name in _PARTS)


def holds_message(value: object) -> bool:
    """Whether a value that was JSON is a message or what one holds, and not JSON that was spoken."""
    if fields_of(value).keys() & {"content", "tool_calls", "parts"}:
        return True
    items = _items(value)
    return bool(items) and all(_is_part(one) for one in items)


def _built(role: Role, fields: Fields) -> Message:
    found = _Parts()
    if _kind(fields) in _CALL_TYPES or _kind(fields) in _ANSWER_TYPES:
        found.add(fields, 0)
    elif role is Role.TOOL and not _holds_answers(fields):
        content = fields.get("content", fields.get("parts"))
        found.answers.append(Answer(_first_text(fields, "tool_call_id", "id", "call_id"), content))
    else:
        for name in ("parts", "content", "contents", "text", "refusal"):
            found.add(fields.get(name), 0)
            if found.texts and name != "parts":
                break  # OpenInference writes the same words as one content and as several
    for call in _items(fields.get("tool_calls")):
        found.add_call(call)
    return Message(role, " ".join(found.texts) or None, tuple(found.calls), tuple(found.answers))


def _holds_answers(fields: Fields) -> bool:
    parts = fields.get("parts", fields.get("content"))
    several = [fields_of(one) for one in _items(parts)]
    return any(_kind(one) in _ANSWER_TYPES or any(name in one for name in _ANSWERS) for one in several)


class _Parts:
    """The parts of a message, read one by one."""

    __slots__ = ("answers", "calls", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.calls: list[Call] = []
        self.answers: list[Answer] = []

    def add(self, part: object, depth: int) -> None:
        """Takes in a part, or a list of them."""
        if isinstance(part, str):
            self._add_text(part, depth)
        elif isinstance(part, Mapping) and depth <= _MAX_DEPTH:
            self._add_fields(cast("Fields", part), depth)
        elif isinstance(part, Sequence) and depth <= _MAX_DEPTH:
            for one in cast("Sequence[object]", part):
                self.add(one, depth + 1)

    def add_call(self, fields: object) -> None:
        """Takes in a call of a tool."""
        call = fields_of(fields_of(fields).get("tool_call")) or fields_of(fields)
        named = fields_of(call.get("function")) or call
        if name := reading.text(named.get("name")):
            given = next((named[key] for key in ("arguments", "input", "args") if key in named), None)
            self.calls.append(Call(_first_text(call, "call_id", "id", "toolUseId"), name, given))

    def _add_text(self, text: str, depth: int) -> None:
        written = deserialized(text.strip()) if depth <= _MAX_DEPTH else None
        if written is not None and all(_is_part(one) or "type" in fields_of(one) for one in _items(written)):
            self.add(written, depth + 1)
        elif words := spoken(text):
            self.texts.append(words)

    def _add_fields(self, fields: Fields, depth: int) -> None:
        kind = _kind(fields)
        for name in _CALLS:
            if inner := fields_of(fields.get(name)):
                self.add_call(inner)
                return
        for name in _ANSWERS:
            if inner := fields_of(fields.get(name)):
                self._add_answer(inner)
                return
        if inner := fields_of(fields.get("message_content")):
            self.add(inner, depth + 1)
            return
        if kind in _CALL_TYPES:
            self.add_call(fields)
        elif kind in _ANSWER_TYPES:
            self._add_answer(fields)
        elif kind in _AUDIO:
            self.add(fields.get("transcript"), depth + 1)
        elif (kind is None and fields.get("thought") is not True) or kind in _TEXTS or kind == "refusal":
            self.add(next((fields[key] for key in ("content", "text", "refusal") if key in fields), None), depth + 1)

    def _add_answer(self, fields: Fields) -> None:
        value = next((fields[key] for key in ("response", "result", "output", "content") if key in fields), None)
        self.answers.append(Answer(_first_text(fields, "call_id", "id", "tool_use_id", "toolUseId"), value))


def _items(value: object) -> Sequence[object]:
    if isinstance(value, Mapping):
        return [cast("object", value)]
    return (
        cast("Sequence[object]", value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else ()
    )


def _first_text(fields: Fields, *names: str) -> str | None:
    return next((found for name in names if (found := reading.text(fields.get(name)))), None)
