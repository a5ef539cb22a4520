"""The closed sets of Roark's API."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

InterfaceType: TypeAlias = Literal["PHONE", "WEB"]
CallDirection: TypeAlias = Literal["INBOUND", "OUTBOUND"]
EndedStatus: TypeAlias = Literal[
    "PARTICIPANTS_DID_NOT_SPEAK",
    "AGENT_DID_NOT_ANSWER",
    "AGENT_DID_NOT_SPEAK",
    "AGENT_STOPPED_SPEAKING",
    "AGENT_ENDED_CALL",
    "AGENT_SAID_END_CALL_PHRASE",
    "AGENT_TRANSFERRED_CALL",
    "AGENT_BUSY",
    "AGENT_ERROR",
    "CUSTOMER_ENDED_CALL",
    "VOICE_MAIL_REACHED",
    "SILENCE_TIME_OUT",
    "PHONE_CALL_PROVIDER_CONNECTION_ERROR",
    "CUSTOMER_DID_NOT_ANSWER",
    "CUSTOMER_DID_NOT_SPEAK",
    "CUSTOMER_STOPPED_SPEAKING",
    "CUSTOMER_BUSY",
    "DIAL_ERROR",
    "MAX_DURATION_REACHED",
    "UNKNOWN",
]

INTERFACE_TYPES: frozenset[str] = frozenset(get_args(InterfaceType))
CALL_DIRECTIONS: frozenset[str] = frozenset(get_args(CallDirection))
ENDED_STATUSES: frozenset[str] = frozenset(get_args(EndedStatus))
