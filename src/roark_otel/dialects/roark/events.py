"""What an app's events say: utterances and tool uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel import attributes
from roark_otel._model import reading
from roark_otel._model.moments import Agent, Customer, Failed, Returned, ToolUse, Unanswered, Utterance
from roark_otel.dialects.roark.facts import agent_of, customer_of

if TYPE_CHECKING:
    from roark_otel._model.moments import Outcome
    from roark_otel._model.spans import SpanEvent, SpanRecord
    from roark_otel.dialects.roark.words import Words

TOOL_EVENTS = frozenset({attributes.TOOL_INVOCATION_EVENT, attributes.TOOL_CALL_EVENT, attributes.TOOL_RESULT_EVENT})

_ROLES = {"AGENT": Agent, "ASSISTANT": Agent, "CUSTOMER": Customer, "USER": Customer}


def utterance(event: SpanEvent, words: Words, span: SpanRecord, agent: Agent) -> Utterance | None:
    """The utterance of a `roark.transcript`; None if it has no role or says nothing. `agent` is the span's."""
    role, text = words.one_of("role", _ROLES), words.text("text")
    if role is None or text is None:
        words.warn("role" if role is None else "text", "missing or unknown")
        return None
    start_ns = _start_ns(event, words, span)
    duration_ns = words.duration_ns("duration_ms")
    payload = words.json_object("payload") or {}
    if words.flag("interrupted"):
        payload["interrupted"] = True
    return Utterance(
        speaker=_agent(words, agent) if _ROLES[role] is Agent else customer_of(words),
        text=text,
        start_ns=start_ns,
        end_ns=None if duration_ns is None else start_ns + duration_ns,
        language_code=words.text("language_code"),
        payload=payload,
    )


def tool_use(event: SpanEvent, words: Words, span: SpanRecord, agent: Agent) -> ToolUse | None:
    """The tool use, or the half of one, of an event; None if nothing names it. `agent` is the span's."""
    is_result = event.name == attributes.TOOL_RESULT_EVENT
    name, call_id = words.text("name"), words.text("id")
    if name is None and not (is_result and call_id):
        words.warn("name", "missing")
        return None
    start_ns = _start_ns(event, words, span)
    duration_ns = words.duration_ns("duration_ms")
    end_ns = None if duration_ns is None else start_ns + duration_ns
    return ToolUse(
        name=name or "",
        start_ns=start_ns,
        end_ns=start_ns if is_result else end_ns,
        parameters=_parameters(words),
        outcome=_outcome(words),
        call_id=call_id,
        description=words.text("description"),
        agent=_agent(words, agent),
    )


def _start_ns(event: SpanEvent, words: Words, span: SpanRecord) -> int:
    start_ns = reading.time_ns(event.time_ns)
    if start_ns is None:
        words.warn("timestamp", "not nanoseconds since the epoch")
    return span.start_ns if start_ns is None else start_ns


def _parameters(words: Words) -> dict[str, object]:
    found, written = words.json_object("parameters"), words.get("parameters")
    if found is None and written is not None and written != "":
        # What the model said is worth more than nothing, and Roark takes only an object.
        return {"unparsed": reading.json_value(written)}
    return found or {}


def _outcome(words: Words) -> Outcome:
    error = words.get("error")
    if error is not None and error is not False:
        return Failed(reading.text(error) or "failed")
    return Unanswered() if words.get("result") is None else Returned(words.json_or_text("result"))


def _agent(words: Words, of_span: Agent) -> Agent:
    own = agent_of(words)
    return of_span if own == Agent() else own
