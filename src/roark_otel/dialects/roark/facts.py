"""What an app's attributes say of the call as a whole, and of who takes part."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from roark_otel._model import enums, reading
from roark_otel._model.moments import Agent, Customer, Fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel.dialects.roark.words import Words

Value: TypeAlias = "str | int | float | bool | None"

_PROPERTY = "property."
_AGENT = {
    "agent.name": "name",
    "agent.custom_id": "custom_id",
    "agent.roark_id": "roark_id",
    "agent.description": "description",
    "agent.prompt": "prompt",
    "agent.endpoint.id": "endpoint_id",
    "agent.endpoint.type": "endpoint_type",
    "agent.endpoint.value": "endpoint_value",
    "agent.endpoint.direction": "endpoint_direction",
}


def facts(words: Words, time_ns: int, span_id: int) -> Iterator[Fact]:
    """The facts in the attributes of a span, or of the resource (span id and time 0)."""
    found: dict[str, Value | Agent | Customer] = {
        "recording_url": words.url("recording_url"),
        "stereo_recording_url": words.url("stereo_recording_url"),
        "started_at_ns": words.instant_ns("started_at"),
        "interface_type": words.one_of("interface_type", enums.INTERFACE_TYPES),
        "call_direction": words.one_of("call_direction", enums.CALL_DIRECTIONS),
        "ended_status": words.one_of("ended_status", enums.ENDED_STATUSES),
        "livekit_room_id": words.text("livekit_room_id") or words.text("livekit.room.id"),
        "vapi_call_id": words.text("vapi_call_id"),
        "skip": words.flag("skip"),
    }
    words.flag("conversation.root")  # reported here if it is not a flag; what it means is decided where roots are
    for name in words.names():
        if name.startswith(_PROPERTY) and name != _PROPERTY:
            found[name] = reading.scalar(words.get(name))
    agent, customer = agent_of(words), customer_of(words)
    found["agent"] = agent if agent != Agent() else None
    found["customer"] = customer if customer != Customer() else None
    for name, value in found.items():
        if value is not None:
            yield Fact(name, value, time_ns, span_id)


def agent_of(words: Words) -> Agent:
    """The agent that these attributes describe."""
    return Agent(**{field: words.text(key) for key, field in _AGENT.items()})


def customer_of(words: Words) -> Customer:
    """The customer that these attributes describe."""
    return Customer(words.phone_number("customer.phone_number"), words.text("customer.label"))
