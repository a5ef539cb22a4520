"""Changes to the body of a call after linking: its recording, late moments, and fields that Roark does not take.

Bodies are JSON as it is sent. A change that cannot be made leaves the body as it is, or is None. Pure.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from roark_otel._model.field_paths import shown, steps_of
from roark_otel._model.finished import LOSSES
from roark_otel._model.silence import silent_in
from roark_otel._spool.joining import claim_silence, summed
from roark_otel._spool.tool_entries import is_half, with_later

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Json = dict[str, Any]

MAX_APPENDED = 500
"""The most tool invocations that go into one request to Roark's append endpoint."""

REQUIRED = frozenset({"recordingUrl", "startedAt", "interfaceType", "callDirection", "externalId"})
"""Fields that a call cannot do without. The API can do without the external id, but then nothing links the trace."""

_OPTIONAL_IN = {
    "transcript": frozenset({"languageCode", "payload", "agent", "customer"}),
    "toolInvocations": frozenset({"endOffsetMs", "description", "payload", "agent"}),
    "agents": frozenset({"endpoint", "prompt", "description", "customId"}),
    "customers": frozenset({"label"}),
}
"""Fields that an element of a list can do without; if another of its fields is wrong, the element goes."""


_FROM_SPANS = ("transcript", "toolInvocations", "agent", "agents", "customer", "customers")
"""Fields that come from a call's spans only, after which it is sent as it is."""


def recording_of(body: bytes) -> str | None:
    """Returns the URL of a call's recording; None if it has none."""
    if b'"recordingUrl"' not in body:
        return None  # to parse a long call holds the interpreter for milliseconds
    found = _parsed(body).get("recordingUrl")
    return found if isinstance(found, str) else None


def fields_of(body: bytes) -> frozenset[str]:
    """Returns the names of a body's fields."""
    return frozenset(_parsed(body))


def with_recording(body: bytes, url: str, *, is_fallback: bool = False) -> bytes:
    """Returns the call with this recording; a body that cannot be read as it is."""
    call = _parsed(body)
    if not call:
        return body
    call["recordingUrl"] = url
    if is_fallback:
        call["properties"] = {**_object(call, "properties"), "roark_recording": "fallback"}
    return _text(call)


def without_fields(body: bytes, paths: Iterable[str]) -> bytes | None:
    """Returns the call without the named fields, which it lists in a property; None if it needs one of them.

    Of a list the smallest part goes: an optional field of an element, else the element.
    """
    call = _parsed(body)
    named = [(path, steps_of(path)) for path in paths]
    if not named or any(not steps or steps[0] in REQUIRED for _, steps in named):
        return None
    doomed: set[tuple[str, int]] = set()
    for _, steps in named:
        if not _drop(call, steps, doomed):
            return None
    for name, index in sorted(doomed, reverse=True):
        del call[name][index]
    dropped = ", ".join(shown(path) for path, _ in named)
    call["properties"] = {**_object(call, "properties"), "roark_dropped_fields": dropped}
    return _text(call)


def _drop(call: Json, steps: Sequence[str], doomed: set[tuple[str, int]]) -> bool:
    """Drops the field at a path. Returns whether it was there. Elements that have to go are only added to `doomed`."""
    first = steps[0]
    if first not in call:
        return False
    if first == "properties" and len(steps) > 1:
        return _object(call, first).pop(steps[1], None) is not None
    known = _OPTIONAL_IN.get(first)
    if known is None or len(steps) == 1 or not steps[1].isdigit():
        inner = _object(call, first)
        if len(steps) > 1 and steps[1] in _OPTIONAL_IN.get(f"{first}s", ()) and steps[1] in inner:
            del inner[steps[1]]
        else:
            del call[first]
        return True
    index = int(steps[1])
    elements = call[first]
    if not isinstance(elements, list) or index >= len(cast("list[object]", elements)):
        return False
    if len(steps) > 2 and steps[2] in known and steps[2] in elements[index]:
        del elements[index][steps[2]]
    else:
        doomed.add((first, index))
    return True


