"""Linking: the pure function from a finished conversation to a call, or the reason why it cannot be one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias

from roark_otel.call import Call, UnrecordedCall
from roark_otel.enums import CALL_DIRECTIONS, ENDED_STATUSES, INTERFACE_TYPES
from roark_otel.facts import MAX_PROPERTY, Facts
from roark_otel.finished import Ending, Errored, FinishedConversation, NeverEnded
from roark_otel.formats import is_http_url
from roark_otel.latency import response_latencies
from roark_otel.moments import Agent, Customer, ToolUse, Unanswered, Utterance
from roark_otel.participants import merged, participants
from roark_otel.telling import tool_uses, utterances
from roark_otel.timeline import Timeline, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel.defaults import Defaults


_HANG_UPS = re.compile(r"(?:^|\.)(?:WebSocketDisconnect|ConnectionClosed\w*|ClientDisconnect\w*|CancelledError)$")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call that Roark can take. `problems`: fields that were left out because they could not be right."""

    call: Call
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A call that lacks only its recording."""

    call: UnrecordedCall
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotLinkable:
    """No call comes of the conversation. `reason`: `skipped` or `empty`."""

    reason: str


Linked: TypeAlias = "Recorded | Unrecorded | NotLinkable"


def link(conversation: FinishedConversation, defaults: Defaults) -> Linked:
    """The call of a finished conversation."""
    facts = Facts.of(conversation)
    if facts.get("skip") is True:
        return NotLinkable("skipped")
    said, used = utterances(conversation), tool_uses(conversation)
    if isinstance(conversation.ending, NeverEnded) and not said and not used:
        return NotLinkable("empty")
    fields, problems = _fields(conversation, facts, defaults, said, used)
    url, wrong_url = _recording_url(conversation, facts, defaults, fields)
    if url is None:
        return Unrecorded(UnrecordedCall.model_validate(fields), (*problems, *wrong_url))
    return Recorded(Call.model_validate({**fields, "recording_url": url}), problems)


def _fields(
    conversation: FinishedConversation,
    facts: Facts,
    defaults: Defaults,
    said: list[Utterance],
    used: list[ToolUse],
) -> tuple[dict[str, object], tuple[str, ...]]:
    started_ns = facts.integer("started_at_ns", conversation.started_ns)
    timeline = Timeline(started_ns)
    agent = merged(facts.participant("agent", Agent(), conversation.root_span_id), defaults.agent)
    customer = facts.participant("customer", Customer(), None)
    speakers = [
        *facts.elsewhere("agent", conversation.root_span_id),
        *(s.speaker for s in said),
        *(u.agent for u in used),
    ]
    people, problems = participants(agent, customer, speakers)
    heard = said
    if not defaults.with_content:
        heard, used, people = [], [_without_content(one) for one in used], people.without_content()
    phone = any(person.phone_number for person in people.customers)
    stereo = facts.text("stereo_recording_url")
    fields: dict[str, object] = {
        "external_id": conversation.external_id,
        "started_at": datetime.fromtimestamp(started_ns // 1_000_000 / 1000, timezone.utc),
        "interface_type": facts.one_of("interface_type", INTERFACE_TYPES)
        or defaults.interface_type
        or ("PHONE" if phone else "WEB"),
        "call_direction": facts.one_of("call_direction", CALL_DIRECTIONS) or defaults.call_direction or "INBOUND",
        "stereo_recording_url": stereo if stereo and is_http_url(stereo) else None,
        "ended_status": _ended_status(facts, conversation.ending, said),
        "transcript": [timeline.entry(one, people.reference(one.speaker)) for one in heard] or None,
        "tool_invocations": [timeline.invocation(one, people.agent_reference(one.agent)) for one in used] or None,
        "properties": {**_properties(conversation, facts, defaults, said), **timeline.clamped([*said, *used])},
        **people.call_fields(),
        **_other_links(facts),
    }
    wrong = ("stereo_recording_url",) if stereo and not fields["stereo_recording_url"] else ()
    return {name: value for name, value in fields.items() if value is not None}, (*problems, *wrong)


def _without_content(use: ToolUse) -> ToolUse:
    return replace(use, parameters={}, outcome=Unanswered(), description=None)


def _ended_status(facts: Facts, ending: Ending, said: Iterable[Utterance]) -> str | None:
    if told := facts.one_of("ended_status", ENDED_STATUSES):
        return told
    if isinstance(ending, NeverEnded):
        return None
    speakers = {type(one.speaker) for one in said}
    match Agent in speakers, Customer in speakers:
        case False, False if facts.get("wordless") is True:
            pass
        case False, False:
            return "PARTICIPANTS_DID_NOT_SPEAK"
        case False, True:
            return "AGENT_DID_NOT_SPEAK"
        case True, False:
            return "CUSTOMER_DID_NOT_SPEAK"
        case _:
            pass
    if isinstance(ending, Errored) and not any(_HANG_UPS.search(name) for name in ending.exceptions):
        return "AGENT_ERROR"
    return None


def _other_links(facts: Facts) -> dict[str, str]:
    """The LiveKit room or the Vapi call: the API takes one of them, and the room is what a framework told."""
    for name in ("livekit_room_id", "vapi_call_id"):
        if found := facts.text(name):
            return {name: cut(found, 255)}
    return {}


def _properties(
    conversation: FinishedConversation, facts: Facts, defaults: Defaults, said: Sequence[Utterance]
) -> dict[str, str | bool | int | float]:
    found: dict[str, str | bool | int | float] = {"trace_id": f"{conversation.trace_id:032x}"}
    if conversation.service_name:
        found["service_name"] = cut(conversation.service_name, MAX_PROPERTY)
    if interruptions := sum(1 for one in said if one.payload.get("interrupted") is True):
        found["interruptions"] = interruptions
    if version := defaults.version_of(facts.text("property.framework") or ""):
        found["framework_version"] = version
    found.update(response_latencies(said))
    found |= facts.properties()
    found.update(conversation.notes)
    if isinstance(conversation.ending, NeverEnded):
        found["roark_incomplete"] = True
    return found


def _recording_url(
    conversation: FinishedConversation, facts: Facts, defaults: Defaults, fields: Mapping[str, object]
) -> tuple[str | None, tuple[str, ...]]:
    told = facts.text("recording_url") or defaults.recording_url
    if told is None and defaults.recording_template is not None:
        told = defaults.recording_template.fill(conversation, fields)
    if told is None:
        return None, ()
    return (told, ()) if is_http_url(told) else (None, ("recording_url",))
