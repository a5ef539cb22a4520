"""Parts of one conversation that several processes saw are joined to one call."""

from __future__ import annotations

import json
from typing import Any

from roark_otel._model.latencies import LATENCIES
from roark_otel._spool.joining import joined

Json = dict[str, Any]

FIRST: Json = {
    "startedAt": "2026-11-22T11:52:44.000Z",
    "externalId": "call-1",
    "transcript": [
        {"startOffsetMs": 0, "endOffsetMs": 900, "role": "AGENT", "text": "Hello."},
        {"startOffsetMs": 1_000, "endOffsetMs": 2_000, "role": "CUSTOMER", "text": "Hi."},
    ],
    "toolInvocations": [{"name": "look_up", "parameters": {}, "result": "", "startOffsetMs": 2_000}],
    "properties": {"trace_id": "a1", "tier": "gold", "interruptions": 1, "roark_incomplete": True},
}
SECOND: Json = {
    "startedAt": "2026-11-22T11:53:44.000Z",
    "externalId": "call-1",
    "recordingUrl": "https://example.com/2.wav",
    "endedStatus": "CUSTOMER_DID_NOT_SPEAK",
    "transcript": [{"startOffsetMs": 500, "endOffsetMs": 800, "role": "AGENT", "text": "Where were we?"}],
    "properties": {"trace_id": "b2", "interruptions": 2},
}


def join(*parts: Json) -> Json:
    found: Json = json.loads(joined([json.dumps(part).encode() for part in parts]))
    return found


def starts(call: Json) -> list[tuple[str, int]]:
    return [(entry["text"], entry["startOffsetMs"]) for entry in call["transcript"]]


def test_the_call_begins_with_its_first_part_and_ends_as_its_last() -> None:
    call = join(SECOND, FIRST)
    assert call["startedAt"] == FIRST["startedAt"]
    assert starts(call) == [("Hello.", 0), ("Hi.", 1_000), ("Where were we?", 60_500)]
    assert call["transcript"][-1]["endOffsetMs"] == 60_800
    assert call["toolInvocations"] == FIRST["toolInvocations"]
    assert call["recordingUrl"] == SECOND["recordingUrl"]
    assert "roark_incomplete" not in call["properties"]


def test_counts_are_added() -> None:
    properties = join(FIRST, SECOND)["properties"]
    assert (properties["trace_id"], properties["tier"], properties["interruptions"]) == ("b2", "gold", 3)


def waiting(part: Json, waits: dict[int, int], *stated: int) -> Json:
    """Returns a part in which the customer waited, by when that began, and which states these latencies."""
    entries = [
        entry
        for at, wait in waits.items()
        for entry in (
            {"startOffsetMs": at - 500, "endOffsetMs": at, "role": "CUSTOMER", "text": "And?"},
            {"startOffsetMs": at + wait, "endOffsetMs": at + wait + 400, "role": "AGENT", "text": "So."},
        )
    ]
    latencies = dict(zip(LATENCIES, stated, strict=False))
    return {**part, "transcript": entries, "properties": {**part["properties"], **latencies}}


def latencies(call: Json) -> tuple[int, ...]:
    return tuple(call["properties"][name] for name in LATENCIES if name in call["properties"])


def test_nobody_measured_how_long_the_customer_waited_for_another_process() -> None:
    """Nor do two parts have latencies of which neither states any: their entries' ends may be filled in."""
    assert latencies(join(FIRST, SECOND)) == ()
    assert latencies(join(waiting(FIRST, {1_000: 300}), waiting(SECOND, {500: 400}))) == ()


def test_the_waits_of_both_parts_count() -> None:
    """They are counted again from the entries, up to what rounding to offsets changes."""
    first, second = waiting(FIRST, {1_000: 300, 9_000: 200}, 200, 301, 301), waiting(SECOND, {500: 400}, 400, 400, 400)
    assert latencies(join(first, second)) == (300, 400, 400)
    assert latencies(join(second, first)) == (300, 400, 400)


def test_an_end_that_is_filled_in_is_no_wait() -> None:
    """The entry before an answer lasts until that begins, if nobody knows its end."""
    first, second = waiting(FIRST, {1_000: 300, 9_000: 0}, 300, 300, 300), waiting(SECOND, {500: 400}, 400, 400, 400)
    assert latencies(join(first, second)) == (300, 400, 400)


