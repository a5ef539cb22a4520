"""Every rule of a request body, and the field that the error names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from roark_analytics import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from roark_analytics import Roark

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

ABSENT = object()
NUMBER = "+15550100"


def entry(**fields: Any) -> Json:
    return without_absent({"role": "AGENT", "text": "Hello", "startOffsetMs": 10, "endOffsetMs": 20, **fields})


def tool(**fields: Any) -> Json:
    return without_absent({"name": "t", "parameters": {}, "result": "ok", "startOffsetMs": 10, **fields})


def without_absent(fields: Json) -> Json:
    return {key: value for key, value in fields.items() if value is not ABSENT}


def in_transcript(**fields: Any) -> Json:
    return {"transcript": [entry(), entry(**fields)]}


def in_tools(**fields: Any) -> Json:
    return {"toolInvocations": [tool(), tool(**fields)]}


WRONG: list[tuple[str, Json]] = [
    ("recordingUrl", {"recordingUrl": ABSENT}),
    ("recordingUrl", {"recordingUrl": None}),
    ("recordingUrl", {"recordingUrl": ""}),
    ("recordingUrl", {"recordingUrl": "/a.wav"}),
    ("recordingUrl", {"recordingUrl": "file:///a.wav"}),
    ("recordingUrl", {"recordingUrl": "https://"}),
    ("recordingUrl", {"recordingUrl": "https://example.com/a b.wav"}),
    ("recordingUrl", {"recordingUrl": "https://example.com:port/a.wav"}),
    ("recordingUrl", {"recordingUrl": "https://[::1/a.wav"}),
    ("stereoRecordingUrl", {"stereoRecordingUrl": "a.wav"}),
    ("startedAt", {"startedAt": ABSENT}),
    ("startedAt", {"startedAt": 1767225600}),
    ("startedAt", {"startedAt": "yesterday"}),
    ("startedAt", {"startedAt": "2026-01-31"}),
    ("startedAt", {"startedAt": "2026-01-31T09:30:00"}),
    ("startedAt", {"startedAt": "2026-02-30T09:30:00Z"}),
    ("startedAt", {"startedAt": "2026-01-31T09:30:00Z\n"}),
    ("startedAt", {"startedAt": "0001-01-01T00:00:00+10:00"}),
    ("interfaceType", {"interfaceType": ABSENT}),
    ("interfaceType", {"interfaceType": "phone"}),
    ("callDirection", {"callDirection": ABSENT}),
    ("callDirection", {"callDirection": "SIDEWAYS"}),
    ("endedStatus", {"endedStatus": "DONE"}),
    ("endedStatus", {"endedStatus": None}),
    ("externalId", {"externalId": ""}),
    ("externalId", {"externalId": "x" * 256}),
    ("externalId", {"externalId": 7}),
    ("vapiCallId", {"vapiCallId": 7}),
    ("livekitRoomId", {"livekitRoomId": None}),
    ("livekitRoomId", {"vapiCallId": "v", "livekitRoomId": "r"}),
    ("agents", {"agent": {"name": "a"}, "agents": [{"name": "b"}]}),
    ("agents", {"agents": {}}),
    ("agents[1]", {"agents": [{"name": "a"}, {"description": "who?"}]}),
    ("agent", {"agent": {}}),
    ("agent", {"agent": "a"}),
    ("agent.customId", {"agent": {"customId": 7}}),
    ("agent.name", {"agent": {"name": None}}),
    ("agent.roarkId", {"agent": {"roarkId": []}}),
    ("agent.description", {"agent": {"name": "a", "description": 1}}),
    ("agent.endpoint", {"agent": {"name": "a", "endpoint": {"type": "phone"}}}),
    ("agent.endpoint.direction", {"agent": {"name": "a", "endpoint": {"id": "e", "direction": 1}}}),
    ("agent.prompt.resolvedPrompt", {"agent": {"name": "a", "prompt": {}}}),
    ("agents[0].prompt.resolvedPrompt", {"agents": [{"name": "a", "prompt": {"resolvedPrompt": 1}}]}),
    ("customers", {"customer": {"phoneNumberE164": None}, "customers": []}),
    ("customer.phoneNumberE164", {"customer": {"label": "a"}}),
    ("customer.phoneNumberE164", {"customer": {"phoneNumberE164": "5550100"}}),
    ("customer.phoneNumberE164", {"customer": {"phoneNumberE164": NUMBER + "\n"}}),
    ("customer.phoneNumberE164", {"customer": {"phoneNumberE164": "+0555"}}),
    ("customer.phoneNumberE164", {"customer": {"phoneNumberE164": "+1555" + "0" * 12}}),
    ("customers[1].phoneNumberE164", {"customers": [{"phoneNumberE164": NUMBER}, {"phoneNumberE164": 1}]}),
    ("customer.label", {"customer": {"phoneNumberE164": None, "label": 7}}),
    ("transcript", {"transcript": "Hello"}),
    ("transcript[0]", {"transcript": ["Hello"]}),
    ("transcript[1].role", in_transcript(role="ROBOT")),
    ("transcript[1].role", in_transcript(role=ABSENT)),
    ("transcript[1].text", in_transcript(text=ABSENT)),
    ("transcript[1].text", in_transcript(text=None)),
    ("transcript[1].startOffsetMs", in_transcript(startOffsetMs=ABSENT)),
    ("transcript[1].startOffsetMs", in_transcript(startOffsetMs=-1)),
    ("transcript[1].startOffsetMs", in_transcript(startOffsetMs=1.5)),
    ("transcript[1].startOffsetMs", in_transcript(startOffsetMs="10")),
    ("transcript[1].startOffsetMs", in_transcript(startOffsetMs=True)),
    ("transcript[1].endOffsetMs", in_transcript(endOffsetMs=ABSENT)),
    ("transcript[1].endOffsetMs", in_transcript(endOffsetMs=2**53)),
    ("transcript[1].endOffsetMs", in_transcript(endOffsetMs=9)),
    ("transcript[1].languageCode", in_transcript(languageCode=None)),
    ("transcript[1].payload", in_transcript(payload=[])),
    ("transcript[1].customer", in_transcript(customer={"label": "a"})),
    ("transcript[1].agent", in_transcript(role="CUSTOMER", agent={"customId": "a"})),
    ("transcript[1].agent.customId", in_transcript(agent={"customId": 7})),
    ("transcript[1].agent.customId", {"agent": {"customId": "a"}, **in_transcript(agent={"customId": "b"})}),
    ("transcript[1].agent.roarkId", {"agents": [{"roarkId": "a"}], **in_transcript(agent={"roarkId": "b"})}),
    ("transcript[1].customer.label", in_transcript(role="CUSTOMER", customer={"label": None})),
    ("transcript[1].customer.phoneNumberE164", in_transcript(role="CUSTOMER", customer={"phoneNumberE164": "1"})),
    (
        "transcript[1].customer.label",
        {"customer": {"phoneNumberE164": None}, **in_transcript(role="CUSTOMER", customer={"label": "b"})},
    ),
    (
        "transcript[1].customer.phoneNumberE164",
        {
            "customers": [{"phoneNumberE164": NUMBER}],
            **in_transcript(role="CUSTOMER", customer={"phoneNumberE164": NUMBER + "1"}),
        },
    ),
    ("toolInvocations", {"toolInvocations": {}}),
    ("toolInvocations[1].name", in_tools(name=ABSENT)),
    ("toolInvocations[1].parameters", in_tools(parameters=ABSENT)),
    ("toolInvocations[1].parameters", in_tools(parameters="{}")),
    ("toolInvocations[1].result", in_tools(result=ABSENT)),
    ("toolInvocations[1].result", in_tools(result=None)),
    ("toolInvocations[1].result", in_tools(result=[])),
    ("toolInvocations[1].startOffsetMs", in_tools(startOffsetMs=ABSENT)),
    ("toolInvocations[1].endOffsetMs", in_tools(endOffsetMs=9)),
    ("toolInvocations[1].endOffsetMs", in_tools(endOffsetMs=None)),
    ("toolInvocations[1].description", in_tools(description=None)),
    ("toolInvocations[1].agent", in_tools(agent="a")),
    ("toolInvocations[1].agent.customId", {"agent": {"customId": "a"}, **in_tools(agent={"customId": "b"})}),
    ("properties", {"properties": []}),
]

RIGHT: list[Json] = [
    {"recordingUrl": "HTTP://127.0.0.1:8765/recordings/a%2Fb.wav?x=1#y"},
    {"startedAt": "2026-01-31T09:30:00.123456789+05:30"},
    {"startedAt": "2026-01-31T09:30:00-08:00"},
    {"externalId": "é" * 255},
    {"agents": [], "customers": [], "transcript": [], "toolInvocations": [], "properties": {}},
    {"agents": [{"roarkId": "a"}, {"customId": "b"}, {"name": "c", "customId": "d", "description": "e"}]},
    {"agent": {"name": "a", "endpoint": {"id": "e"}}},
    {"customer": {"phoneNumberE164": NUMBER, "label": None}},
    {"properties": {"a": None, "b": [1], "c": {"d": 1}, "e": 1.5}},
    in_transcript(startOffsetMs=20.0, endOffsetMs=20, payload={"x": None}),
    in_transcript(agent={}),
    {"agent": {"name": "known to Roark by its id too"}, **in_transcript(agent={"customId": "b"})},
    in_transcript(role="CUSTOMER", customer={"label": "a", "phoneNumberE164": NUMBER}),
    in_tools(parameters={"a": {"type": "number", "value": 1, "description": "n"}, "b": None}, result={}),
]


@pytest.mark.parametrize(("path", "fields"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_rule_names_its_field(
    shared: Sandbox, shared_raw: httpx.Client, call_body: Callable[..., Json], path: str, fields: Json
) -> None:
    before = len(shared.calls())

    answer = shared_raw.post("/v1/call", json=without_absent(call_body(**fields)))

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "validation_error"
    assert {issue["path"] for issue in error["issues"]} == {path}
    assert all(issue["message"] for issue in error["issues"])
    assert path in error["message"]
    assert len(shared.calls()) == before


@pytest.mark.parametrize("fields", RIGHT, ids=str)
def test_an_allowed_call_is_accepted(shared_raw: httpx.Client, call_body: Callable[..., Json], fields: Json) -> None:
    answer = shared_raw.post("/v1/call", json=call_body(**fields))

    assert (answer.status_code, answer.text) == (201, answer.text)


def test_the_official_client_sees_a_bad_request_that_names_the_field(
    shared: Sandbox, official: Callable[..., Roark]
) -> None:
    entries: Any = [{"role": "AGENT", "text": "Hello", "start_offset_ms": -5, "end_offset_ms": 1}]
    with official(shared) as client, pytest.raises(BadRequestError, match=r"transcript\[0\]\.startOffsetMs"):
        client.call.create(
            recording_url="https://example.com/a.wav",
            started_at="2026-01-31T09:30:00Z",
            interface_type="WEB",
            call_direction="INBOUND",
            transcript=entries,
        )


def test_all_broken_rules_are_reported_at_once(shared_raw: httpx.Client) -> None:
    answer = shared_raw.post("/v1/call", json={})

    paths = {issue["path"] for issue in answer.json()["error"]["issues"]}
    assert paths == {"recordingUrl", "startedAt", "interfaceType", "callDirection"}


def test_a_long_list_of_issues_is_cut(shared_raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    answer = shared_raw.post("/v1/call", json=call_body(transcript=[{}] * 500))

    assert len(answer.json()["error"]["issues"]) == 20


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"call"',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xff\xfe{\x00}\x00",
        b'{"externalId": "\\ud800"}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_not_a_json_object_is_refused(shared_raw: httpx.Client, body: bytes) -> None:
    answer = shared_raw.post("/v1/call", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request"


@pytest.fixture(scope="module", name="call_id")
def _call_id(shared_raw: httpx.Client) -> str:
    call = {
        "recordingUrl": "https://example.com/a.wav",
        "startedAt": "2026-01-31T09:30:00Z",
        "interfaceType": "WEB",
        "callDirection": "INBOUND",
        "agent": {"customId": "a"},
    }
    return str(shared_raw.post("/v1/call", json=call).json()["data"]["id"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("toolInvocations", {}),
        ("toolInvocations", {"toolInvocations": [tool(startOffsetMs=n) for n in range(501)]}),
        ("toolInvocations[1].startOffsetMs", in_tools(startOffsetMs=-1)),
        ("toolInvocations[1].endOffsetMs", in_tools(endOffsetMs=1)),
        ("toolInvocations[1].agent.customId", in_tools(agent={"customId": "stranger"})),
        ("metrics[0].id", {**in_tools(), "metrics": [{}]}),
        ("metrics", {**in_tools(), "metrics": [{"id": "m"}] * 21}),
    ],
)
def test_a_broken_rule_for_appended_tool_invocations(
    shared_raw: httpx.Client, call_id: str, path: str, body: Json
) -> None:
    answer = shared_raw.post(f"/v1/call/{call_id}/tool-invocations", json=body)

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["error"]["issues"]] == [path]


def test_five_hundred_tool_invocations_are_accepted(shared_raw: httpx.Client, call_id: str) -> None:
    body = {"toolInvocations": [tool(startOffsetMs=n) for n in range(500)]}

    answer = shared_raw.post(f"/v1/call/{call_id}/tool-invocations", json=body)

    assert answer.json()["data"]["added"] == 500


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("properties", {}),
        ("properties", {"properties": []}),
        ("properties", {"properties": {f"p{n}": n for n in range(101)}}),
        ("properties.nested", {"properties": {"nested": {}}}),
        ("properties.list", {"properties": {"list": []}}),
        ("properties.durationSeconds", {"properties": {"durationSeconds": 3}}),
        ("metrics", {"properties": {}, "metrics": {}}),
    ],
)
def test_a_broken_rule_for_properties(shared_raw: httpx.Client, call_id: str, path: str, body: Json) -> None:
    answer = shared_raw.patch(f"/v1/call/{call_id}/properties", json=body)

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["error"]["issues"]] == [path]
