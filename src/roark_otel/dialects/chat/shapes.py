"""The shapes in which messages are written: GenAI parts, OpenAI chat and responses, Anthropic, Bedrock, Gemini.

A message is known by its role. What it holds (words, calls of tools, answers of tools) is known by its parts, so
one reader of parts serves all shapes; what it does not know, such as reasoning or an image, says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model import reading
from roark_otel._model.roles import AGENT_ROLES, CUSTOMER_ROLES
from roark_otel.dialects.chat import kinds
from roark_otel.dialects.chat.langchain import unwrapped
from roark_otel.dialects.chat.speech import deserialized, is_data, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Fields = Mapping[str, object]

_MAX_DEPTH = 12
_TEXTS = frozenset({"text", "input_text", "output_text", "transcription", "Generation", "ChatGeneration"})
_AUDIO = frozenset({"audio", "input_audio", "output_audio"})
_PARTS = (*kinds.CALLS, *kinds.ANSWERS)
_WRAPPERS = ("messages", "contents", "input", "output", "choices", "candidates", "generations", "message")
_ANSWERED = frozenset({"messages", "generations", "choices", "candidates", "message"})
"""Those of them that are in no part of a message."""
_CONTEXT = "For context:"
"""What Google's ADK begins a user's message with that repeats what other agents said and used."""


class Role(Enum):
    """Who a message is from."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"
    TOOL = "tool"
    UNKNOWN = "unknown"


_ROLES = {
    **dict.fromkeys(CUSTOMER_ROLES, Role.CUSTOMER),
    **dict.fromkeys(AGENT_ROLES, Role.AGENT),
    **dict.fromkeys(("system", "developer"), Role.SYSTEM),
    **dict.fromkeys(("tool", "function"), Role.TOOL),
}


class Call(NamedTuple):
    """A tool that a message asks for."""

    call_id: str | None
    name: str
    arguments: object


class Answer(NamedTuple):
    """What a message says a tool gave back. `name`: the tool's, where the message has it."""

    call_id: str | None
    value: object
    name: str | None = None
    is_error: bool = False


class Message(NamedTuple):
    """What one message holds. `has_data`: whether JSON is in the place of words, or beside them."""

    role: Role
    text: str | None
    calls: tuple[Call, ...] = ()
    answers: tuple[Answer, ...] = ()
    has_data: bool = False


def messages(value: object, default: Role) -> Iterator[Message]:
    """The messages of a value of any shape; those without a role are from `default`."""
    return _messages(value, default, 0)


def _messages(value: object, default: Role, depth: int) -> Iterator[Message]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        words = spoken(value)
        yield Message(default, words, has_data=words is None and is_data(value.strip()))
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
    fields = unwrapped(fields)
    role = role_of(fields.get("role"), default)
    if "role" not in fields:
        for name in _WRAPPERS:
            if (inner := fields.get(name)) is None:
                continue
            is_all = isinstance(inner, str) and fields.keys() <= {name, "model"}
            if is_all or isinstance(inner, (Mapping, list, tuple)):
                yield from _messages(fields.get(name), default, depth + 1)
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


def is_unheard(several: Iterable[Message]) -> bool:
    """Whether a message has words of someone other than customer, agent, system and tool."""
    return any(one.role is Role.UNKNOWN and one.text for one in several)


def fields_of(value: object) -> Fields:
    """The value if it is a mapping, else one without fields."""
    return cast("Fields", value) if isinstance(value, Mapping) else {}


def _kind(fields: Fields) -> str | None:
    kind = fields.get("type")
    return kind if kind is None or isinstance(kind, str) else ""


def _is_part(value: object) -> bool:
    """Whether a value is a part of a message, and no message of its own."""
    fields = fields_of(value)
    if "role" in fields or _kind(fields) in kinds.ITEM_TYPES or unwrapped(fields) is not fields:
        return False
    if not _ANSWERED.isdisjoint(fields):
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
    if _kind(fields) in kinds.CALL_TYPES or _kind(fields) in kinds.ANSWER_TYPES:
        found.add(fields, 0)
    elif role is Role.TOOL and not _holds_answers(fields):
        content = fields.get("content", fields.get("parts"))
        found.answers.append(_answer(fields, content, "tool_call_id", "id", "call_id"))
    else:
        for name in ("parts", "content", "contents", "text", "refusal"):
            found.add(fields.get(name), 0)
            if found.texts and name != "parts":
                break  # OpenInference writes the same words as one content and as several
        if not found.texts:
            found.add(_transcript(fields), 0)  # a model that speaks, asked for audio
    known = found.calls.copy()
    for call in (*_items(fields.get("tool_calls")), fields.get("function_call"), _flat_call(fields)):
        found.add_call(call, beside=known)
    words = None if role is Role.CUSTOMER and found.texts[:1] == [_CONTEXT] else found.words()
    return Message(role, words, tuple(found.calls), tuple(found.answers), found.has_data)


