"""What LiveKit's spans say of the call as a whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._model.moments import Agent, Customer, Fact
from roark_otel._model.reading import flag, text
from roark_otel._model.rows import events_of
from roark_otel._model.times import time_ns
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.names import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roark_otel._model.rows import Row

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

CLOSED_BY_THE_APP: Final = frozenset({"", "job_shutdown", "user_initiated"})
"""Close reasons by which a session ends that its own agent wanted to end; before 1.8.2 there are none."""

END_CALL: Final = "end_call"
"""LiveKit's own tool by which an agent ends the call, `EndCallTool`."""

VOICE_MAIL: Final = "machine-vm"
"""What LiveKit's answering machine detection calls a voice mail."""

When: TypeAlias = "tuple[int, int]"
"""When a span ended, in ns since the epoch, and its id."""

NEVER: Final = (0, 0)

OF_ROOMS: Final = frozenset({names.ROOM_SID, *names.OTHER_ROOM_SIDS, *names.ROOM_NAME})
"""The attributes that say which room it is."""

_INTERFACES = {"SIP": "PHONE", "STANDARD": "WEB"}
_SIP_IDENTITY = re.compile(r"sip_(\+[1-9]\d{5,14})")


class KnownCall:
    """Gathers the facts of a call, in any order of spans: of one fact the span that ended last counts."""

    __slots__ = (*("_answered_by", "_close", "_facts", "_last_tool", "_left", "_session", "_web", "_worker"),)

    def __init__(self) -> None:
        self._facts: dict[str, tuple[When, str | Agent | Customer]] = {}
        self._web: When | None = None
        self._session = NEVER
        self._close = (NEVER, 0, "")
        self._left = (0, "")
        self._worker = (NEVER, "")
        self._answered_by = (NEVER, "")
        self._last_tool = (NEVER, "", False)

    def read_room(self, attributes: Mapping[str, object], when: When) -> None:
        """Takes in which room it is, as any span that has an attribute `OF_ROOMS` may say."""
        if room := _room_sid(attributes):
            self._learn("livekit_room_id", room, when)
        if room_name := words(attributes, names.ROOM_NAME):
            self._learn("livekit_room_name", room_name, when)

    def read_participant(self, attributes: Mapping[str, object], when: When) -> None:
        """Takes in who the customer is, of a span that says which kind of participant."""
        kind = text(attributes.get(names.PARTICIPANT_KIND)) or ""
        interface = _INTERFACES.get(kind.removeprefix(names.KIND_PREFIX))
        if interface == "WEB":
            self._web = when if self._web is None else max(when, self._web)
        if interface == "PHONE":
            self._learn("interface_type", "PHONE", when)
            if number := _SIP_IDENTITY.fullmatch(words(attributes, names.PARTICIPANT_IDENTITY) or ""):
                self._learn("customer", Customer(phone_number=number[1]), when)

    def read_session(self, row: Row, attributes: Mapping[str, object], when: When) -> None:
        """Takes in what the span of the session says."""
        self._session = max(self._session, when)
        if names.PARTICIPANT_KIND in attributes:
            self.read_participant(attributes, when)
        if name := text(attributes.get(names.WORKER_AGENT_NAME)):
            self._learn("agent", Agent(name=name), when)
        if any(key.startswith(names.SIP_PREFIXES) for key in attributes):
            inbound = text(attributes.get(names.SIP_RULE_ID))
            self._learn("interface_type", "PHONE", when)
            self._learn("call_direction", "INBOUND" if inbound else "OUTBOUND", when)
        if phone := words(attributes, names.SIP_PHONE_NUMBER):
            self._learn("customer", Customer(phone_number=phone), when)
        for event in events_of(row):
            at, why = time_ns(event.time_ns), text(event.attributes.get(names.DISCONNECT_REASON))
            if event.name == names.PARTICIPANT_DISCONNECTED and at is not None and why:
                self._left = max(self._left, (at, why))

    def read_job(self, attributes: Mapping[str, object], when: When) -> None:
        """Takes in what the app calls its worker: in Node.js only the span of the job says so."""
        if name := text(attributes.get(names.WORKER_AGENT_NAME)):
            self._worker = max(self._worker, (when, name))

    def read_close(self, attributes: Mapping[str, object], start_ns: int, when: When) -> None:
        """Takes in why the session was closed."""
        if why := text(attributes.get(names.CLOSE_REASON)):
            self._close = max(self._close, (when, start_ns, why))

    def read_shutdown(self, attributes: Mapping[str, object], when: When) -> None:
        """Takes in why the job was shut down."""
        if status := ENDED_BY_SHUTDOWN.get(text(attributes.get(names.SHUTDOWN_REASON)) or ""):
            self._learn("ended_status", status, when)

    def read_amd(self, attributes: Mapping[str, object], when: When) -> None:
        """Takes in who or what answered the call."""
        if category := text(attributes.get(names.AMD_CATEGORY)):
            self._answered_by = max(self._answered_by, (when, category))

    def read_tool(self, attributes: Mapping[str, object], when: When) -> None:
        """Takes in which tool ran last, and whether it failed."""
        name, failed = text(attributes.get(names.TOOL_NAME)), flag(attributes.get(names.TOOL_IS_ERROR))
        self._last_tool = max(self._last_tool, (when, name or "", failed is True))

    def facts(self, latest: When, agent: str | None, *, several: bool, framework: str) -> Iterator[Fact]:
        """Yields everything known. Of several agents none is the agent of the call.

        Args:
            latest: When the span that ended last did, and its id.
            agent: What spans call the only agent. What the app named its worker comes first: an agent that the app
                gave no name bears that of its class.
            several: Whether there are several agents.
            framework: The package that wrote the spans.
        """
        found = dict(self._facts)
        if latest[0]:
            found["property.framework"] = latest, framework
        if several:
            found.pop("agent", None)
        elif "agent" not in found and (name := (self._worker[1] if self._session[1] else "") or agent):
            # It is a fact of the session, also where the job says it: another span would make it another agent.
            found["agent"] = self._session, Agent(name=name)
        if (room := found.get("livekit_room_id")) and self._session[1]:
            found["own_id"] = self._session, f"{room[1]}-{self._session[1]:016x}"
        if self._web and "interface_type" not in found:
            found["interface_type"] = self._web, "WEB"
        if "ended_status" not in found and (status := self._ended_status()):
            found["ended_status"] = max(self._close[0], self._session), status
        for name, (when, value) in found.items():
            yield Fact(name, value, *when)

    def _ended_status(self) -> str | None:
        _, closed_ns, why = self._close
        if why == "error":
            return ENDED_BY_CLOSE[why]
        if self._answered_by[1] == VOICE_MAIL:
            return "VOICE_MAIL_REACHED"
        if status := ENDED_BY_CLOSE.get(why):
            return status
        left_ns, left_why = self._left
        if left_ns and why and left_ns <= closed_ns and left_why in ENDED_BY_LEAVING:
            return ENDED_BY_LEAVING[left_why]
        if self._last_tool[1:] == (END_CALL, False) and self._session != NEVER and why in CLOSED_BY_THE_APP:
            return "AGENT_ENDED_CALL"
        return "CUSTOMER_ENDED_CALL" if why == "participant_disconnected" else None

    def _learn(self, name: str, value: str | Agent | Customer, when: When) -> None:
        known = self._facts.get(name)
        if known is None or when >= known[0]:
            self._facts[name] = when, value


def own_id(attributes: Mapping[str, object], span_id: int) -> str | None:
    """Returns the name of a session's conversation: its room's SID and its span id, for rooms that have several."""
    room = _room_sid(attributes)
    return None if room is None else f"{room}-{span_id:016x}"


def _room_sid(attributes: Mapping[str, object]) -> str | None:
    """Returns the room's SID. The app's own name of a conversation, or of a room, is not one."""
    if room := text(attributes.get(names.ROOM_SID)):
        return room
    others = (text(attributes.get(name)) for name in names.OTHER_ROOM_SIDS)
    return next((room for room in others if room and room.startswith("RM_")), None)
