"""Joins the parts of one conversation that several processes saw: one was killed, and its agent went on in another.

Bodies are JSON as it is sent. Pure.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel._model.finished import LOSSES
from roark_otel._model.latencies import response_latencies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Json = dict[str, Any]

_TIMED: Final = ("transcript", "toolInvocations")
_COUNTED: Final = ("interruptions", "roark_clamped", *LOSSES)
_INCOMPLETE: Final = "roark_incomplete"
_SILENT: Final = {
    (False, False): "PARTICIPANTS_DID_NOT_SPEAK",
    (False, True): "AGENT_DID_NOT_SPEAK",
    (True, False): "CUSTOMER_DID_NOT_SPEAK",
}
"""The status of a call by whether its agent and its customer spoke."""


def joined(parts: Sequence[bytes]) -> bytes:
    """Returns one call of several parts of it, which begins where the first one did.

    What only one part can say is the last one's: how the call ended, its recording, its properties.
    """
    calls = sorted(map(_parsed, parts), key=lambda call: (_started_ms(call), len(call.get("transcript", ()))))
    whole = calls[0]
    for call in calls[1:]:
        whole = _joined(whole, call)
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _joined(earlier: Json, later: Json) -> Json:
    if _repeats(earlier, later):
        return later
    shift = round(_started_ms(later) - _started_ms(earlier))
    call = {**earlier, **later, "startedAt": earlier.get("startedAt", later.get("startedAt"))}
    people = [_people(earlier, later, role) for role in ("agent", "customer")]
    for name in _TIMED:
        entries = [*_named(earlier, name, people), *_shifted(_named(later, name, people), shift)]
        if entries:
            call[name] = sorted(entries, key=_start_ms)
    for role, found in people:
        for name in (role, f"{role}s"):
            call.pop(name, None)
        if found:
            call[role if len(found) == 1 else f"{role}s"] = found[0] if len(found) == 1 else found
    call["properties"] = _properties(earlier, later, call)
    if _status_is_guessed(call):
        spoken = {entry.get("role") for entry in call.get("transcript", ())}
        status = _SILENT.get(("AGENT" in spoken, "CUSTOMER" in spoken))
        call.pop("endedStatus")
        call |= {} if status is None else {"endedStatus": status}
    return call


def _repeats(earlier: Json, later: Json) -> bool:
    """Returns whether a part has all of another: a process was killed as it joined what another one had left."""
    if earlier.get("startedAt") != later.get("startedAt"):
        return False
    return all(
        set(map(_identity, earlier.get(name, ()))) <= set(map(_identity, later.get(name, ()))) for name in _TIMED
    )


def _identity(entry: Mapping[str, Any]) -> tuple[object, ...]:
    return entry.get("name"), entry.get("role"), entry.get("text"), entry.get("startOffsetMs")


def _status_is_guessed(call: Json) -> bool:
    return call.get("endedStatus") in _SILENT.values()


def _shifted(entries: Sequence[Json], by_ms: int) -> list[Json]:
    offsets = ("startOffsetMs", "endOffsetMs")
    return [{**one, **{name: one[name] + by_ms for name in offsets if name in one}} for one in entries]


def _properties(earlier: Json, later: Json, call: Json) -> Json:
    first, last = _object(earlier, "properties"), _object(later, "properties")
    found = {**first, **last}
    if _INCOMPLETE not in last:
        found.pop(_INCOMPLETE, None)
    return {**found, **summed(first, last, _COUNTED), **response_latencies(_waits_ms(call.get("transcript", ())))}


def summed(first: Mapping[str, Any], last: Mapping[str, Any], names: Iterable[str]) -> Json:
    """Returns the sum of two parts for each of these properties that both count."""
    both = {name: (first.get(name), last.get(name)) for name in names}
    return {name: one + other for name, (one, other) in both.items() if isinstance(one, int) and isinstance(other, int)}


def _waits_ms(transcript: Sequence[Mapping[str, Any]]) -> list[int]:
    """Returns the waits from what the customer said to the agent's answer, sorted."""
    waits = [
        answer["startOffsetMs"] - asked.get("endOffsetMs", asked["startOffsetMs"])
        for asked, answer in pairwise(transcript)
        if (asked.get("role"), answer.get("role")) == ("CUSTOMER", "AGENT")
    ]
    return sorted(wait for wait in waits if wait >= 0)


# Participants


def _people(earlier: Json, later: Json, role: str) -> tuple[str, list[Json]]:
    """Returns the participants of both parts in this role, each once."""
    found: list[Json] = []
    for call in (earlier, later):
        for person in [_object(call, role), *call.get(f"{role}s", ())]:
            if person and person not in found:
                found.append(person)
    if len(found) > 1 and not all(map(_reference, found)):
        # An entry cannot refer to this one, so a call cannot list it beside another.
        found = [person for person in found if _reference(person)][-1:] or found[-1:]
    return role, found


def _reference(person: Mapping[str, Any]) -> Json:
    """Returns how an entry refers to a participant; nothing if it cannot."""
    for name in ("roarkId", "customId", "phoneNumberE164", "label"):
        if person.get(name) is not None:
            return {name: person[name]}
    return {}


def _named(call: Json, name: str, people: Sequence[tuple[str, list[Json]]]) -> list[Json]:
    """Returns the entries of a part; where the whole call has several participants, with those that they had alone."""
    entries: list[Json] = call.get(name, [])
    for role, found in people:
        if len(found) > 1 and (own := _reference(_object(call, role))):
            entries = [one if role in one or not _is_by(one, role) else {**one, role: own} for one in entries]
    return entries


def _is_by(entry: Mapping[str, Any], role: str) -> bool:
    """Returns whether this participant said it. Tools are the agent's."""
    return bool(entry.get("role", "AGENT") == role.upper())


# JSON


def _started_ms(call: Json) -> float:
    try:
        return datetime.fromisoformat(str(call.get("startedAt")).replace("Z", "+00:00")).timestamp() * 1000
    except ValueError:
        return 0.0


def _start_ms(entry: Mapping[str, Any]) -> int:
    return int(entry["startOffsetMs"])


def _object(call: Json, name: str) -> Json:
    found = call.get(name)
    return cast("Json", found) if isinstance(found, dict) else {}


def _parsed(body: bytes) -> Json:
    found: object = json.loads(body)
    return cast("Json", found) if isinstance(found, dict) else {}