def _flat_call(fields: Fields) -> Fields:
    """The one call that a message could have before there were several, as OpenInference writes it."""
    return {"name": fields.get("function_call_name"), "arguments": fields.get("function_call_arguments_json")}


def _transcript(fields: Fields) -> object:
    """The words of a part that is audio, which may be a level or two below."""
    for _ in range(3):
        if (words := fields.get("transcript")) is not None:
            return words
        fields = fields_of(fields.get("audio", fields.get("input_audio")))
    return None


def _holds_answers(fields: Fields) -> bool:
    parts = fields.get("parts", fields.get("content"))
    several = [fields_of(one) for one in _items(parts)]
    return any(_kind(one) in kinds.ANSWER_TYPES or any(name in one for name in kinds.ANSWERS) for one in several)


class _Parts:
    """The parts of a message, read one by one."""

    __slots__ = ("_written", "answers", "calls", "has_data", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._written: list[str] = []
        self.calls: list[Call] = []
        self.answers: list[Answer] = []
        self.has_data = False

    def words(self) -> str | None:
        """The words of all parts: as they are written where they bring their own blanks, as pieces of a stream do."""
        inner = [(one[-1:], other[:1]) for one, other in pairwise(self._written)]
        if any(edge.isspace() for edges in inner for edge in edges):
            return reading.text("".join(self._written))
        return " ".join(self.texts) or None

    def add(self, part: object, depth: int) -> None:
        """Takes in a part, or a list of them."""
        if isinstance(part, str):
            self._add_text(part, depth)
        elif isinstance(part, Mapping) and depth <= _MAX_DEPTH:
            self._add_fields(cast("Fields", part), depth)
        elif isinstance(part, Sequence) and depth <= _MAX_DEPTH:
            for one in cast("Sequence[object]", part):
                self.add(one, depth + 1)

    def add_call(self, fields: object, beside: Sequence[Call] = ()) -> None:
        """Takes in a call of a tool, unless it is one of those beside it, which the message writes in two ways."""
        call = fields_of(fields_of(fields).get("tool_call")) or fields_of(fields)
        named = fields_of(call.get("function")) or call
        if name := reading.text(named.get("name")):
            given = next((named[key] for key in kinds.GIVEN if key in named), None)
            found = Call(_first_id(call, "call_id", "id", "toolUseId"), name, given)
            if not any((one.call_id, one.name) == found[:2] for one in beside):
                self.calls.append(found)

    def _add_text(self, text: str, depth: int) -> None:
        written = deserialized(text.strip()) if depth <= _MAX_DEPTH else None
        if written is not None and all(_is_part(one) or "type" in fields_of(one) for one in _items(written)):
            self.add(written, depth + 1)
        elif words := spoken(text):
            self.texts.append(words)
            self._written.append(text)
        elif not text.strip():
            self._written.append(text)
        else:
            self.has_data = self.has_data or is_data(text.strip())

    def _add_fields(self, fields: Fields, depth: int) -> None:
        kind = _kind(fields)
        for name in kinds.CALLS:
            if inner := fields_of(fields.get(name)):
                self.add_call(inner)
                return
        for name in kinds.ANSWERS:
            if inner := fields_of(fields.get(name)):
                self._add_answer(inner)
                return
        if inner := fields_of(fields.get("message_content")):
            self.add(inner, depth + 1)
            return
        if kind in kinds.CALL_TYPES:
            self.add_call(fields)
            if kind == kinds.WITH_ANSWER and fields.get("output") is not None:
                self._add_answer(fields)
        elif kind in kinds.ANSWER_TYPES:
            self._add_answer(fields)
        elif kind in _AUDIO or fields.get("modality") == "audio":
            self.add(_transcript(fields), depth + 1)
        elif (kind is None and fields.get("thought") is not True) or kind in _TEXTS or kind == "refusal":
            self.add(next((fields[key] for key in ("content", "text", "refusal") if key in fields), None), depth + 1)

    def _add_answer(self, fields: Fields) -> None:
        value = next((fields[key] for key in kinds.GAVE if key in fields), None)
        self.answers.append(_answer(fields, value, "call_id", "id", "tool_use_id", "toolUseId"))


def _items(value: object) -> Sequence[object]:
    if isinstance(value, Mapping):
        return [cast("object", value)]
    return (
        cast("Sequence[object]", value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else ()
    )


def _answer(fields: Fields, value: object, *names: str) -> Answer:
    is_error = fields.get("is_error") is True or fields.get("status") == "error"
    return Answer(_first_id(fields, *names), value, reading.text(fields.get("name")), is_error)


def _first_id(fields: Fields, *names: str) -> str | None:
    return next((found for name in names if (found := reading.identifier(fields.get(name)))), None)