def test_the_waits_of_the_only_part_that_has_some_stay() -> None:
    first, second = waiting(FIRST, {1_000: 300}, 300, 300, 300), waiting(SECOND, {500: 400})
    assert latencies(join(first, second)) == (300, 300, 300)
    assert latencies(join(waiting(FIRST, {}), waiting(SECOND, {500: 400}, 400, 400, 400))) == (400, 400, 400)


def test_of_waits_that_entries_do_not_show_only_the_longest_is_known() -> None:
    """Entries are left out where content is not captured, and some of the waits between them were not measured."""
    first, second = waiting(FIRST, {1_000: 300, 9_000: 0}, 300, 300, 300), waiting(SECOND, {500: 400}, 250, 400, 400)
    assert join(first, second)["properties"]["response_latency_max_ms"] == 400
    assert latencies(join(first, second)) == (400,)
    assert latencies(join(waiting(FIRST, {}, 7, 8, 9), waiting(SECOND, {}, 1, 2, 3))) == (9,)
    odd = {**second, "properties": dict.fromkeys(LATENCIES, "soon")}
    assert latencies(join(first, odd)) == ()


def test_what_is_missing_adds_up() -> None:
    """Each process counted what it had no room for; of what only one of them lost, its number stays."""
    first = {**FIRST, "properties": {"roark_dropped_spans": 3, "roark_dropped_events": 1}}
    second = {**SECOND, "properties": {"roark_dropped_spans": 4, "roark_unlinked": True}}
    lost = {"roark_dropped_spans": 7, "roark_dropped_events": 1}
    properties = join(first, second)["properties"]
    assert {name: properties[name] for name in lost} == lost
    third = {**SECOND, "startedAt": "2026-11-22T11:54:44.000Z", "properties": {"roark_dropped_events": "of the app"}}
    assert join(first, second, third)["properties"]["roark_dropped_events"] == "of the app"


def test_a_side_was_silent_only_if_both_parts_say_so() -> None:
    """A part that was cut off says of nobody that he was silent, with or without words."""
    assert "endedStatus" not in join(FIRST, SECOND)
    silent = {**FIRST, "transcript": FIRST["transcript"][:1]}
    assert "endedStatus" not in join(silent, SECOND)
    assert "endedStatus" not in join({**silent, "endedStatus": "AGENT_DID_NOT_SPEAK"}, SECOND)
    also = {**silent, "endedStatus": "CUSTOMER_DID_NOT_SPEAK"}
    assert join(also, SECOND)["endedStatus"] == "CUSTOMER_DID_NOT_SPEAK"
    assert join(also, SECOND, {**SECOND, "startedAt": "2026-11-22T11:54:44.000Z"})["endedStatus"] == (
        "CUSTOMER_DID_NOT_SPEAK"
    )
    assert "endedStatus" not in join(also, {name: SECOND[name] for name in SECOND if name != "endedStatus"})
    nobody = {"transcript": [], "endedStatus": "PARTICIPANTS_DID_NOT_SPEAK"}
    assert join({**FIRST, **nobody}, {**SECOND, **nobody})["endedStatus"] == "PARTICIPANTS_DID_NOT_SPEAK"
    assert join({**FIRST, **nobody}, SECOND)["endedStatus"] == "CUSTOMER_DID_NOT_SPEAK"
    assert join(FIRST, {**SECOND, "endedStatus": "AGENT_ERROR"})["endedStatus"] == "AGENT_ERROR"


def test_a_part_that_holds_another_repeats_nothing() -> None:
    """A process that was killed as it joined what another one left has left both."""
    both = join(FIRST, SECOND)
    assert join(FIRST, both) == both
    assert join(both, FIRST)["transcript"] == both["transcript"]


def test_the_parts_participants_are_told_apart() -> None:
    first = {**FIRST, "agent": {"name": "Ada", "customId": "ada"}, "customer": {"phoneNumberE164": "+15550100"}}
    second = {**SECOND, "agent": {"name": "Eve", "customId": "eve"}, "customer": {"phoneNumberE164": "+15550100"}}
    call = join(first, second)
    assert call["agents"] == [first["agent"], second["agent"]]
    assert call["customer"] == first["customer"]
    assert [entry.get("agent") for entry in call["transcript"]] == [{"customId": "ada"}, None, {"customId": "eve"}]
    assert call["toolInvocations"][0]["agent"] == {"customId": "ada"}


def test_an_agent_without_an_id_is_the_same_agent() -> None:
    call = join({**FIRST, "agent": {"name": "Ada"}}, {**SECOND, "agent": {"name": "Ada", "description": "x"}})
    assert call["agent"] == {"name": "Ada", "description": "x"}
