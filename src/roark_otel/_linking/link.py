"""Linking: the pure function from a finished conversation to a call, or the reason why it cannot be one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from roark_otel._linking.facts import Facts
from roark_otel._linking.latency import response_latencies
from roark_otel._linking.merging import tool_uses, utterances
from roark_otel._linking.participants import merged, participants
from roark_otel._linking.sampling import is_in_sample
from roark_otel._linking.timeline import Timeline, cut
from roark_otel._model.call import Call, UnrecordedCall
from roark_otel._model.enums import CALL_DIRECTIONS, ENDED_STATUSES, INTERFACE_TYPES
from roark_otel._model.finished import Ending, Errored, FinishedConversation, NeverEnded
from roark_otel._model.formats import MAX_PROPERTY, is_http_url
from roark_otel._model.hangups import is_hang_up
from roark_otel._model.moments import Agent, Customer, ToolUse, Unanswered, Utterance
from roark_otel._privacy.redaction import Redaction, Withheld

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._linking.defaults import Defaults


_MAY_BE_LATE = ("transcript", "toolInvocations", "properties", "endedStatus", "stereoRecordingUrl")

NOTHING_REDACTED = Redaction()


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call that Roark can take.

    `problems`: fields that were left out because they could not be right; `is_by_template`: the recording's URL is the
    template's, and may be good only after a delay.
    """

    call: Call
    problems: tuple[str, ...]
    is_by_template: bool = False


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A call that lacks only its recording."""

    call: UnrecordedCall
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotLinkable:
    """The conversation becomes no call. `reason`: `skipped`, `sampled_out`, `empty` or `withheld`."""

    reason: str


Linked: TypeAlias = "Recorded | Unrecorded | NotLinkable"


def link(conversation: FinishedConversation, defaults: Defaults, redaction: Redaction = NOTHING_REDACTED) -> Linked:
    """Makes the call of a finished conversation, with what may be sent of it."""
    if not is_in_sample(conversation.external_id, defaults.sample_ratio):
        return NotLinkable("sampled_out")
    conversation = redaction.conversation(conversation)
    facts = Facts.of(conversation)
    if facts.get("skip") is True:
        return NotLinkable("skipped")
    said, used = utterances(conversation), tool_uses(conversation)
    if isinstance(conversation.ending, NeverEnded) and not said and not used:
        return NotLinkable("empty")
    fields, problems = _fields(conversation, facts, defaults, redaction, said, used)
    known = facts.text("recording_url") or defaults.recording_url
    url = known
    if known is None and defaults.recording_template is not None:
        url = defaults.recording_template.fill(conversation, fields, facts.text("livekit_room_name"))
    if url is not None and not is_http_url(url):
        url, problems = None, (*problems, "recording_url")
    whole = (
        UnrecordedCall.model_validate(fields) if url is None else Call.model_validate({**fields, "recording_url": url})
    )
    match redaction.call(whole):
        case Withheld():
            return NotLinkable("withheld")
        case Call() as call:
            return Recorded(call, problems, is_by_template=known is None)
        case call:
            return Unrecorded(call, problems)


def late_fields(conversation: FinishedConversation, defaults: Defaults, redaction: Redaction) -> dict[str, Any]:
    """Returns the fields that late moments add to a call, in Roark's names. Nothing is guessed from what is missing."""
    conversation = redaction.conversation(conversation)
    facts = Facts.of(conversation)
    said, used = utterances(conversation), tool_uses(conversation)
    fields, _ = _fields(conversation, facts, defaults, redaction, said, used)
    fields["properties"] = _allowed_properties(facts, defaults)
    fields["ended_status"] = facts.one_of("ended_status", ENDED_STATUSES)
    present = {name: value for name, value in fields.items() if value is not None}
    call = UnrecordedCall.model_validate(present).model_dump(mode="json", by_alias=True, exclude_unset=True)
    url = facts.text("recording_url")
    found = {name: call[name] for name in _MAY_BE_LATE if call.get(name)}
    return {**found, "recordingUrl": url} if url and is_http_url(url) else found


def _allowed_properties(facts: Facts, defaults: Defaults) -> dict[str, str | bool | int | float]:
    allowed = defaults.properties_allow
    return {name: value for name, value in facts.properties().items() if allowed is None or name in allowed}


def _fields(
    conversation: FinishedConversation,
    facts: Facts,
    defaults: Defaults,
    redaction: Redaction,
    said: list[Utterance],
    used: list[ToolUse],
) -> tuple[dict[str, object], tuple[str, ...]]:
    started_ns = facts.integer("started_at_ns", conversation.started_ns)
    timeline = Timeline(started_ns)
    agent = merged(facts.participant("agent", Agent(), conversation.root_span_id), defaults.agent)
    customer = facts.participant("customer", Customer(), None)
    heard = redaction.moments(said) if defaults.with_content else []
    used = redaction.moments(used if defaults.with_content else [_without_content(one) for one in used])
    speakers = [
        *facts.elsewhere("agent", conversation.root_span_id),
        *(s.speaker for s in (heard if defaults.with_content else said)),
        *(u.agent for u in used),
    ]
    people, problems = participants(agent, customer, speakers)
    if not defaults.with_content:
        people = people.without_content()
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
    if reported := facts.one_of("ended_status", ENDED_STATUSES):
        return reported
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
    if isinstance(ending, Errored) and not any(map(is_hang_up, ending.exceptions)):
        return "AGENT_ERROR"
    return None


def _other_links(facts: Facts) -> dict[str, str]:
    """Returns the LiveKit room or the Vapi call: the API takes one of them, and a framework reports the room."""
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
    found |= _allowed_properties(facts, defaults)
    found.update(conversation.notes)
    if isinstance(conversation.ending, NeverEnded):
        found["roark_incomplete"] = True
    return found
