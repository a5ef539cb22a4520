"""Joins the parts of one conversation that several processes saw: one was killed, and its agent went on in another.

Bodies are JSON as it is sent. Pure.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel._model.finished import LOSSES
from roark_otel._model.latencies import LATENCIES, response_latencies
from roark_otel._model.silence import silent_in, status_of
from roark_otel._spool.tool_entries import start_ms, with_later

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Json = dict[str, Any]

TIMED: Final = ("transcript", "toolInvocations")
"""The fields whose entries have offsets from the start of the call."""

_COUNTED: Final = ("interruptions", "roark_clamped", *LOSSES)
_INCOMPLETE: Final = "roark_incomplete"
_ROUNDED_MS: Final = 1
"""By how much a wait between two offsets may differ from the wait that was measured."""


def joined(parts: Sequence[bytes]) -> bytes:
    """Returns one call of several parts of it, which begins where the first one did.

    What only one part can say is the last one's: how the call ended, its recording, its properties. A side was silent
    only if every part says so.
    """
    calls = sorted(map(_parsed, parts), key=lambda call: (started_ms(call), len(call.get("transcript", ()))))
    whole = calls[0]
    for call in calls[1:]:
        whole = _joined(whole, call)
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _joined(earlier: Json, later: Json) -> Json:
    if _repeats(earlier, later):
        return later
    shift = round(started_ms(later) - started_ms(earlier))
    call = {**earlier, **later, "startedAt": earlier.get("startedAt", later.get("startedAt"))}
    people = [_people(earlier, later, role) for role in ("agent", "customer")]
    for name in TIMED:
        before, after = _named(earlier, name, people), shifted(_named(later, name, people), shift)
        if before or after:
            is_said = name == "transcript"
            call[name] = sorted([*before, *after], key=start_ms) if is_said else with_later(before, after)
    for role, found in people:
        for name in (role, f"{role}s"):
            call.pop(name, None)
        if found:
            call[role if len(found) == 1 else f"{role}s"] = found[0] if len(found) == 1 else found
    call["properties"] = _properties(earlier, later)
    if silent_in(call.get("endedStatus")):
        both = silent_in(earlier.get("endedStatus")) & silent_in(later.get("endedStatus"))
        claim_silence(call, both)
    return call


def claim_silence(call: Json, silent: frozenset[str]) -> None:
    """Makes a call say of these sides that they did not speak, unless an entry is theirs; of no side, if none is left.

    Args:
        call: A call, which is changed.
        silent: The roles of the sides.
    """
    status = status_of(silent - {entry.get("role") for entry in call.get("transcript", ())})
    call.pop("endedStatus", None)
    if status is not None:
        call["endedStatus"] = status


def _repeats(earlier: Json, later: Json) -> bool:
    """Returns whether a part has all of another: a process was killed as it joined what another one had left."""
    if earlier.get("startedAt") != later.get("startedAt"):
        return False
    return all(set(map(_identity, earlier.get(name, ()))) <= set(map(_identity, later.get(name, ()))) for name in TIMED)


def _identity(entry: Mapping[str, Any]) -> tuple[object, ...]:
    return entry.get("name"), entry.get("role"), entry.get("text"), entry.get("startOffsetMs")


def shifted(entries: Sequence[Json], by_ms: int) -> list[Json]:
    """Returns entries whose offsets count from a start that is earlier by so much."""
    offsets = ("startOffsetMs", "endOffsetMs")
    return [{**one, **{name: one[name] + by_ms for name in offsets if name in one}} for one in entries]


def _properties(earlier: Json, later: Json) -> Json:
    first, last = _object(earlier, "properties"), _object(later, "properties")
    found = {**first, **last}
    if _INCOMPLETE not in last:
        found.pop(_INCOMPLETE, None)
    if LATENCIES[-1] in first and LATENCIES[-1] in last:
        found = {name: value for name, value in found.items() if name not in LATENCIES} | _latencies(earlier, later)
    return {**found, **summed(first, last, _COUNTED)}


def summed(first: Mapping[str, Any], last: Mapping[str, Any], names: Iterable[str]) -> Json:
    """Returns the sum of two parts for each of these properties that both count."""
    both = {name: (first.get(name), last.get(name)) for name in names}
    return {name: one + other for name, (one, other) in both.items() if isinstance(one, int) and isinstance(other, int)}


def _latencies(earlier: Json, later: Json) -> dict[str, int]:
    """Returns the response latencies of two parts that both have some.

    Entries do not say which of their times were measured. So they count only where a part's entries give exactly the
    latencies that it states; else nothing but the longest wait is known of both.
    """
    parts = [(_object(part, "properties"), _waits_ms(part.get("transcript", ()))) for part in (earlier, later)]
    if all(_agree(stated, response_latencies(waits)) for stated, waits in parts):
        return response_latencies(sorted(wait for _, waits in parts for wait in waits))
    longest = [stated[LATENCIES[-1]] for stated, _ in parts]
    return {LATENCIES[-1]: max(longest)} if all(isinstance(one, int) for one in longest) else {}


def _agree(stated: Mapping[str, Any], counted: Mapping[str, int]) -> bool:
    """Returns whether latencies are those that a part states."""
    both = [(stated.get(name), counted.get(name)) for name in LATENCIES]
    return all(
        isinstance(one, int) and isinstance(other, int) and abs(one - other) <= _ROUNDED_MS for one, other in both
    )


def _waits_ms(transcript: Sequence[Mapping[str, Any]]) -> list[int]:
    """Returns the waits from what the customer said to the agent's answer, sorted.

    Where an entry ends just when the next one begins, its end was not measured.
    """
    waits = [
        answer["startOffsetMs"] - asked.get("endOffsetMs", answer["startOffsetMs"])
        for asked, answer in pairwise(transcript)
        if (asked.get("role"), answer.get("role")) == ("CUSTOMER", "AGENT")
    ]
    return sorted(wait for wait in waits if wait > 0)


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


def started_ms(call: Json) -> float:
    """Returns when a call began, in milliseconds since the epoch; 0 if it does not say."""
    try:
        return datetime.fromisoformat(str(call.get("startedAt")).replace("Z", "+00:00")).timestamp() * 1000
    except ValueError:
        return 0.0


def _object(call: Json, name: str) -> Json:
    found = call.get(name)
    return cast("Json", found) if isinstance(found, dict) else {}


def _parsed(body: bytes) -> Json:
    found: object = json.loads(body)
    return cast("Json", found) if isinstance(found, dict) else {}
