"""Calls, through the official client."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from roark_analytics import BadRequestError, ConflictError, NotFoundError

from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx
    from roark_analytics import Roark
    from roark_analytics.types.call_append_tool_invocations_params import ToolInvocation

LEAST: dict[str, Any] = {
    "recording_url": "https://example.com/a.wav",
    "started_at": "2026-01-31T10:30:00.250+01:00",
    "interface_type": "PHONE",
    "call_direction": "INBOUND",
}
FULL: dict[str, Any] = {
    **LEAST,
    "external_id": "ext-1",
    "stereo_recording_url": "https://example.com/stereo.wav?signature=a%20b",
    "ended_status": "AGENT_SAID_END_CALL_PHRASE",
    "agents": [
        {"custom_id": "front-desk", "prompt": {"resolved_prompt": "Be kind."}},
        {"roark_id": "agent-7", "endpoint": {"type": "phone", "value": "+15550100", "direction": "INBOUND"}},
    ],
    "customers": [{"phone_number_e164": None, "label": "speaker-01"}, {"phone_number_e164": "+15550101"}],
    "transcript": [
        {
            "role": "CUSTOMER",
            "text": "Hello?",
            "start_offset_ms": 900,
            "end_offset_ms": 1400,
            "customer": {"label": "speaker-01"},
        },
        {
            "role": "AGENT",
            "text": "Good day.",
            "start_offset_ms": 0,
            "end_offset_ms": 800,
            "agent": {"custom_id": "front-desk"},
            "language_code": "en",
            "payload": None,
        },
        {"role": "AGENT", "text": "Yes.", "start_offset_ms": 1500, "end_offset_ms": 1500, "payload": {"a": [1]}},
    ],
    "tool_invocations": [
        {
            "name": "look_up",
            "description": "Looks a booking up.",
            "parameters": {"day": {"type": "string", "value": "2026-02-01", "description": "The day"}, "n": [1, None]},
            "result": {"found": True},
            "start_offset_ms": 1000,
            "end_offset_ms": 2500,
            "agent": {"roark_id": "agent-7"},
        }
    ],
    "properties": {"planTier": "gold", "retries": 2, "vip": True},
    "livekit_room_id": "RM_1",
}
TOOL: ToolInvocation = {"name": "book", "parameters": {}, "result": "ok", "start_offset_ms": 10, "end_offset_ms": 20}


def test_a_call_with_only_the_required_fields_is_created(client: Roark) -> None:
    created = client.call.create(**LEAST).data

    assert created.id
    assert created.project_id
    assert (created.status, created.call_direction, created.external_id) == ("ENDED", "INBOUND", None)
    assert created.started_at == "2026-01-31T09:30:00.250Z"
    assert (created.agents, created.customers) == ([], [])


def test_creating_answers_201(shared_raw: httpx.Client, call_body: Callable[..., Any]) -> None:
    assert shared_raw.post("/v1/call", json=call_body()).status_code == 201


def test_a_full_call_is_described_as_it_was_sent(client: Roark) -> None:
    created = client.call.create(**FULL).data

    call = client.call.get_by_id(created.id).data
    assert call.external_id == "ext-1"
    assert call.ended_status == "AGENT_SAID_END_CALL_PHRASE"
    assert (call.duration_ms, call.ended_at) == (2500, "2026-01-31T09:30:02.750Z")
    assert (call.recording_url, call.recording_url_access) == ("https://example.com/a.wav", "AVAILABLE")
    assert call.properties == {"plan_tier": "gold", "retries": "2", "vip": "true"}
    assert call.agents is not None
    assert call.agents[1].id == "agent-7"
    assert call.agents[1].endpoint is not None
    assert call.agents[1].endpoint.phone_number_e164 == "+15550100"
    assert call.customers is not None
    assert [(c.label, c.phone_number_e164) for c in call.customers] == [("speaker-01", None), (None, "+15550101")]


def test_an_agent_has_the_same_id_call_after_call(client: Roark) -> None:
    first = client.call.create(**LEAST, agent={"custom_id": "a"}).data.agents
    second = client.call.create(**LEAST, agent={"custom_id": "a"}).data.agents

    assert first == second


def test_the_transcript_is_in_order_and_names_the_speakers(client: Roark) -> None:
    created = client.call.create(**FULL).data

    transcript = client.call.get_transcript(created.id).data
    assert [entry.text for entry in transcript.entries] == ["Good day.", "Hello?", "Yes."]
    assert [participant.type for participant in transcript.participants] == ["AGENT", "AGENT", "CUSTOMER", "CUSTOMER"]
    speakers = [entry.participant_id for entry in transcript.entries]
    # Two agents take part and the last entry names neither.
    assert speakers == [transcript.participants[0].id, transcript.participants[2].id, None]
    assert transcript.transcription_source == "CUSTOMER_AGENT_REALTIME"


def test_a_transcript_has_participants_even_if_the_call_lists_none(client: Roark) -> None:
    entry: Any = {"role": "CUSTOMER", "text": "Hi", "start_offset_ms": 0, "end_offset_ms": 1}
    created = client.call.create(**LEAST, transcript=[entry]).data

    transcript = client.call.get_transcript(created.id).data
    assert [participant.type for participant in transcript.participants] == ["CUSTOMER"]
    assert transcript.entries[0].participant_id == transcript.participants[0].id


def test_another_source_has_no_transcript(client: Roark) -> None:
    created = client.call.create(**FULL).data

    assert client.call.get_transcript(created.id, source="ROARK_POST_CALL").data.transcription_source is None


def test_an_unknown_source_is_named(shared_raw: httpx.Client) -> None:
    answer = shared_raw.get("/v1/call/any/transcript?source=GOSSIP")

    assert (answer.status_code, answer.json()["error"]["issues"][0]["path"]) == (400, "source")


def test_a_call_that_would_end_after_the_last_year_has_no_end(client: Roark) -> None:
    entry: Any = {"role": "AGENT", "text": "Hi", "start_offset_ms": 0, "end_offset_ms": 2**53 - 1}
    created = client.call.create(**LEAST, transcript=[entry]).data

    call = client.call.get_by_id(created.id).data
    assert (call.ended_at, call.duration_ms) == (None, 2**53 - 1)


def test_the_body_is_stored_unchanged_with_its_unknown_fields(
    raw: httpx.Client, sandbox: Sandbox, call_body: Callable[..., Any]
) -> None:
    body = call_body(externalId="exact é", novelty={"deep": [1, 2.5, None]}, startedAt="2026-01-31T09:30:00+00:00")

    call_id = raw.post("/v1/call", json=body).json()["data"]["id"]

    assert sandbox.calls() == [body]
    assert sandbox.call("exact é").body == body
    assert raw.get(f"/v1/call/{call_id}").json()["data"]["sandbox"] == {"traceIds": [], "body": body}


def test_calls_come_in_order_of_creation(sandbox: Sandbox, official: Callable[..., Roark]) -> None:
    with official(sandbox) as client:
        for number in range(3):
            client.call.create(**LEAST, external_id=f"ext-{number}")

    assert [body["externalId"] for body in sandbox.calls()] == ["ext-0", "ext-1", "ext-2"]


def test_reading_a_call_that_was_never_posted_raises_a_key_error(shared: Sandbox) -> None:
    with pytest.raises(KeyError):
        shared.call("unknown-call")


def test_an_external_id_can_be_used_only_once(client: Roark) -> None:
    client.call.create(**LEAST, external_id="once")

    with pytest.raises(ConflictError):
        client.call.create(**LEAST, external_id="once")


def test_calls_without_external_id_do_not_conflict(client: Roark) -> None:
    client.call.create(**LEAST)
    client.call.create(**LEAST)

    assert client.call.list().pagination.total == 2


def test_projects_do_not_see_each_other(client: Roark, shared: Sandbox, official: Callable[..., Roark]) -> None:
    mine = client.call.create(**LEAST, external_id="same").data
    with official(shared, project="other") as other:
        theirs = other.call.create(**LEAST, external_id="same").data

        assert theirs.project_id == "other"
        assert [call.id for call in other.call.list().data] == [theirs.id]
        with pytest.raises(NotFoundError):
            other.call.get_by_id(mine.id)


def test_of_many_posts_at_once_exactly_one_creates_the_call(
    raw: httpx.Client, sandbox: Sandbox, call_body: Callable[..., Any]
) -> None:
    together = threading.Barrier(8)

    def post(number: int) -> int:
        together.wait()
        return raw.post("/v1/call", json=call_body(externalId="race", properties={"n": number})).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(post, range(8)))

    assert statuses == [201] + [409] * 7
    assert len(sandbox.calls()) == 1


@pytest.mark.parametrize("resource", ["", "/transcript"])
def test_an_unknown_call_is_not_found(shared_raw: httpx.Client, resource: str) -> None:
    answer = shared_raw.get(f"/v1/call/unknown-call{resource}")

    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found"


def test_tool_invocations_are_added_and_repeated_ones_skipped(client: Roark, shared: Sandbox) -> None:
    created = client.call.create(**LEAST, external_id="with tools", tool_invocations=[TOOL]).data
    other_time: ToolInvocation = {**TOOL, "start_offset_ms": 11}
    no_end: ToolInvocation = {"name": "book", "parameters": {}, "result": "ok", "start_offset_ms": 10}

    first = client.call.append_tool_invocations(created.id, tool_invocations=[TOOL, other_time, no_end, no_end]).data
    again = client.call.append_tool_invocations(created.id, tool_invocations=[other_time, no_end]).data

    assert (first.added, first.skipped, first.call_id) == (2, 2, created.id)
    assert (again.added, again.skipped) == (0, 2)
    assert (first.metric_collection_error, first.metric_collection_job) == (None, None)
    kept = shared.call("with tools").tool_invocations
    assert [(tool["startOffsetMs"], tool.get("endOffsetMs")) for tool in kept] == [(10, 20), (11, 20), (10, None)]


def test_metrics_are_answered_with_the_reason_for_their_absence(client: Roark) -> None:
    created = client.call.create(**LEAST).data

    result = client.call.append_tool_invocations(created.id, tool_invocations=[TOOL], metrics=[{"id": "m"}]).data

    assert (result.added, result.metric_collection_job) == (1, None)
    assert result.metric_collection_error == "the sandbox does not score metrics"


def test_tool_invocations_for_an_unknown_call_are_not_found(client: Roark) -> None:
    with pytest.raises(NotFoundError):
        client.call.append_tool_invocations("unknown-call", tool_invocations=[TOOL])


def test_calls_survive_a_restart(tmp_path: Path, official: Callable[..., Roark]) -> None:
    store = tmp_path / "not" / "there" / "yet"
    with Sandbox(store=store) as before, official(before) as client:
        created = client.call.create(**FULL).data
        client.call.append_tool_invocations(created.id, tool_invocations=[TOOL])

    with Sandbox(store=str(store)) as after, official(after) as client:
        assert client.call.get_by_id(created.id).data.external_id == "ext-1"
        assert [tool["name"] for tool in after.call("ext-1").tool_invocations] == ["look_up", "book"]
        with pytest.raises(ConflictError):
            client.call.create(**FULL)
        with pytest.raises(BadRequestError):
            client.call.update_properties(created.id, properties={"retries": "many"})

    assert (store / "roark-sandbox.sqlite3").is_file()
