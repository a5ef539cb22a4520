"""What LangSmith's spans hold: all that a run was given and gave back, each as one JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._model import reading
from roark_otel.dialects.chat import fields_of, spoken, unwrapped
from roark_otel.dialects.gen_ai import names

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView

_QUESTIONS: Final = ("question", "input", "query", "user_input", "user_message", "message", "text")


def langsmith_question(span: SpanView) -> str | None:
    """Returns what the customer said where a run was given it under a name that says so."""
    fields = fields_of(reading.json_or_text(span.attributes.get(names.PROMPT)))
    return next((found for name in _QUESTIONS if (found := spoken(fields.get(name)))), None)


def langsmith_arguments(span: SpanView) -> list[object]:
    """Returns the arguments of a tool, if the span is of one; LangChain gives them as the text of a dict."""
    if span.attributes.get(names.LANGSMITH_KIND) != names.LANGSMITH_TOOL:
        return []
    given = reading.json_or_text(span.attributes.get(names.PROMPT))
    inner = fields_of(given).get("input")
    if set(fields_of(given)) != {"input"} or not isinstance(inner, str):
        return [given]
    found = reading.literal(inner) if inner.lstrip().startswith("{") else None
    return [found if isinstance(found, dict) else given]


def langsmith_results(span: SpanView) -> list[object]:
    """Returns the result of a tool, if the span is of one; a message, or what is not an object, is under `output`."""
    if span.attributes.get(names.LANGSMITH_KIND) != names.LANGSMITH_TOOL:
        return []
    gave = reading.json_or_text(span.attributes.get(names.COMPLETION))
    inner = fields_of(gave).get("output") if set(fields_of(gave)) == {"output"} else gave
    message = unwrapped(fields_of(inner))
    return [message.get("content") if message.get("role") == "tool" else inner]
