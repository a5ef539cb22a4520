"""What LiveKit's spans say of the call as a whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from roark_otel._model.moments import Agent, Customer, Fact
from roark_otel._model.reading import text, time_ns
from roark_otel.dialects.livekit import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roark_otel._model.spans import SpanRecord

ENDED_BY_CLOSE: Final = {"error": "AGENT_ERROR", "task_completed": "AGENT_ENDED_CALL"}
"""What a close reason says by itself; `user_initiated` and `job_shutdown` only say that the app closed the session."""

ENDED_BY_LEAVING: Final = {
    "CLIENT_INITIATED": "CUSTOMER_ENDED_CALL",
    "ROOM_DELETED": "AGENT_ENDED_CALL",
    "PARTICIPANT_REMOVED": "AGENT_ENDED_CALL",
    "USER_REJECTED": "CUSTOMER_BUSY",
    "USER_UNAVAILABLE": "CUSTOMER_DID_NOT_ANSWER",
    "SIP_TRUNK_FAILURE": "PHONE_CALL_PROVIDER_CONNECTION_ERROR",
}
"""What it means that the customer left for this reason, before the session was closed."""

ENDED_BY_SHUTDOWN: Final = {"job crashed": "AGENT_ERROR"}


_INTERFACES = {"PARTICIPANT_KIND_SIP": "PHONE", "PARTICIPANT_KIND_STANDARD": "WEB"}
_SIP_IDENTITY = re.compile(r"sip_(\+[1-9]\d{5,14})")


class KnownCall:
    """Gathers the facts of a call, in any order of spans: of one fact the span that ended last counts."""

    __slots__ = ("_close", "_facts", "_latest", "_left", "_session", "_web")

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}
        self._web: Fact | None = None
        self._latest = (0, 0)
        self._session = (0, 0)
        self._close = (0, 0, 0, "")
        self._left = (0, "")

    def read(self, span: SpanRecord, end_ns: int) -> None:
        """Take in one span that has ended."""
        self._latest = max(self._latest, (end_ns, span.span_id))
        if room := _room_sid(span.attributes):
            self._learn("livekit_room_id", room, span, end_ns)
        if room_name := text(names.content(span, names.ROOM_NAME)):
            self._learn("livekit_room_name", room_name, span, end_ns)
        match span.name:
            case names.USER_TURN | names.USER_SPEAKING:
                self._participant(span, end_ns)
            case names.AGENT_SESSION:
                self._agent_session(span, end_ns)
            case names.SESSION_CLOSE:
                if why := text(span.attributes.get(names.CLOSE_REASON)):
                    self._close = max(self._close, (end_ns, span.span_id, span.start_ns, why))
            case names.JOB_SHUTDOWN:
                if status := ENDED_BY_SHUTDOWN.get(text(span.attributes.get(names.SHUTDOWN_REASON)) or ""):
                    self._learn("ended_status", status, span, end_ns)
            case _:
                pass

    @property
    def latest(self) -> tuple[int, int]:
        """When the span that ended last did, and its id."""
        return self._latest

    def facts(self, agent: str | None, *, several: bool) -> Iterator[Fact]:
        """Everything known. Of several agents none is the agent of the call; `agent` is what spans call the only one.

        What the app named its worker comes first: an agent that the app gave no name bears that of its class.
        """
        found = {**self._facts}
        if self._latest[0]:
            found["property.framework"] = Fact("property.framework", names.SCOPE, *self._latest)
        if several:
            found.pop("agent", None)
        elif agent and "agent" not in found:
            found["agent"] = Fact("agent", Agent(name=agent), *self._session)
        if (room := found.get("livekit_room_id")) and self._session[1]:
            found["own_id"] = Fact("own_id", f"{room.value}-{self._session[1]:016x}", *self._session)
        if self._web and "interface_type" not in found:
            found["interface_type"] = self._web
        if "ended_status" not in found and (status := self._ended_status()):
            found["ended_status"] = Fact("ended_status", status, *self._close[:2])
        yield from found.values()

    def _agent_session(self, span: SpanRecord, end_ns: int) -> None:
        self._session = max(self._session, (end_ns, span.span_id))
        self._participant(span, end_ns)
        if name := text(span.attributes.get(names.WORKER_AGENT_NAME)):
            self._learn("agent", Agent(name=name), span, end_ns)
        if any(key.startswith(names.SIP_PREFIXES) for key in span.attributes):
            inbound = text(span.attributes.get(names.SIP_RULE_ID))
            self._learn("interface_type", "PHONE", span, end_ns)
            self._learn("call_direction", "INBOUND" if inbound else "OUTBOUND", span, end_ns)
        if phone := text(names.content(span, names.SIP_PHONE_NUMBER)):
            self._learn("customer", Customer(phone_number=phone), span, end_ns)
        for event in span.events:
            at, why = time_ns(event.time_ns), text(event.attributes.get(names.DISCONNECT_REASON))
            if event.name == names.PARTICIPANT_DISCONNECTED and at is not None and why:
                self._left = max(self._left, (at, why))

    def _participant(self, span: SpanRecord, end_ns: int) -> None:
        interface = _INTERFACES.get(text(span.attributes.get(names.PARTICIPANT_KIND)) or "")
        if interface == "WEB":
            self._web = Fact("interface_type", "WEB", *max((end_ns, span.span_id), _when(self._web)))
        if interface == "PHONE":
            self._learn("interface_type", "PHONE", span, end_ns)
            if number := _SIP_IDENTITY.fullmatch(text(names.content(span, names.PARTICIPANT_IDENTITY)) or ""):
                self._learn("customer", Customer(phone_number=number[1]), span, end_ns)

    def _ended_status(self) -> str | None:
        _, _, closed_ns, why = self._close
        if status := ENDED_BY_CLOSE.get(why):
            return status
        left_ns, left_why = self._left
        if left_ns and why and left_ns <= closed_ns and left_why in ENDED_BY_LEAVING:
            return ENDED_BY_LEAVING[left_why]
        return "CUSTOMER_ENDED_CALL" if why == "participant_disconnected" else None

    def _learn(self, name: str, value: str | Agent | Customer, span: SpanRecord, end_ns: int) -> None:
        if (end_ns, span.span_id) >= _when(self._facts.get(name)):
            self._facts[name] = Fact(name, value, end_ns, span.span_id)


def _when(fact: Fact | None) -> tuple[int, int]:
    return (fact.time_ns, fact.span_id) if fact else (0, 0)


def own_id(attributes: Mapping[str, object], span_id: int) -> str | None:
    """What names the conversation of a session: the SID of its room and its span id, for rooms that have several."""
    room = _room_sid(attributes)
    return None if room is None else f"{room}-{span_id:016x}"


def _room_sid(attributes: Mapping[str, object]) -> str | None:
    """The room's SID. What the app may have named a conversation, or a room, is none."""
    if room := text(attributes.get(names.ROOM_SID)):
        return room
    others = (text(attributes.get(name)) for name in names.OTHER_ROOM_SIDS)
    return next((room for room in others if room and room.startswith("RM_")), None)
