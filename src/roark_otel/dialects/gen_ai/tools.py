"""Tools that ran in a span of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model import reading
from roark_otel._model.moments import Failed, Outcome, Returned, ToolUse, Unanswered
from roark_otel.dialects.chat import Ran, Role, failure, fields_of, messages, parameters, result
from roark_otel.dialects.gen_ai import names

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView


def tool_of(span: SpanView, agent: str | None) -> Ran | None:
    """The tool that a span reports, None if it reports none."""
    get = span.attributes.get
    is_logfire = is_logfire_tool(span)
    name = reading.text(get("name" if is_logfire else names.TOOL_NAME))
    if name is None or name == names.MERGED_TOOLS:
        return None
    given = get("input") if is_logfire else _first(get(names.TOOL_ARGUMENTS), *_asked(span))
    gave = get("output") if is_logfire else _first(get(names.TOOL_RESULT), *_answered(span))
    use = ToolUse(
        name=name,
        start_ns=span.start_ns,
        end_ns=None if span.end_ns is None else max(span.start_ns, span.end_ns),
        parameters=parameters(given),
        outcome=_outcome(span, gave),
        call_id=reading.text(get(names.TOOL_CALL_ID)),
        description=reading.text(get(names.TOOL_DESCRIPTION)),
    )
    return Ran(span.span_id, span.parent_id, use, agent)


def is_logfire_tool(span: SpanView) -> bool:
    """Whether a span is one that logfire makes of a tool."""
    template = span.attributes.get(names.LOGFIRE_TEMPLATE)
    return isinstance(template, str) and template.startswith(names.LOGFIRE_TOOL)


def _asked(span: SpanView) -> list[object]:
    """Arguments that events hold."""
    found = [event.attributes.get("content") for event in span.events if event.name == names.TOOL_EVENT]
    return found + [event.attributes.get(names.TOOL_ARGUMENTS) for event in span.events]


def _answered(span: SpanView) -> list[object]:
    """Results that events hold."""
    found = [event.attributes.get("message") for event in span.events if event.name == names.CHOICE_EVENT]
    found += [event.attributes.get(names.TOOL_RESULT) for event in span.events]
    for event in span.events:
        if names.OUTPUT in event.attributes:
            answers = messages(reading.json_or_text(event.attributes[names.OUTPUT]), Role.UNKNOWN)
            found += [answer.value for message in answers for answer in message.answers]
    return found


def _outcome(span: SpanView, gave: object) -> Outcome:
    status = reading.text(span.attributes.get(names.TOOL_STATUS))
    is_error = names.ERROR_TYPE in span.attributes or status in {"error", "failed"}
    if (failed := failure(span, gave, is_error=is_error)) is not None:
        return Failed(failed)
    if gave is None:
        return Unanswered()
    found = result(gave)
    if span.scope == names.ADK_SCOPE and list(fields_of(found)) == ["result"]:
        return Returned(fields_of(found)["result"])  # of a tool that gave back no object
    return Returned(found)


def _first(*values: object) -> object:
    return next((one for one in values if one is not None), None)
