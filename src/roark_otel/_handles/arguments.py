"""What an app says of a call in arguments, as attributes of its spans. What is no good is told, and left out."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from roark_otel import attributes
from roark_otel._model import reading
from roark_otel._model.formats import is_external_id
from roark_otel._safety.guard import log_once

if TYPE_CHECKING:
    from roark_otel.types import CallAttributes

_NAMES: Final[Mapping[str, str]] = {
    "recording_url": attributes.RECORDING_URL,
    "stereo_recording_url": attributes.STEREO_RECORDING_URL,
    "interface_type": attributes.INTERFACE_TYPE,
    "call_direction": attributes.CALL_DIRECTION,
    "agent_name": attributes.AGENT_NAME,
    "agent_custom_id": attributes.AGENT_CUSTOM_ID,
    "agent_roark_id": attributes.AGENT_ROARK_ID,
    "agent_description": attributes.AGENT_DESCRIPTION,
    "agent_prompt": attributes.AGENT_PROMPT,
    "customer_phone_number": attributes.CUSTOMER_PHONE_NUMBER,
    "customer_label": attributes.CUSTOMER_LABEL,
    "livekit_room_id": attributes.LIVEKIT_ROOM_ID,
    "vapi_call_id": attributes.VAPI_CALL_ID,
}


def span_attributes(about: CallAttributes) -> dict[str, str | bool | int | float]:
    """The attributes that say the same as these arguments."""
    found: dict[str, str | bool | int | float] = {}
    for name, value in about.items():
        if name == "properties":
            found |= _properties(value)
        elif name not in _NAMES:
            bad(name, "is no argument of this version")
        elif value is not None:
            found[_NAMES[name]] = reading.scalar(value)
    return found


def _properties(told: object) -> dict[str, str | bool | int | float]:
    if told is None:
        return {}
    if not isinstance(told, Mapping):
        bad("properties", "must be a mapping of names to scalars")
        return {}
    pairs = cast("Mapping[object, object]", told).items()
    return {f"{attributes.PROPERTY_PREFIX}{name}": reading.scalar(value) for name, value in pairs if value is not None}


def event_attributes(told: Mapping[str, object]) -> dict[str, str | bool | int | float]:
    """What is not None, as scalars: what every version of the SDK takes in an event."""
    return {name: reading.scalar(value) for name, value in told.items() if value is not None}


def as_json(value: object) -> str:
    """Any value as JSON text."""
    return json.dumps(reading.json_value(value), ensure_ascii=False)


def valid_external_id(external_id: object) -> str | None:
    """The id if it is one; another one is told, without its value."""
    if isinstance(external_id, str) and is_external_id(external_id):
        return external_id
    bad("external_id", "must be text of 1 to 255 characters")
    return None


def bad(name: str, why: str) -> None:
    """Tells of an argument that is no good. At run time nothing of ours is raised into the app."""
    log_once(logging.WARNING, (name, why), "%s %s; it is left out", name, why)
