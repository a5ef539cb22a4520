"""What a tool was given and gave back, out of the shapes in which frameworks write it.

A framework puts what a tool returned into a message or a block of its own: LangChain's `ToolMessage`, Gemini's
`function_response`, the content blocks of Bedrock and of the Model Context Protocol. The value is what is inside.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from roark_otel._model import reading
from roark_otel._model.rows import STATUS_DESCRIPTION
from roark_otel.dialects.chat.shapes import fields_of
from roark_otel.dialects.chat.speech import deserialized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.rows import SpanView

NO_REASON: Final = "The tool failed."
"""What is said of a tool that failed where nothing says why."""

_MAX_DEPTH: Final = 4
_TOOL_MESSAGE: Final = "ToolMessage"
_IN_RESPONSE: Final = frozenset({"id", "name", "parts", "response", "scheduling", "will_continue"})
_IN_BLOCKS: Final = frozenset(
    {
        "_meta",
        "content",
        "isError",
        "is_error",
        "meta",
        "status",
        "structuredContent",
        "structured_content",
        "toolUseId",
    }
)
_REPR: Final = re.compile(r"content=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?= |$)")
_REPR_ID: Final = re.compile(r" tool_call_id='([^'\\]*)'")
_REPR_FAILED: Final = " status='error'"


class Given(NamedTuple):
    """What a tool was given: an object, or the text of something else, which counts where no object is known."""

    parameters: dict[str, object]
    other: dict[str, object]


class Gave(NamedTuple):
    """What a tool gave back. `call_id`: the id of its call, where the value itself says so."""

    value: object
    call_id: str | None = None
    is_error: bool = False


def given(value: object) -> Given:
    """What a tool was given; what is not a JSON object gets a name, because parameters have to be one."""
    if value is None or value == "":
        return Given({}, {})
    try:
        return Given(reading.json_object(value), {})
    except ValueError:
        written = deserialized(value) if isinstance(value, str) else None
        found = _decoded(value) if written is None else written
        if isinstance(found, dict):
            return Given(cast("dict[str, object]", found), {})
        return Given({}, {} if found is None else {"arguments": reading.json_value(value)})


def parameters(value: object) -> dict[str, object]:
    """What a tool was given, as an object whatever it was."""
    found = given(value)
    return found.parameters or found.other


def result(value: object) -> object:
    """What a tool gave back."""
    return gave(value).value


def gave(value: object) -> Gave:
    """What a tool gave back, and what the value says beside it."""
    return _inside(Gave(_decoded(value)), 0)


def _decoded(value: object) -> object:
    """A value out of its JSON, which may be that of a text that is JSON itself: some write what is written already."""
    found = reading.json_or_text(value)
    is_twice = isinstance(found, str) and found != value and found.lstrip()[:1] in {"{", "["}
    return reading.json_or_text(found) if is_twice else found


def without_wrapper(value: object) -> object:
    """What a tool of Google's ADK gave back, which wraps every value that is not an object as `{"result": …}`."""
    found = gave(value).value
    fields = fields_of(found)
    return fields["result"] if list(fields) == ["result"] else found


def failure(span: SpanView, back: object, *, is_error: bool = False) -> str | None:
    """What a failed tool says: its result, else its exception, else its status; None if it did not fail."""
    if not is_error and not span.error:
        return None
    raised = (event.attributes.get("exception.message") for event in span.events if event.name == "exception")
    others = (*raised, span.attributes.get(STATUS_DESCRIPTION), span.attributes.get("error.type"))
    return words_of(back) or next((other for one in others if (other := reading.text(one))), NO_REASON)


def words_of(back: object) -> str | None:
    """What a tool gave back as text; None if it is nothing."""
    found = None if back is None else result(back)
    return reading.text(reading.scalar(found)) if found is not None and found != {} else None


