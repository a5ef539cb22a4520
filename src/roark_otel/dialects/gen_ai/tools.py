"""Tools that ran in a span of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model import reading
from roark_otel._model.moments import Failed, Outcome, Returned, ToolUse, Unanswered
from roark_otel.dialects.chat import Ran, Role, failure, gave, given, messages, without_wrapper
from roark_otel.dialects.gen_ai import names
from roark_otel.dialects.gen_ai.langsmith import langsmith_arguments, langsmith_results

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat import Gave


def is_tool(span: SpanView, operation: str) -> bool:
    """Whether a span reports a tool."""
    is_request = span.attributes.get(names.MCP_METHOD) == names.MCP_CALL
    return operation == names.EXECUTE_TOOL or is_request or is_logfire_tool(span)


def tool_of(span: SpanView, agent: str | None) -> Ran | None:
    """The tool that a span reports, None if it reports none."""
    get = span.attributes.get
    is_logfire = is_logfire_tool(span)
    name = reading.text(get("name" if is_logfire else names.TOOL_NAME))
    if name is None or name == names.MERGED_TOOLS:
        return None
    asked = given(get("input") if is_logfire else _first(*map(get, names.TOOL_ARGUMENTS), *_asked(span)))
    back = get("output") if is_logfire else _first(*map(get, names.TOOL_RESULTS), *_answered(span))
    found = gave(back)
    use = ToolUse(
        name=name,
        start_ns=span.start_ns,
        end_ns=None if span.end_ns is None else max(span.start_ns, span.end_ns),
        parameters=asked.parameters,
        outcome=_outcome(span, back, found),
        call_id=reading.identifier(get(names.TOOL_CALL_ID)) or found.call_id,
        description=reading.text(get(names.TOOL_DESCRIPTION)),
        span_id=span.span_id,
    )
    return Ran(span.span_id, span.parent_id, use, agent, asked.other, names.MCP_METHOD in span.attributes)


def is_logfire_tool(span: SpanView) -> bool:
    """Whether a span is one that logfire makes of a tool."""
    template = span.attributes.get(names.LOGFIRE_TEMPLATE)
    return isinstance(template, str) and template.startswith(names.LOGFIRE_TOOL)


def _asked(span: SpanView) -> list[object]:
    """Arguments that events hold."""
    found = [event.attributes.get("content") for event in span.events if event.name == names.TOOL_EVENT]
    found += [event.attributes.get(names.TOOL_ARGUMENTS[0]) for event in span.events]
    return [*found, *langsmith_arguments(span)]


def _answered(span: SpanView) -> list[object]:
    """Results that events hold."""
    found = [event.attributes.get("message") for event in span.events if event.name == names.CHOICE_EVENT]
    found += [event.attributes.get(names.TOOL_RESULTS[0]) for event in span.events]
    for event in span.events:
        if names.OUTPUT in event.attributes:
            answers = messages(reading.json_or_text(event.attributes[names.OUTPUT]), Role.UNKNOWN)
            found += [answer.value for message in answers for answer in message.answers]
    return [*found, *langsmith_results(span)]


def _outcome(span: SpanView, back: object, found: Gave) -> Outcome:
    status = reading.text(span.attributes.get(names.TOOL_STATUS))
    is_error = names.ERROR_TYPE in span.attributes or status in {"error", "failed"} or found.is_error
    if (failed := failure(span, back, is_error=is_error)) is not None:
        return Failed(failed)
    if back is None:
        return Unanswered()
    return Returned(without_wrapper(back) if span.scope == names.ADK_SCOPE else found.value)


def _first(*values: object) -> object:
    return next((one for one in values if one is not None), None)
