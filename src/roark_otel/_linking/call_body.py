"""Makes the body of a call from its material: a dict in Roark's names, in the order of the model's fields."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from roark_otel._linking.latency import timed
from roark_otel._linking.participants import merged, participants
from roark_otel._linking.timeline import Timeline, name_spans
from roark_otel._model.enums import CALL_DIRECTIONS, ENDED_STATUSES, INTERFACE_TYPES
from roark_otel._model.finished import LOSSES, Errored, NeverEnded
from roark_otel._model.formats import MAX_PROPERTY, is_http_url
from roark_otel._model.hangups import is_hang_up
from roark_otel._model.latencies import LATENCIES, response_latencies
from roark_otel._model.moments import Agent, Customer, ToolUse, Unanswered
from roark_otel._model.silence import status_of
from roark_otel._model.sizes import cut
from roark_otel._model.steps import in_steps, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel._linking.defaults import Defaults
    from roark_otel._linking.facts import Facts
    from roark_otel._linking.latency import Timed
    from roark_otel._linking.material import Material
    from roark_otel._linking.participants import Participants
    from roark_otel._model.moments import Utterance
    from roark_otel._model.steps import Pause
    from roark_otel._privacy.redaction import Redaction

OWN_PROPERTIES: Final = frozenset({"trace_id", "service_name", "interruptions", "framework_version", *LATENCIES})
"""What `_properties` has whatever is allowed, beside names that begin with `roark_`."""

_SILENT: Final = (("AGENT", "silent_agent"), ("CUSTOMER", "silent_customer"))

Body = dict[str, object]
"""The body of a call, or a part of it, in Roark's names."""


def make_body(
    material: Material, defaults: Defaults, redaction: Redaction, pause: Pause
) -> tuple[Body, tuple[str, ...]]:
    """Makes the body of a call without its recording.

    Returns:
        The body, and the names of fields that were left out because they could not be right.
    """
    facts, said = material.facts, material.said
    times = timed(said, material.conversation.ended_ns, pause)
    heard, ends_ns = _heard(said, times, defaults, redaction, pause)
    used = redaction.moments(_with_allowed(material.used, defaults), pause)
    people, problems = _people(material, heard if defaults.with_content else said, used, defaults, pause)
    reference = cache(people.reference) if people.are_several else None
    timeline = Timeline(material.started_ns)
    stereo = facts.text("stereo_recording_url")
    is_right = stereo and is_http_url(stereo)
    spoken = steps(zip(heard, ends_ns, strict=True), pause)
    transcript = [one for step in spoken for one in timeline.entries(step, reference)]
    invocations = [timeline.invocation(one, reference, pause) for one in in_steps(used, pause)]
    if defaults.names_spans:
        name_spans(heard, transcript, defaults)
        name_spans(used, invocations, defaults)
    clamped = timeline.clamped(said, material.used)
    fields: Body = {
        "startedAt": material.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "interfaceType": facts.one_of("interface_type", INTERFACE_TYPES)
        or defaults.interface_type
        or ("PHONE" if any(one.phone_number for one in people.customers) else "WEB"),
        "callDirection": facts.one_of("call_direction", CALL_DIRECTIONS) or defaults.call_direction or "INBOUND",
        "externalId": material.conversation.external_id,
        "stereoRecordingUrl": stereo if is_right else None,
        "endedStatus": _ended_status(material),
        "transcript": transcript or None,
        "toolInvocations": invocations or None,
        "properties": {**_properties(material, times, defaults), **clamped},
    }
    present = {name: value for name, value in fields.items() if value is not None}
    wrong = ("stereo_recording_url",) if stereo and not is_right else ()
    return {**present, **people.call_fields(), **_other_link(facts)}, (*problems, *wrong)


def allowed_properties(facts: Facts, defaults: Defaults) -> dict[str, str | bool | int | float]:
    """Returns the properties of spans that may be sent."""
    allowed = defaults.properties_allow
    return {name: value for name, value in facts.properties().items() if allowed is None or name in allowed}


def _heard(
    said: Sequence[Utterance], times: Timed, defaults: Defaults, redaction: Redaction, pause: Pause
) -> tuple[Sequence[Utterance], Sequence[int]]:
    """Returns the utterances that may be sent, and the end of each."""
    if not defaults.with_content:
        return (), ()
    if redaction.hook is None:
        return said, times.ends_ns
    ended = (replace(one, end_ns=end_ns) for one, end_ns in zip(said, times.ends_ns, strict=True))
    kept = redaction.moments(ended, pause)
    return kept, [one.start_ns if one.end_ns is None else one.end_ns for one in kept]


def _with_allowed(used: Sequence[ToolUse], defaults: Defaults) -> Sequence[ToolUse]:
    if defaults.with_content:
        return used
    return [replace(use, parameters={}, outcome=Unanswered(), description=None) for use in used]


def _people(
    material: Material, said: Sequence[Utterance], used: Sequence[ToolUse], defaults: Defaults, pause: Pause
) -> tuple[Participants, tuple[str, ...]]:
    root_span_id = material.conversation.root_span_id
    agent = merged(material.facts.participant("agent", Agent(), root_span_id), defaults.agent)
    customer = material.facts.participant("customer", Customer(), None)
    below = material.facts.elsewhere("agent", root_span_id)
    others = [*below, *[one.speaker for one in said], *[one.agent for one in used]]
    people, problems = participants(agent, customer, others, pause)
    return people if defaults.with_content else people.without_content(), problems


def _ended_status(material: Material) -> str | None:
    facts, ending = material.facts, material.conversation.ending
    if reported := facts.one_of("ended_status", ENDED_STATUSES):
        return reported
    if isinstance(ending, NeverEnded):
        return None
    if silence := _silence(material):
        return silence
    if isinstance(ending, Errored) and not any(map(is_hang_up, ending.exceptions)):
        return "AGENT_ERROR"
    return None


def _silence(material: Material) -> str | None:
    """Returns the status that says who did not speak: only what a reader knows that hears this side.

    Words that are missing are not silence, and where spans or events were lost nothing shows what was on them.
    """
    claimed = {role for role, fact in _SILENT if material.facts.get(fact) is True}
    if not claimed or not material.conversation.notes.keys().isdisjoint(LOSSES):
        return None
    return status_of(claimed - material.sides)


def _other_link(facts: Facts) -> Body:
    """Returns the LiveKit room or the Vapi call: the API takes one of them, and a framework reports the room."""
    for name, wire_name in (("livekit_room_id", "livekitRoomId"), ("vapi_call_id", "vapiCallId")):
        if found := facts.text(name):
            return {wire_name: cut(found, 255)}
    return {}


def _properties(material: Material, times: Timed, defaults: Defaults) -> Body:
    conversation, facts = material.conversation, material.facts
    found: Body = {"trace_id": f"{conversation.trace_id:032x}"}
    if conversation.service_name:
        found["service_name"] = cut(conversation.service_name, MAX_PROPERTY)
    if times.interruptions:
        found["interruptions"] = times.interruptions
    if version := defaults.version_of(facts.text("property.framework") or ""):
        found["framework_version"] = version
    found.update(response_latencies(times.waits_ms))
    found.update(allowed_properties(facts, defaults))
    found.update(conversation.notes)
    if isinstance(conversation.ending, NeverEnded):
        found["roark_incomplete"] = True
    return found