def _inside(outer: Gave, depth: int) -> Gave:
    """The value without what is around it."""
    value = outer.value
    if depth > _MAX_DEPTH:
        return outer
    if isinstance(value, str):
        return _of_repr(value, outer)
    if isinstance(value, list):
        return outer._replace(value=_blocks(cast("list[object]", value)))
    if not isinstance(value, dict):
        return outer
    fields = cast("dict[str, object]", value)
    for read in (_of_tool_message, _of_response, _of_blocks):
        if (inner := read(fields)) is not None:
            found = _inside(inner, depth + 1)
            return Gave(found.value, found.call_id or outer.call_id, found.is_error or outer.is_error)
    return outer


def _of_tool_message(fields: Mapping[str, object]) -> Gave | None:
    """LangChain's message, as it serializes it in three ways, or its command with the message in it."""
    update = fields_of(fields.get("update")) if "graph" in fields else fields
    several = update.get("messages") if len(update) == 1 or update is not fields else None
    if isinstance(several, list) and len(cast("list[object]", several)) == 1:
        return _of_tool_message(fields_of(cast("list[object]", several)[0]))
    named = fields.get("id")
    is_constructor = isinstance(named, list) and cast("list[object]", named)[-1:] == [_TOOL_MESSAGE]
    inner = fields_of(fields.get("kwargs")) if is_constructor else fields_of(fields.get("data")) or fields
    is_message = is_constructor or fields.get("type") == "tool"
    if not is_message or "content" not in inner or "tool_call_id" not in inner:
        return None
    content = reading.json_or_text(inner["content"])
    return Gave(content, reading.identifier(inner["tool_call_id"]), inner.get("status") == "error")


def _of_repr(text: str, outer: Gave) -> Gave:
    """LangChain's message as `str` writes it."""
    written = _REPR.match(text)
    named = _REPR_ID.search(text, written.end()) if written else None
    if written is None or named is None:
        return outer
    content = reading.literal(written[1])
    if not isinstance(content, str):
        return outer
    value = reading.json_or_text(content)
    return Gave(value, reading.identifier(named[1]), outer.is_error or _REPR_FAILED in text[written.end() :])


def _of_response(fields: Mapping[str, object]) -> Gave | None:
    """Gemini's response of a function, in which a value that is not an object is called `result`."""
    inner = fields_of(fields.get("function_response")) or fields_of(fields.get("functionResponse")) or fields
    known = {"name", "response"} if inner is not fields else {"id", "name", "response"}
    if not known <= inner.keys() <= _IN_RESPONSE:
        return None
    response = inner["response"]
    back = fields_of(response)
    value = back["result"] if list(back) == ["result"] else response
    return Gave(reading.json_or_text(value), reading.identifier(inner.get("id")))


def _of_blocks(fields: Mapping[str, object]) -> Gave | None:
    """The blocks of a result of Bedrock's or of the Model Context Protocol's."""
    inner = fields_of(fields.get("toolResult")) or fields
    content = inner.get("content")
    if not isinstance(content, list) or not inner.keys() <= _IN_BLOCKS:
        return None
    blocks = cast("list[object]", content)
    known = _blocks(blocks)
    if known is blocks:
        structured = inner.get("structuredContent", inner.get("structured_content"))
        if blocks or structured is None:
            return None
        known = structured
    failed = inner.get("isError") is True or inner.get("is_error") is True or inner.get("status") == "error"
    return Gave(known, reading.identifier(inner.get("toolUseId")), failed)


def _blocks(blocks: list[object]) -> object:
    """What all blocks of a result hold, or the blocks themselves if one holds something else."""
    inner = [content for one in blocks for content in _block(fields_of(one))]
    if not inner or len(inner) < len(blocks):
        return blocks
    return reading.json_or_text(inner[0]) if len(inner) == 1 else inner


def _block(block: Mapping[str, object]) -> list[object]:
    """What a block of a result holds: one value at most."""
    if set(block) <= {"_meta", "annotations", "json", "meta", "text", "type"}:
        return [block[name] for name in ("json", "text") if name in block][:1]
    return []
