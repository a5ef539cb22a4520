"""What an app's attributes say of the call as a whole, and of who takes part."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from roark_otel import attributes
from roark_otel._model import enums, reading
from roark_otel._model.moments import Agent, Customer, Fact
from roark_otel.dialects.roark.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Value: TypeAlias = "str | int | float | bool | None"

NO_AGENT = Agent()
"""The agent of attributes that describe none: the call's own."""

NO_CUSTOMER = Customer()
"""The customer of attributes that describe none: the call's own."""

_PROPERTY = "property."
_ROOM_ID = "livekit_room_id"
_FACTS: Mapping[str, tuple[str, Callable[[Words, str], Value]]] = {
    "recording_url": ("recording_url", Words.url),
    "stereo_recording_url": ("stereo_recording_url", Words.url),
    "started_at": ("started_at_ns", Words.instant_ns),
    "interface_type": ("interface_type", partial(Words.one_of, known=enums.INTERFACE_TYPES)),
    "call_direction": ("call_direction", partial(Words.one_of, known=enums.CALL_DIRECTIONS)),
    "ended_status": ("ended_status", partial(Words.one_of, known=enums.ENDED_STATUSES)),
    _ROOM_ID: (_ROOM_ID, Words.text),
    "vapi_call_id": ("vapi_call_id", Words.text),
    "skip": ("skip", Words.flag),
}
"""The name of the fact in an attribute, and how the attribute is read."""

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


def facts(words: Words, agent: Agent, time_ns: int, span_id: int) -> Iterator[Fact]:
    """Yields the facts in the attributes of a span, or of the resource (span id and time 0).

    Args:
        words: The attributes.
        agent: The agent that they describe.
        time_ns: When they were said.
        span_id: The span that said them.
    """
    for key in words.found:
        name, value = _fact(words, key)
        if value is not None:
            yield Fact(name, value, time_ns, span_id)
    if agent is not NO_AGENT:
        yield Fact("agent", agent, time_ns, span_id)
    if (customer := customer_of(words)) is not NO_CUSTOMER:
        yield Fact("customer", customer, time_ns, span_id)


def _fact(words: Words, key: str) -> tuple[str, Value]:
    """Returns the name and the value of the fact in one attribute; None as the value if it holds none."""
    if known := _FACTS.get(key):
        name, read = known
        return name, read(words, key)
    if key.startswith(_PROPERTY) and key != _PROPERTY:
        return key, reading.scalar(words.found[key])
    if key == attributes.LIVEKIT_ROOM_ID_RESOURCE and words.text(_ROOM_ID) is None:
        return _ROOM_ID, words.text(key)
    if key == _CONVERSATION_ROOT:
        words.flag(key)  # reported here if it is not a flag; what it means is decided where roots are
    return key, None


def agent_of(words: Words) -> Agent:
    """Returns the agent that these attributes describe, `NO_AGENT` if there is none."""
    if _AGENT.keys().isdisjoint(words.found):
        return NO_AGENT
    fields = {_AGENT[key]: words.text(key) for key in words.found if key in _AGENT}
    return Agent(**fields) if any(fields.values()) else NO_AGENT


def customer_of(words: Words) -> Customer:
    """Returns the customer that these attributes describe, `NO_CUSTOMER` if there is none."""
    phone_number, label = words.phone_number(_PHONE_NUMBER), words.text(_LABEL)
    return NO_CUSTOMER if phone_number is None and label is None else Customer(phone_number, label)


_CONVERSATION_ROOT = attributes.CONVERSATION_ROOT.removeprefix(attributes.PREFIX)
_PHONE_NUMBER = attributes.CUSTOMER_PHONE_NUMBER.removeprefix(attributes.PREFIX)
_LABEL = attributes.CUSTOMER_LABEL.removeprefix(attributes.PREFIX)