def with_late_fields(body: bytes, late: Mapping[str, Any], again: Mapping[str, Any] | None = None) -> bytes:
    """Returns the call with moments and facts that came late. Its own fields stay; entries are sorted by their start.

    Args:
        body: The call.
        late: Fields of a call: `transcript`, `toolInvocations`, `properties`, `recordingUrl`, `endedStatus`.
        again: The call as it was made again from all of its spans. If nothing that was said or done is missing in it,
            its entries and participants replace those of the call. Its other fields are not used: a recording or a
            property may have come from elsewhere. How much is missing is the sum of what both say. That a side did not
            speak stays only if it is said again, and nothing that came late is this side's.
    """
    call = _parsed(body)
    silent = silent_in(call.get("endedStatus"))
    if again is not None:
        silent &= silent_in(again.get("endedStatus"))
    if again is not None and _has_all(again, call):
        others = {name: value for name, value in call.items() if name not in _FROM_SPANS}
        call = {**others, **{name: again[name] for name in _FROM_SPANS if name in again}}
        late = {name: value for name, value in late.items() if name not in _FROM_SPANS}
    known = {_identity(one) for one in call.get("transcript", ())}
    if new := [_of_call(one, call) for one in late.get("transcript", ()) if _identity(one) not in known]:
        call["transcript"] = sorted([*call.get("transcript", ()), *new], key=lambda one: one["startOffsetMs"])
    if used := [_of_call(one, call) for one in late.get("toolInvocations", ())]:
        call["toolInvocations"] = with_later(call.get("toolInvocations", ()), used)
    of_late, of_call = _object(late, "properties"), _object(call, "properties")
    if properties := {**of_late, **of_call, **summed(of_late, of_call, LOSSES)}:
        call["properties"] = properties
    if silent_in(call.get("endedStatus")):
        claim_silence(call, silent)
    if "endedStatus" in late:
        call["endedStatus"] = late["endedStatus"]
    for name in ("recordingUrl", "stereoRecordingUrl"):
        if name in late:
            call.setdefault(name, late[name])
    return _text(call)


def divided(late: Mapping[str, Any]) -> tuple[list[Json], Json]:
    """Returns the tool invocations that can be appended to a call that was sent, and the fields that cannot.

    A result without its call cannot: the call may have been sent, and Roark would take it for another use.
    """
    # Without the agent: the participants of a call that was sent are final, and Roark would not know this one.
    used: list[Json] = [dict(one) for one in late.get("toolInvocations", ())]
    tools = [{name: value for name, value in one.items() if name != "agent"} for one in used if not is_half(one)]
    halves = [one for one in used if is_half(one)]
    rest = {name: value for name, value in late.items() if name != "toolInvocations"}
    return tools, {**rest, "toolInvocations": halves} if halves else rest


def appendable(tools: Sequence[Json]) -> list[bytes]:
    """Returns the bodies of the requests that append late tool invocations to a call that was sent."""
    return [_text({"toolInvocations": tools[at : at + MAX_APPENDED]}) for at in range(0, len(tools), MAX_APPENDED)]


def _has_all(again: Mapping[str, Any], call: Json) -> bool:
    """Returns whether a call begins as another, and has all that was said and done in it."""
    if again.get("startedAt") != call.get("startedAt"):
        return False
    return not (_said(call) - _said(again) or _used(call) - _used(again))


def _said(call: Mapping[str, Any]) -> Counter[tuple[object, ...]]:
    return Counter((one.get("role"), one.get("text")) for one in call.get("transcript", ()))


def _used(call: Mapping[str, Any]) -> Counter[object]:
    """Returns how often each tool was used. A result of none of them may turn out to be one of them."""
    return Counter(one.get("name") for one in call.get("toolInvocations", ()) if not is_half(one))


def _identity(one: Mapping[str, Any]) -> tuple[object, ...]:
    return one.get("role"), one.get("text"), one.get("startOffsetMs")


def _of_call(one: Mapping[str, Any], call: Json) -> Json:
    """Returns a late entry, without a speaker whom the call does not list."""
    kept = dict(one)
    for role, ids in (("agent", ("customId", "roarkId")), ("customer", ("label", "phoneNumberE164"))):
        if role in kept:
            listed = [_object(call, role), *call.get(f"{role}s", ())]
            if not any(kept[role].get(key) == person.get(key) is not None for person in listed for key in ids):
                del kept[role]
    return kept


def _object(call: Mapping[str, Any], name: str) -> Json:
    found = call.get(name)
    return cast("Json", found) if isinstance(found, dict) else {}


def _parsed(body: bytes) -> Json:
    """Parses the fields of a body; a body that is not a JSON object, which this package never writes, has none."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def _text(call: Json) -> bytes:
    return json.dumps(call, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
