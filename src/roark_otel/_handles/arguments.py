"""Turns an app's arguments about a call into span attributes. Invalid arguments are logged and ignored."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Final, cast

from typing_extensions import TypedDict

from roark_otel import attributes
from roark_otel._model import reading
from roark_otel._model.cut_marks import BEYOND, cut_mark
from roark_otel._model.formats import is_external_id
from roark_otel._model.sizes import MAX_RESULT
from roark_otel._safety.guard import log_once

MAX_VALUES: Final = 20_480
"""The most values in arguments or a result, as `reading.MAX_NODES`: they are copied on the thread of the app."""


class CallAttributes(TypedDict, total=False):
    """Describes a call in keyword arguments; None is ignored. `roark_otel.attributes` has the same names.

    `interface_type` is PHONE or WEB, `call_direction` INBOUND or OUTBOUND, in any case. `properties` are scalars.
    """

    recording_url: str | None
    stereo_recording_url: str | None
    interface_type: str | None
    call_direction: str | None
    agent_name: str | None
    agent_custom_id: str | None
    agent_roark_id: str | None
    agent_description: str | None
    agent_prompt: str | None
    customer_phone_number: str | None
    customer_label: str | None
    livekit_room_id: str | None
    vapi_call_id: str | None
    properties: Mapping[str, str | bool | int | float] | None


_ATTRIBUTE_OF: Final[Mapping[str, str]] = {
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

Scalars = dict[str, str | bool | int | float]


def span_attributes(about: CallAttributes) -> Scalars:
    """Returns the span attributes that describe the call as these arguments do."""
    found: Scalars = {}
    for name, value in about.items():
        if name == "properties":
            found |= _properties(value)
        elif name not in _ATTRIBUTE_OF:
            warn_of_argument(name, "is not an argument of this version")
        elif value is not None:
            found[_ATTRIBUTE_OF[name]] = reading.scalar(value)
    return found


def _properties(properties: object) -> Scalars:
    if properties is None:
        return {}
    if not isinstance(properties, Mapping):
        warn_of_argument("properties", "must be a mapping of names to scalars")
        return {}
    pairs = cast("Mapping[object, object]", properties).items()
    return {f"{attributes.PROPERTY_PREFIX}{name}": reading.scalar(value) for name, value in pairs if value is not None}


def event_attributes(fields: Mapping[str, object]) -> Scalars:
    """Drops the fields that are None and makes the rest scalars, which every version of the SDK takes in an event."""
    return {name: reading.scalar(value) for name, value in fields.items() if value is not None}


def json_text(value: object) -> str:
    """Writes any value as JSON text; of a long one the beginning, with a mark."""
    text = json.dumps(reading.json_value(value, MAX_VALUES), ensure_ascii=False)
    return text if len(text) <= MAX_RESULT else text[: MAX_RESULT + BEYOND] + cut_mark(text)


def valid_external_id(external_id: object) -> str | None:
    """Returns a valid id; an invalid one is logged, without its value, and becomes None."""
    if isinstance(external_id, str) and is_external_id(external_id):
        return external_id
    warn_of_argument("external_id", "must be text of 1 to 255 characters")
    return None


def warn_of_argument(name: str, why: str) -> None:
    """Logs an invalid argument. At run time nothing is raised into the app."""
    log_once(logging.WARNING, (name, why), "%s %s; ignoring it", name, why)
