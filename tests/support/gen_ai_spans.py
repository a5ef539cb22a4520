"""Spans of the GenAI conventions by hand, and what the dialect's reader makes of spans."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

from roark_otel._model.moments import Agent, Fact, Moment, ToolUse
from roark_otel._model.rows import SpanEvent, SpanView
from roark_otel.dialects import GEN_AI
from support.said import MS, T0

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel.types import Unreadable


def moments_of(spans: Iterable[SpanView], warned: list[Unreadable] | None = None) -> list[Moment]:
    """Reads spans in the order in which they began, as every pass does."""
    reader = GEN_AI.reader(([] if warned is None else warned).append)
    for one in sorted(spans, key=lambda one: (one.start_ns, one.span_id)):
        reader.read(one)
    return list(reader.moments())


def used(moments: Iterable[Moment]) -> list[tuple[str, object, object]]:
    uses = sorted((one for one in moments if isinstance(one, ToolUse)), key=lambda one: one.start_ns)
    return [(one.name, one.parameters, one.outcome) for one in uses]


def prompts(moments: Iterable[Moment]) -> list[str | None]:
    return [one.value.prompt for one in moments if isinstance(one, Fact) and isinstance(one.value, Agent)]


def span(start: int, end: int | None, /, attributes: dict[str, Any], **named: Any) -> SpanView:
    """Makes a span with times in ms; `named` are fields of it, such as `scope`, `name`, `parent_id` or `events`."""
    span_id = crc32(repr((start, end, sorted(attributes), sorted(named))).encode())
    found = SpanView(1, span_id, 1, "app", "chat", T0 + start * MS, None if end is None else T0 + end * MS, attributes)
    return found._replace(**named)


def message(role: str, *parts: object) -> dict[str, object]:
    """Makes a message; text becomes a part of text."""
    as_parts = [{"type": "text", "content": part} if isinstance(part, str) else part for part in parts]
    return {"role": role, "parts": as_parts}


def history(*texts: str) -> list[dict[str, object]]:
    """Makes messages of customer and agent in turn."""
    return [message(("user", "assistant")[index % 2], one) for index, one in enumerate(texts)]


def model(start: int, end: int | None, asked: list[Any], answer: object = None, /, **more: Any) -> SpanView:
    """Makes the span of a model; in names of attributes `gen_ai.` is put in front, and `__` stands for a dot."""
    fields = {key: more.pop(key) for key in ("scope", "name", "parent_id", "span_id", "events") if key in more}
    attributes = {
        f"gen_ai.{key}".replace("__", "."): value for key, value in {"operation__name": "chat", **more}.items()
    }
    attributes["gen_ai.input.messages"] = json.dumps(asked)
    if answer is not None:
        attributes["gen_ai.output.messages"] = json.dumps([message("assistant", answer)])
    return span(start, end, attributes, **fields)


def event(name: str, body: object, at: int = 0, **more: Any) -> SpanEvent:
    """Makes an event with a body in one attribute, as Azure's SDKs write it."""
    text = body if isinstance(body, str) else json.dumps(body)
    return SpanEvent(name, T0 + at * MS, {"gen_ai.event.content": text, **more})
