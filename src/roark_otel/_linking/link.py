"""Linking: the pure function from a finished conversation to a call, or the reason why it cannot be one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from roark_otel._linking.call_body import allowed_properties, make_body
from roark_otel._linking.material import Material
from roark_otel._linking.recording_template import template_values
from roark_otel._linking.sampling import is_in_sample
from roark_otel._linking.wire_json import plain, to_json
from roark_otel._model.enums import ENDED_STATUSES
from roark_otel._model.finished import DROPPED_SPANS, LOSSES, NeverEnded
from roark_otel._model.formats import is_http_url
from roark_otel._model.steps import no_pause
from roark_otel._privacy.redaction import Redaction, Withheld

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

    from roark_otel._linking.call_body import Body
    from roark_otel._linking.defaults import Defaults
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.steps import Pause


_MAY_BE_LATE = ("transcript", "toolInvocations", "properties", "endedStatus", "stereoRecordingUrl")

NOTHING_REDACTED = Redaction()


@dataclass(frozen=True, slots=True)
class _WithBody:
    """A call by the body that Roark takes, in Roark's names.

    `problems`: fields that were left out because they could not be right.
    """

    body: Mapping[str, object]
    problems: tuple[str, ...]

    @property
    def external_id(self) -> str:
        """The call's id in the app."""
        return cast("str", self.body["externalId"])

    @property
    def turns(self) -> int:
        """The number of entries in the transcript."""
        return len(cast("Sized", self.body.get("transcript", ())))

    @property
    def tools(self) -> int:
        """The number of tool invocations."""
        return len(cast("Sized", self.body.get("toolInvocations", ())))

    def to_json(self, pause: Pause = no_pause) -> bytes:
        """Writes the body as UTF-8, and calls `pause` after every 64 entries at most."""
        return to_json(self.body, pause)


@dataclass(frozen=True, slots=True)
class Recorded(_WithBody):
    """A call that Roark can take.

    `is_by_template`: the recording's URL is the template's, and may be good only after a delay.
    """

    is_by_template: bool = False


@dataclass(frozen=True, slots=True)
class Unrecorded(_WithBody):
    """A call that lacks only its recording."""


@dataclass(frozen=True, slots=True)
class NotLinkable:
    """The conversation becomes no call. `reason`: the counter of `Stats` to which it belongs."""

    reason: str


Linked: TypeAlias = "Recorded | Unrecorded | NotLinkable"


def link(
    conversation: FinishedConversation,
    defaults: Defaults,
    redaction: Redaction = NOTHING_REDACTED,
    pause: Pause = no_pause,
) -> Linked:
    """Makes the call of a finished conversation, with what may be sent of it.

    Args:
        conversation: The conversation.
        defaults: What a call has where its spans do not set it.
        redaction: What of it may be sent.
        pause: Called after every 64 moments or entries.
    """
    if not is_in_sample(conversation.external_id, defaults.sample_ratio):
        return NotLinkable("sampled_out")
    material = Material.of(redaction.conversation(conversation, pause), pause)
    if material.facts.get("skip") is True:
        return NotLinkable("skipped")
    if isinstance(conversation.ending, NeverEnded) and not material.said and not material.used:
        return NotLinkable("dropped_conversations" if DROPPED_SPANS in conversation.notes else "empty")
    body, problems = make_body(material, defaults, redaction, pause)
    known = material.facts.text("recording_url") or defaults.recording_url
    url = known
    if known is None and defaults.recording_template is not None:
        room_name = material.facts.text("livekit_room_name")
        url = defaults.recording_template.fill(template_values(conversation, material.started_at, body, room_name))
    if url is not None and not is_http_url(url):
        url, problems = None, (*problems, "recording_url")
    if url is not None:
        body["recordingUrl"] = url
    kept = body if redaction.hook is None else _redacted(plain(body, pause), redaction)
    if kept is None:
        return NotLinkable("withheld")
    return Unrecorded(kept, problems) if url is None else Recorded(kept, problems, is_by_template=known is None)


def _redacted(body: Body, redaction: Redaction) -> Body | None:
    """Returns what the app's hook leaves of a call, which it gets as a model; None if it must not be sent."""
    from roark_otel._model.call import Call, UnrecordedCall  # pydantic's models take a while to build

    call = redaction.call((Call if "recordingUrl" in body else UnrecordedCall).model_validate(body))
    if isinstance(call, Withheld):
        return None
    return call.model_dump(mode="json", by_alias=True, exclude_unset=True)


def late_fields(
    conversation: FinishedConversation, defaults: Defaults, redaction: Redaction, pause: Pause = no_pause
) -> dict[str, Any]:
    """Returns the fields that late moments add to a call, in Roark's names. Nothing is guessed from what is missing.

    The app's hook gets them as a call that has only these; if it withholds that, there are none.
    """
    material = Material.of(redaction.conversation(conversation, pause), pause)
    body, _ = make_body(material, defaults, redaction, pause)
    lost = {name: number for name, number in conversation.notes.items() if name in LOSSES}
    body["properties"] = {**allowed_properties(material.facts, defaults), **lost}
    body["endedStatus"] = material.facts.one_of("ended_status", ENDED_STATUSES)
    url = material.facts.text("recording_url")
    if url and is_http_url(url):
        body["recordingUrl"] = url
    known = plain({name: value for name, value in body.items() if value is not None}, pause)
    late = {name: known[name] for name in (*_MAY_BE_LATE, "recordingUrl") if known.get(name)}
    if redaction.hook is None or not late:
        return late
    kept = _redacted(known, redaction) or {}
    return {name: kept[name] for name in late if kept.get(name)}


def redacted_body(body: Mapping[str, Any], redaction: Redaction, pause: Pause = no_pause) -> Body | None:
    """Returns what may be sent of a whole call that has parts of other processes, which may have had other settings.

    Returns None if it must not be sent.
    """
    found: Body = dict(redaction.body(body, pause))
    return found if redaction.hook is None else _redacted(found, redaction)
