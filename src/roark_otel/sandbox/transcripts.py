"""`GET /v1/call/{id}/transcript`: the entries in order of time, and their speakers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel.sandbox.json_values import JsonObject, int_at, object_at, objects_at
from roark_otel.sandbox.rules import agents_of, customers_of, is_agent, is_customer
from roark_otel.sandbox.shapes import agent_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox.stored import CallRecord

# The posted transcript was written by the sender's own agent during the call.
POSTED_SOURCE = "CUSTOMER_AGENT_REALTIME"
SOURCES: tuple[str, ...] = ("ROARK_POST_CALL", "SIMULATION_AGENT_REALTIME", POSTED_SOURCE)


@dataclass(frozen=True, slots=True)
class _Participant:
    role: str
    listed: JsonObject
    wire: JsonObject


def transcript(record: CallRecord, source: str) -> JsonObject:
    """Makes the answer to `GET /v1/call/{id}/transcript`. Sources other than the posted one are always empty."""
    entries = objects_at(record.body, "transcript") if source == POSTED_SOURCE else []
    if not entries:
        return {"data": {"entries": [], "participants": [], "transcriptionSource": None}}
    participants = _participants(record, entries)
    ordered = sorted(entries, key=lambda entry: (int_at(entry, "startOffsetMs"), int_at(entry, "endOffsetMs")))
    return {
        "data": {
            "entries": [_entry(entry, participants) for entry in ordered],
            "participants": [participant.wire for participant in participants],
            "transcriptionSource": POSTED_SOURCE,
        }
    }


def _entry(entry: JsonObject, participants: list[_Participant]) -> JsonObject:
    return {
        "participantId": _speaker(entry, participants),
        "role": entry["role"],
        "text": entry["text"],
        "startOffsetMs": int_at(entry, "startOffsetMs"),
        "endOffsetMs": int_at(entry, "endOffsetMs"),
    }


def _speaker(entry: JsonObject, participants: list[_Participant]) -> object:
    same_role = [participant for participant in participants if participant.role == entry["role"]]
    matches: Callable[[JsonObject, JsonObject], bool] = is_agent if entry["role"] == "AGENT" else is_customer
    reference = object_at(entry, "agent" if entry["role"] == "AGENT" else "customer")
    # An entry without a reference belongs to the only participant of its role; among several its speaker is unknown.
    possible = [p for p in same_role if not reference or not p.listed or matches(p.listed, reference)]
    named = [p for p in possible if any(p.listed.get(key) == value for key, value in reference.items())]
    candidates = named or possible
    return candidates[0].wire["id"] if len(candidates) == 1 else None


def _participants(record: CallRecord, entries: list[JsonObject]) -> list[_Participant]:
    roles = {entry["role"] for entry in entries}
    agents = agents_of(record.body) or ([{}] if "AGENT" in roles else [])
    customers = customers_of(record.body) or ([{}] if "CUSTOMER" in roles else [])
    return [
        *(_agent(record, index, agent) for index, agent in enumerate(agents)),
        *(_customer(record, index, customer) for index, customer in enumerate(customers)),
    ]


def _agent(record: CallRecord, index: int, listed: JsonObject) -> _Participant:
    known = agent_id(record.project_id, listed) if listed else None
    return _Participant("AGENT", listed, {"id": f"{record.id}-agent-{index}", "type": "AGENT", "agentId": known})


def _customer(record: CallRecord, index: int, listed: JsonObject) -> _Participant:
    own_id = f"{record.id}-customer-{index}"
    known = own_id if listed else None
    return _Participant("CUSTOMER", listed, {"id": own_id, "type": "CUSTOMER", "customerId": known})
