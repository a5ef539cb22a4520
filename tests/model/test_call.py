"""The wire models: which calls are valid, and how they are written."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from roark_analytics.types import call_create_params
from typing_extensions import get_type_hints

from roark_otel._model import enums
from roark_otel._model.call import (
    AgentByCustomId,
    AgentByName,
    AgentByRoarkId,
    AgentEntry,
    Call,
    CallCustomer,
    CustomerEntry,
    EndpointById,
    EndpointByValue,
    ToolInvocation,
    UnrecordedCall,
)
from support.paths import SNAPSHOTS

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]

LEAST: Json = {
    "recordingUrl": "https://example.com/a.wav",
    "startedAt": "2026-01-31T09:30:00.000Z",
    "interfaceType": "PHONE",
    "callDirection": "INBOUND",
    "externalId": "call-1",
}
SAID: Json = {"role": "AGENT", "text": "Hello.", "startOffsetMs": 0, "endOffsetMs": 10}
USED: Json = {"name": "look_up", "parameters": {}, "result": "", "startOffsetMs": 5}


def written(body: Json) -> Json:
    """Reads a body and writes it again."""
    found: Json = json.loads(Call.model_validate(body).to_json())
    return found


def without(body: Json, *names: str) -> Json:
    return {name: value for name, value in body.items() if name not in names}


# Required fields


@pytest.mark.parametrize("name", sorted(LEAST))
def test_a_call_needs_all_its_required_fields(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Call.model_validate(without(LEAST, name))


@pytest.mark.parametrize("name", sorted(SAID))
def test_an_entry_needs_all_its_required_fields(name: str) -> None:
    with pytest.raises(ValidationError, match="transcript"):
        Call.model_validate({**LEAST, "transcript": [without(SAID, name)]})


@pytest.mark.parametrize("name", sorted(USED))
def test_a_tool_invocation_needs_all_its_required_fields(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Call.model_validate({**LEAST, "toolInvocations": [without(USED, name)]})


def test_an_unrecorded_call_lacks_only_its_recording() -> None:
    waiting = UnrecordedCall.model_validate(without(LEAST, "recordingUrl"))

    assert without(LEAST, "recordingUrl") == json.loads(waiting.to_json())
    assert written({**json.loads(waiting.to_json()), "recordingUrl": LEAST["recordingUrl"]}) == LEAST


# Fields that exclude each other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"agent": {"name": "a"}}, {"agents": [{"name": "b"}]}),
        ({"customer": {"phoneNumberE164": None}}, {"customers": [{"phoneNumberE164": None}]}),
        ({"vapiCallId": "v"}, {"livekitRoomId": "RM_1"}),
    ],
)
def test_a_call_has_at_most_one_field_of_each_pair(one: Json, other: Json) -> None:
    assert written({**LEAST, **one}) == {**LEAST, **one}
    assert written({**LEAST, **other}) == {**LEAST, **other}
    with pytest.raises(ValidationError, match="exclude each other"):
        Call.model_validate({**LEAST, **one, **other})


def test_an_entry_of_an_agent_names_an_agent_and_one_of_a_customer_a_customer() -> None:
    customer: Json = {**SAID, "role": "CUSTOMER", "customer": {"label": "caller"}}
    agent: Json = {**SAID, "agent": {"customId": "a"}}

    assert written({**LEAST, "transcript": [agent, customer]})["transcript"] == [agent, customer]
    for wrong in ({**customer, "role": "AGENT"}, {**agent, "role": "CUSTOMER"}, {**SAID, "role": "agent"}):
        with pytest.raises(ValidationError):
            Call.model_validate({**LEAST, "transcript": [wrong]})


@pytest.mark.parametrize("part", ["", "transcript", "toolInvocations", "agent", "customer"])
def test_unknown_fields_are_refused(part: str) -> None:
    parts = {"transcript": [SAID], "toolInvocations": [USED], "agent": {"name": "a"}, "customer": {"label": "c"}}
    body: Json = {**LEAST, part: parts[part]} if part else dict(LEAST)
    spoilt: Any = body[part] if part else body
    (spoilt[0] if isinstance(spoilt, list) else spoilt)["unknown"] = 1
    try:
        with pytest.raises(ValidationError):
            Call.model_validate(body)
    finally:
        (spoilt[0] if isinstance(spoilt, list) else spoilt).pop("unknown")


# Values


@pytest.mark.parametrize(("length", "fits"), [(0, False), (1, True), (255, True), (256, False)])
def test_an_external_id_has_1_to_255_characters(length: int, fits: bool) -> None:
    body = {**LEAST, "externalId": "ü" * length}
    if fits:
        assert written(body) == body
        return
    with pytest.raises(ValidationError, match="externalId"):
        Call.model_validate(body)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("interfaceType", enums.INTERFACE_TYPES),
        ("callDirection", enums.CALL_DIRECTIONS),
        ("endedStatus", enums.ENDED_STATUSES),
    ],
)
def test_other_values_of_the_closed_sets_are_refused(name: str, ours: frozenset[str]) -> None:
    for value in ours:
        assert written({**LEAST, name: value})[name] == value
    others: list[Any] = [sorted(ours)[0].lower(), "", "BORED", None, 1]
    for value in others:
        if name == "endedStatus" and value is None:
            continue
        with pytest.raises(ValidationError, match=name):
            Call.model_validate({**LEAST, name: value})


def test_the_closed_sets_are_those_of_the_official_sdk() -> None:
    hints = get_type_hints(call_create_params.CallCreateParams)

    assert set(get_args(hints["interface_type"])) == enums.INTERFACE_TYPES
    assert set(get_args(hints["call_direction"])) == enums.CALL_DIRECTIONS
    assert set(get_args(hints["ended_status"])) == enums.ENDED_STATUSES


@pytest.mark.parametrize(
    ("number", "fits"),
    [
        ("+15550100", True),
        ("+4915550100", True),
        ("+123456789012345", True),
        ("+1234567890123456", False),
        ("15550100", False),
        ("+05550100", False),
        ("+1 555 0100", False),
        ("+1555-0100", False),
        ("+1", False),
        ("+12", True),
        ("", False),
        ("+15550100\n", False),
        ("+1555\u0660\u0661\u0660\u0660", False),
        ("anonymous", False),
    ],
)
def test_a_phone_number_is_e164(number: str, fits: bool) -> None:
    body = {**LEAST, "customer": {"phoneNumberE164": number}}
    if fits:
        assert written(body) == body
        return
    with pytest.raises(ValidationError, match="phoneNumberE164"):
        Call.model_validate(body)


def test_an_unknown_number_is_sent_as_null() -> None:
    """Roark requires the field, and accepts null."""
    body = {**LEAST, "customers": [{"phoneNumberE164": None, "label": "a"}, {"phoneNumberE164": None}]}

    assert written(body) == body
    with pytest.raises(ValidationError, match="phoneNumberE164"):
        Call.model_validate({**LEAST, "customer": {"label": "a"}})


@pytest.mark.parametrize("name", ["recordingUrl", "stereoRecordingUrl"])
@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://example.com/a.wav?signature=a%20b&x=1#t=2", True),
        ("http://192.0.2.1:8080/a", True),
        ("https://[2001:db8::1]/a.wav", True),
        ("https://example.com/grüß.wav", True),
        ("example.com/a.wav", False),
        ("/a.wav", False),
        ("s3://bucket/a.wav", False),
        ("file:///a.wav", False),
        ("https://", False),
        ("https:///a.wav", False),
        ("https://example.com/a b.wav", False),
        ("https://example.com/a\n.wav", False),
        ("https://[2001:db8::1/a.wav", False),
        ("", False),
    ],
)
def test_a_recording_needs_an_absolute_http_url(name: str, url: str, fits: bool) -> None:
    if fits:
        assert written({**LEAST, name: url})[name] == url
        return
    with pytest.raises(ValidationError, match=name):
        Call.model_validate({**LEAST, name: url})


@pytest.mark.parametrize("offset", [-1, 0.5, 1.0, "1", None, True])
@pytest.mark.parametrize("name", ["startOffsetMs", "endOffsetMs"])
def test_an_offset_is_a_whole_number_of_milliseconds_from_the_start(name: str, offset: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Call.model_validate({**LEAST, "transcript": [{**SAID, name: offset}]})


def test_an_entry_does_not_end_before_it_starts() -> None:
    at_once = {**SAID, "startOffsetMs": 7, "endOffsetMs": 7}

    assert written({**LEAST, "transcript": [at_once]})["transcript"] == [at_once]
    with pytest.raises(ValidationError, match="endOffsetMs must not be before startOffsetMs"):
        Call.model_validate({**LEAST, "transcript": [{**SAID, "startOffsetMs": 11}]})


def test_a_tool_does_not_end_before_it_starts() -> None:
    with pytest.raises(ValidationError, match="endOffsetMs must not be before startOffsetMs"):
        Call.model_validate({**LEAST, "toolInvocations": [{**USED, "endOffsetMs": 4}]})


@pytest.mark.parametrize("result", [1, True, None, [1], 1.5])
def test_a_tool_result_is_an_object_or_text(result: object) -> None:
    with pytest.raises(ValidationError, match="result"):
        Call.model_validate({**LEAST, "toolInvocations": [{**USED, "result": result}]})


@pytest.mark.parametrize("parameters", [[], "{}", None, 1])
def test_tool_parameters_are_an_object(parameters: object) -> None:
    with pytest.raises(ValidationError, match="parameters"):
        Call.model_validate({**LEAST, "toolInvocations": [{**USED, "parameters": parameters}]})


@pytest.mark.parametrize("value", [None, [1], {"a": 1}])
def test_a_property_is_a_scalar(value: object) -> None:
    with pytest.raises(ValidationError, match="properties"):
        Call.model_validate({**LEAST, "properties": {"a": value}})


@pytest.mark.parametrize("value", ["1", "true", "", True, False, 1, 0, 1.5, -3, 10**12])
def test_a_property_keeps_its_type(value: object) -> None:
    """A property has the type that it first had in the project, so 1 must not become true or "1"."""
    found = written({**LEAST, "properties": {"a": value}})["properties"]["a"]

    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("started_at", "sent"),
    [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000Z"),
        ("2026-01-31T10:30:00.250+01:00", "2026-01-31T10:30:00.250+01:00"),
        ("2026-01-31T09:30:00.123999Z", "2026-01-31T09:30:00.123Z"),
    ],
)
def test_the_start_is_written_to_the_millisecond(started_at: str, sent: str) -> None:
    assert written({**LEAST, "startedAt": started_at})["startedAt"] == sent


@pytest.mark.parametrize("started_at", ["2026-01-31T09:30:00", "2026-01-31", "yesterday", None])
def test_a_start_without_an_offset_is_refused(started_at: object) -> None:
    with pytest.raises(ValidationError, match="startedAt"):
        Call.model_validate({**LEAST, "startedAt": started_at})


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001 - the offset is drawn separately
    st.integers(-14 * 60, 14 * 60),
)
def test_any_start_is_written_as_the_same_time(moment: datetime, minutes: int) -> None:
    started_at = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    sent = datetime.fromisoformat(written({**LEAST, "startedAt": started_at})["startedAt"].replace("Z", "+00:00"))

    assert timedelta(0) <= started_at - sent < timedelta(milliseconds=1)


# Agents


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ({"roarkId": "r"}, AgentByRoarkId),
        ({"customId": "c"}, AgentByCustomId),
        ({"name": "n"}, AgentByName),
        ({"name": "n", "customId": "c", "description": "d"}, AgentByName),
        ({"roarkId": "r", "endpoint": {"id": "e"}}, AgentByRoarkId),
        ({"customId": "c", "endpoint": {"type": "phone", "value": "+15550100"}}, AgentByCustomId),
        (
            {"name": "n", "endpoint": {"type": "phone", "value": "+15550100", "direction": "INBOUND"}},
            AgentByName,
        ),
        ({"name": "n", "prompt": {"resolvedPrompt": "Be kind."}}, AgentByName),
    ],
)
def test_an_agent_is_identified_in_one_of_three_ways(agent: Json, kind: type) -> None:
    call = Call.model_validate({**LEAST, "agent": agent})

    assert isinstance(call.agent, kind)
    assert json.loads(call.to_json())["agent"] == agent


@pytest.mark.parametrize(
    "agent",
    [
        {},
        {"description": "d"},
        {"roarkId": "r", "name": "n"},
        {"roarkId": "r", "customId": "c"},
        {"customId": "c", "description": "d"},
        {"name": None},
        {"name": "n", "endpoint": {}},
        {"name": "n", "endpoint": {"type": "phone"}},
        {"name": "n", "endpoint": {"id": "e", "type": "phone", "value": "+15550100"}},
        {"name": "n", "prompt": {}},
        {"name": "n", "prompt": "Be kind."},
    ],
)
def test_an_agent_is_identified_in_one_way_only(agent: Json) -> None:
    with pytest.raises(ValidationError, match="agent"):
        Call.model_validate({**LEAST, "agent": agent})


# How a call is written


def test_a_call_cannot_be_changed() -> None:
    call = Call.model_validate({**LEAST, "transcript": [SAID], "agent": {"name": "a"}})
    assert call.transcript is not None
    assert isinstance(call.agent, AgentByName)

    with pytest.raises(ValidationError, match="frozen"):
        call.external_id = "another"
    with pytest.raises(ValidationError, match="frozen"):
        call.transcript[0].text = "another"
    with pytest.raises(ValidationError, match="frozen"):
        call.agent.name = "another"


def test_only_the_fields_that_were_set_are_sent() -> None:
    assert written(LEAST) == LEAST
    assert written({**LEAST, "transcript": [], "properties": {}}) == {**LEAST, "transcript": [], "properties": {}}
    payload = {**SAID, "payload": None}
    assert written({**LEAST, "transcript": [payload]})["transcript"] == [payload]


def test_names_are_snake_case_in_code_and_camel_case_on_the_wire() -> None:
    said = AgentEntry(role="AGENT", text="Hello.", start_offset_ms=0, end_offset_ms=1, language_code="en")
    asked = CustomerEntry(role="CUSTOMER", text="Hi.", start_offset_ms=1, end_offset_ms=2)
    used = ToolInvocation(name="n", parameters={"snake_case": 1}, result={"r_s": 1}, start_offset_ms=0)
    call = Call(
        recording_url="https://example.com/a.wav",
        stereo_recording_url="https://example.com/b.wav",
        started_at=datetime(2026, 1, 31, 9, 30, tzinfo=timezone.utc),
        interface_type="WEB",
        call_direction="OUTBOUND",
        external_id="call-1",
        ended_status="UNKNOWN",
        transcript=[said, asked],
        tool_invocations=[used],
        properties={"snake_case": 1},
        agents=[
            AgentByName(name="a", endpoint=EndpointByValue(type="phone", value="+15550100")),
            AgentByCustomId(custom_id="b", endpoint=EndpointById(id="e")),
        ],
        customer=CallCustomer(phone_number_e164=None),
        livekit_room_id="RM_1",
    )

    assert json.loads(call.to_json()) == {
        "recordingUrl": "https://example.com/a.wav",
        "stereoRecordingUrl": "https://example.com/b.wav",
        "startedAt": "2026-01-31T09:30:00.000Z",
        "interfaceType": "WEB",
        "callDirection": "OUTBOUND",
        "externalId": "call-1",
        "endedStatus": "UNKNOWN",
        "transcript": [
            {"role": "AGENT", "text": "Hello.", "startOffsetMs": 0, "endOffsetMs": 1, "languageCode": "en"},
            {"role": "CUSTOMER", "text": "Hi.", "startOffsetMs": 1, "endOffsetMs": 2},
        ],
        "toolInvocations": [{"name": "n", "parameters": {"snake_case": 1}, "result": {"r_s": 1}, "startOffsetMs": 0}],
        "properties": {"snake_case": 1},
        "agents": [
            {"name": "a", "endpoint": {"type": "phone", "value": "+15550100"}},
            {"customId": "b", "endpoint": {"id": "e"}},
        ],
        "customer": {"phoneNumberE164": None},
        "livekitRoomId": "RM_1",
    }


def test_a_body_is_utf_8_on_one_line() -> None:
    """The spool keeps it as one line."""
    body = Call.model_validate({**LEAST, "transcript": [{**SAID, "text": "Grüß Gott!\r\n\u2028👋\x00"}]}).to_json()

    assert "Grüß Gott!".encode() in body
    assert b"\n" not in body
    assert b"\r" not in body


@pytest.mark.parametrize("file", sorted(SNAPSHOTS.glob("*.json")), ids=lambda file: file.stem)
def test_every_recorded_body_is_read_and_written_unchanged(file: Path) -> None:
    bodies = json.loads(file.read_text(encoding="utf-8"))

    assert [written(body) for body in bodies] == bodies


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=10,
)


@given(parameters=st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4), text=st.text(max_size=20))
def test_any_content_is_written_unchanged(parameters: Json, text: str) -> None:
    body = {
        **LEAST,
        "transcript": [{**SAID, "text": text, "payload": parameters}],
        "toolInvocations": [{**USED, "parameters": parameters, "result": parameters}, {**USED, "result": text}],
    }

    assert written(body) == body
