"""Changes to a body after linking."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._spool.body import appendable, divided, recording_of, with_late_fields, with_recording, without_fields

CALL: dict[str, Any] = {
    "recordingUrl": "https://example.com/a.wav",
    "startedAt": "2026-01-31T09:30:00.000Z",
    "interfaceType": "PHONE",
    "callDirection": "INBOUND",
    "externalId": "call-1",
    "transcript": [
        {"role": "AGENT", "text": "Grüß Gott", "startOffsetMs": 0, "endOffsetMs": 900, "languageCode": "xx"},
        {"role": "CUSTOMER", "text": "Hello", "startOffsetMs": 1000, "endOffsetMs": 1900},
    ],
    "toolInvocations": [{"name": "find", "parameters": {}, "result": "", "startOffsetMs": 5, "description": "Finds."}],
    "properties": {"shop": "Lakeside", "trace_id": "a1"},
    "agent": {"name": "Desk", "customId": "desk", "prompt": {"resolvedPrompt": "Be kind."}},
    "customers": [{"phoneNumberE164": "+15550100", "label": "A"}, {"phoneNumberE164": None}],
    "endedStatus": "UNKNOWN",
}
BODY = json.dumps(CALL, ensure_ascii=False).encode()


def reduced(*paths: str) -> dict[str, Any] | None:
    found = without_fields(BODY, paths)
    return None if found is None else json.loads(found)


def dropped(path: str, **expected: Any) -> None:
    """Asserts that dropping a path changes only what is expected."""
    properties = {**expected.pop("properties", CALL["properties"]), "roark_dropped_fields": path}
    wanted = {
        name: value for name, value in {**CALL, **expected, "properties": properties}.items() if value is not None
    }
    assert reduced(path) == wanted


def test_an_optional_field_is_dropped_as_a_whole() -> None:
    dropped("endedStatus", endedStatus=None)
    dropped("agent", agent=None)
    dropped("agent.name", agent=None)
    dropped("transcript", transcript=None)


def test_inside_a_field_the_smallest_part_is_dropped() -> None:
    first, second = CALL["transcript"]
    plain = {name: value for name, value in first.items() if name != "languageCode"}
    dropped("transcript[0].languageCode", transcript=[plain, second])
    dropped("transcript.0.languageCode", transcript=[plain, second])
    dropped("transcript[0].text", transcript=[second])
    dropped("transcript[1]", transcript=[first])
    dropped("agent.prompt", agent={"name": "Desk", "customId": "desk"})
    dropped("agent.prompt.resolvedPrompt", agent={"name": "Desk", "customId": "desk"})
    dropped("customers[0].label", customers=[{"phoneNumberE164": "+15550100"}, {"phoneNumberE164": None}])
    dropped("properties.shop", properties={"trace_id": "a1"})


def test_several_elements_are_dropped_by_their_original_index() -> None:
    found = reduced("transcript[0].text", "transcript[1].role", "toolInvocations[0].description")

    assert found is not None
    assert found["transcript"] == []
    assert "description" not in found["toolInvocations"][0]
    assert found["properties"]["roark_dropped_fields"] == (
        "transcript[0].text, transcript[1].role, toolInvocations[0].description"
    )


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["recordingUrl"],
        ["externalId"],
        ["endedStatus", "startedAt"],
        ["nothing"],
        [""],
        ["transcript[7].text"],
        ["properties.none"],
    ],
)
def test_a_field_that_is_required_or_absent_is_not_dropped(paths: list[str]) -> None:
    assert without_fields(BODY, paths) is None


@given(st.binary(max_size=60), st.lists(st.text(max_size=30), max_size=4))
def test_no_answer_of_a_server_breaks_it(body: bytes, paths: list[str]) -> None:
    without_fields(body, paths)
    without_fields(BODY, paths)
    recording_of(body)


@given(st.lists(st.sampled_from(["transcript", "agent", "customers", "properties", "0", "1", "9", "text"]), max_size=5))
def test_no_path_breaks_it(steps: list[str]) -> None:
    without_fields(BODY, [".".join(steps)])


def test_a_recording_is_added() -> None:
    without = json.dumps({name: value for name, value in CALL.items() if name != "recordingUrl"}).encode()

    assert recording_of(without) is None
    assert json.loads(with_recording(without, "https://example.com/b.wav")) == {
        **CALL,
        "recordingUrl": "https://example.com/b.wav",
    }
    assert json.loads(with_recording(without, "x", is_fallback=True))["properties"]["roark_recording"] == "fallback"


def test_late_entries_are_sorted_in_and_not_repeated() -> None:
    late = {
        "transcript": [
            {**CALL["transcript"][1]},
            {"role": "AGENT", "text": "Hm", "startOffsetMs": 950, "endOffsetMs": 960},
        ],
        "toolInvocations": [{"name": "ship", "parameters": {}, "result": "", "startOffsetMs": 1}],
        "properties": {"shop": "Other", "late": True},
        "recordingUrl": "https://example.com/late.wav",
        "endedStatus": "AGENT_ENDED_CALL",
    }
    found = json.loads(with_late_fields(BODY, late))

    assert [entry["text"] for entry in found["transcript"]] == ["Grüß Gott", "Hm", "Hello"]
    assert [tool["name"] for tool in found["toolInvocations"]] == ["ship", "find"]
    assert found["properties"] == {"shop": "Lakeside", "trace_id": "a1", "late": True}
    assert (found["recordingUrl"], found["endedStatus"]) == (CALL["recordingUrl"], "AGENT_ENDED_CALL")


def test_a_late_speaker_whom_the_call_does_not_list_is_not_named() -> None:
    said = {"role": "AGENT", "text": "Hm", "startOffsetMs": 1, "endOffsetMs": 2}
    late = {"transcript": [{**said, "agent": {"customId": "desk"}}, {**said, "text": "Ah", "agent": {"customId": "x"}}]}
    found = {entry["text"]: entry for entry in json.loads(with_late_fields(BODY, late))["transcript"]}

    assert found["Hm"]["agent"] == {"customId": "desk"}
    assert "agent" not in found["Ah"]


AGAIN: dict[str, Any] = {
    **CALL,
    "transcript": [
        {"role": "AGENT", "text": "Hm", "startOffsetMs": 1, "endOffsetMs": 2},
        *[{**entry, "endOffsetMs": entry["startOffsetMs"] + 7} for entry in CALL["transcript"]],
    ],
    "properties": {"shop": "Other", "new": 1},
    "recordingUrl": "https://example.com/late.wav",
    "endedStatus": "AGENT_ERROR",
}


def test_of_a_call_made_again_entries_and_participants_are_taken() -> None:
    """What may have come from elsewhere, such as its recording, stays."""
    late = {"transcript": [{**AGAIN["transcript"][0], "endOffsetMs": 9}], "properties": {"late": True}}
    found = json.loads(with_late_fields(BODY, late, AGAIN))

    assert found == {
        **CALL,
        "transcript": AGAIN["transcript"],
        "properties": {"late": True, **CALL["properties"]},
    }


@pytest.mark.parametrize(
    "lesser",
    [
        {"transcript": AGAIN["transcript"][:-1]},
        {"toolInvocations": []},
        {"startedAt": "2026-01-01T00:00:00.000Z"},
    ],
)
def test_a_call_made_again_that_lacks_something_is_not_taken(lesser: dict[str, Any]) -> None:
    late = {"transcript": AGAIN["transcript"][:1]}

    assert with_late_fields(BODY, late, {**AGAIN, **lesser}) == with_late_fields(BODY, late)


SILENT: dict[str, Any] = {
    **CALL,
    "transcript": [{"role": "AGENT", "text": "Hello?", "startOffsetMs": 0, "endOffsetMs": 9}],
    "endedStatus": "CUSTOMER_DID_NOT_SPEAK",
}


@pytest.mark.parametrize(
    ("late", "again", "status"),
    [
        ({"properties": {"late": True}}, None, "CUSTOMER_DID_NOT_SPEAK"),
        ({"transcript": [{**SILENT["transcript"][0], "startOffsetMs": 40}]}, None, "CUSTOMER_DID_NOT_SPEAK"),
        ({"transcript": [{**SILENT["transcript"][0], "role": "CUSTOMER"}]}, None, None),
        ({}, {**SILENT}, "CUSTOMER_DID_NOT_SPEAK"),
        ({}, {**SILENT, "endedStatus": "PARTICIPANTS_DID_NOT_SPEAK"}, "CUSTOMER_DID_NOT_SPEAK"),
        ({}, {**SILENT, "endedStatus": "AGENT_DID_NOT_SPEAK"}, None),
        ({}, {**SILENT, "endedStatus": "AGENT_ERROR"}, None),
        ({}, {name: value for name, value in SILENT.items() if name != "endedStatus"}, None),
        ({"endedStatus": "CUSTOMER_ENDED_CALL"}, {**SILENT}, "CUSTOMER_ENDED_CALL"),
    ],
)
def test_what_comes_late_takes_back_that_a_side_was_silent(
    late: dict[str, Any], again: dict[str, Any] | None, status: str | None
) -> None:
    """Late words of a side do, and a call that is made again from all spans without that claim: it may lack content."""
    found = json.loads(with_late_fields(json.dumps(SILENT).encode(), late, again))

    assert found.get("endedStatus") == status


def test_late_words_of_one_side_leave_the_other_silent() -> None:
    silent = {name: value for name, value in SILENT.items() if name != "transcript"}
    body = json.dumps({**silent, "endedStatus": "PARTICIPANTS_DID_NOT_SPEAK"}).encode()
    late = {"transcript": SILENT["transcript"]}

    assert json.loads(with_late_fields(body, late))["endedStatus"] == "CUSTOMER_DID_NOT_SPEAK"


def test_appended_tools_name_no_agent_and_come_in_pieces() -> None:
    one = {"name": "ship", "parameters": {}, "result": "", "startOffsetMs": 1, "agent": {"customId": "x"}}
    tools, rest = divided({"toolInvocations": [one] * 1_001})
    pieces = [json.loads(body)["toolInvocations"] for body in appendable(tools)]

    assert [len(piece) for piece in pieces] == [500, 500, 1]
    assert "agent" not in pieces[0][0]
    assert rest == {}
    assert divided({"transcript": []}) == ([], {"transcript": []})
    assert appendable([]) == []
