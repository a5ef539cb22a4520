"""What an app's events say: utterances and tool uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel import attributes
from roark_otel._model import reading
from roark_otel._model.moments import (
    Failed,
    Returned,
    ToolUse,
    Unanswered,
    Utterance,
)
from roark_otel._model.moments import (
    utterance as made_utterance,
)
from roark_otel._model.roles import AGENT_ROLES, CUSTOMER_ROLES, UNKNOWN_ROLE
from roark_otel._model.rows import SPAN, START
from roark_otel.dialects.roark.facts import NO_AGENT, NO_CUSTOMER, agent_of, customer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roark_otel._model.moments import Agent, Customer, Outcome
    from roark_otel._model.rows import Row
    from roark_otel.dialects.roark.words import Words

_SIDES: Mapping[str, Agent | Customer] = {
    **dict.fromkeys(AGENT_ROLES, NO_AGENT),
    **dict.fromkeys(CUSTOMER_ROLES, NO_CUSTOMER),
}
_SPEAKERS = {spelling: side for role, side in _SIDES.items() for spelling in (role, role.upper())}
"""Roles as most apps write them, which need no closer look."""
_NO_PAYLOAD: Final[Mapping[str, object]] = {}  # one for all: the collector counts each that is made
_YEAR_NS = 366 * 86_400 * 1_000_000_000


def utterance(_event: str, time_ns: object, words: Words, agent: Agent) -> Utterance | None:
    """Returns the utterance of a `roark.transcript`; None if it has no role or says nothing. `agent` is the span's."""
    side, text = _SIDES.get((reading.text(words.get("role")) or "").lower()), words.text("text")
    if side is None or text is None:
        words.warn(*(("role", UNKNOWN_ROLE) if side is None else ("text", "missing")))
        return None
    start_ns = words.start_ns(time_ns)
    duration_ns = words.duration_ns("duration_ms")
    payload = words.json_object("payload") or {}
    if words.flag("interrupted"):
        payload["interrupted"] = True
    return Utterance(
        speaker=_agent(words, agent) if side is NO_AGENT else customer_of(words),
        text=text,
        start_ns=start_ns,
        end_ns=None if duration_ns is None else start_ns + duration_ns,
        language_code=words.text("language_code"),
        payload=payload,
        span_id=words.span_id,
    )


def short(row: Row, at: int, agent: Agent) -> Utterance | None:
    """Returns the utterance of an event that has only a role and a text, as most have, if nothing is wrong with it.

    Args:
        row: The span.
        at: The place of the event, which has two attributes.
        agent: The span's.
    """
    _, time_ns, _, name, other, role, text = row[at : at + 7]
    if name == "text" and other == "role":
        role, text = text, role
    elif name != "role" or other != "text":
        return None
    if type(text) is not str or type(time_ns) is not int or type(role) is not str or not text.isascii():
        return None
    speaker, said = _SPEAKERS.get(role), text.strip()
    if speaker is None or not said or not -_YEAR_NS < time_ns - row[START] < _YEAR_NS:
        return None
    speaker = speaker if speaker is NO_CUSTOMER else agent
    return made_utterance(speaker, said, time_ns, None, None, _NO_PAYLOAD, True, row[SPAN])


def tool_use(event: str, time_ns: object, words: Words, agent: Agent) -> ToolUse | None:
    """Returns the tool use, or the half of one, of an event; None if nothing names it. `agent` is the span's."""
    is_result = event == attributes.TOOL_RESULT_EVENT
    name, call_id = words.text("name"), words.identifier("id")
    if name is None and not (is_result and call_id):
        words.warn("name", "missing")
        return None
    start_ns = words.start_ns(time_ns)
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
        span_id=words.span_id,
    )


def _parameters(words: Words) -> Mapping[str, object]:
    found, written = words.json_object("parameters"), words.get("parameters")
    if found is None and written is not None and written != "":
        # What the model said is worth more than nothing, and Roark takes only an object.
        return {"unparsed": reading.json_value(written)}
    return found or {}


def _outcome(words: Words) -> Outcome:
    error = words.get("error")
    # An attribute cannot be None: an app that always writes it says with an empty one that nothing failed.
    if not (error is None or reading.flag(error) is False or (isinstance(error, str) and not error.strip())):
        return Failed((None if reading.flag(error) else reading.text(error)) or "failed")
    return Unanswered() if words.get("result") is None else Returned(words.json_or_text("result"))


def _agent(words: Words, of_span: Agent) -> Agent:
    own = agent_of(words)
    return of_span if own is NO_AGENT else own


READ: Mapping[object, Callable[[str, object, Words, Agent], Utterance | ToolUse | None]] = {
    attributes.TRANSCRIPT_EVENT: utterance,
    attributes.TOOL_INVOCATION_EVENT: tool_use,
    attributes.TOOL_CALL_EVENT: tool_use,
    attributes.TOOL_RESULT_EVENT: tool_use,
}
"""What reads an event, by its name: from its name, its time, its attributes and the agent of its span."""
