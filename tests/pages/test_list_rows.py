"""The row of a request in the list of calls: complete for any body, and bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from roark_otel.pages.rows import row
from support.paths import SNAPSHOTS

AT = "2026-11-24T17:23:04.000Z"
KEYS = {
    "seq", "kind", "id", "externalId", "receivedAt", "startedAt", "agent", "framework", "lengthMs", "said", "tools",
    "answersMs", "turns", "toolUses", "interruptions", "toolsFailed", "linked", "ended", "status", "fields", "noWords",
}  # fmt: skip


def said(role: str, start: Any, end: Any, text: str = "Hello.", **more: Any) -> dict[str, Any]:
    return {"role": role, "text": text, "startOffsetMs": start, "endOffsetMs": end, **more}


def used(start: int, end: int, result: Any = "done") -> dict[str, Any]:
    return {"name": "t", "parameters": {}, "result": result, "startOffsetMs": start, "endOffsetMs": end}


def made(body: object, **more: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"seq": 1, "received_at": AT, **more}
    found = row(body, **about)
    assert set(found) == KEYS
    json.dumps(found, allow_nan=False).encode()
    json.dumps(found, ensure_ascii=False).encode()
    return found


def test_a_call_of_two_turns_with_a_tool_and_a_barge_in() -> None:
    body = {
        "externalId": "call-1",
        "startedAt": "2026-11-24T17:23:00.000Z",
        "agent": {"name": "desk"},
        "endedStatus": "CUSTOMER_ENDED_CALL",
        "properties": {"framework": "livekit-agents", "response_latency_max_ms": 400},
        "transcript": [said("CUSTOMER", 0, 1_000), said("AGENT", 1_400, 3_000), said("CUSTOMER", 2_800, 3_500)],
        "toolInvocations": [
            used(1_000, 1_300),
            used(1_000, 1_200, {"error": "no answer"}),
            used(1_000, 1_000, {"error": None}),
        ],
    }
    found = made(body, seq=7, call_id="id-1", traces=2)
    assert found == {
        "seq": 7,
        "kind": "call",
        "id": "id-1",
        "externalId": "call-1",
        "receivedAt": AT,
        "startedAt": "2026-11-24T17:23:00.000Z",
        "agent": "desk",
        "framework": "livekit-agents",
        "lengthMs": 3_500,
        "said": [[0, 1_000, "c", 0], [1_400, 3_000, "a", 1], [2_800, 3_500, "c", 0]],
        "tools": [[1_000, 1_000, 0], [1_000, 1_200, 1], [1_000, 1_300, 0]],
        "answersMs": [400],
        "turns": 3,
        "toolUses": 3,
        "interruptions": 1,
        "toolsFailed": 1,
        "linked": 2,
        "ended": "CUSTOMER_ENDED_CALL",
        "status": 201,
        "fields": [],
        "noWords": False,
    }


def test_several_agents_are_named_in_the_order_in_which_they_came() -> None:
    assert made({"agents": [{"name": "triage"}, {"customId": "billing"}, {}]})["agent"] == "triage → billing"
    assert made({"agents": [{"name": f"a{n}"} for n in range(50)]})["agent"] == "a0 → a1 → a2 → a3 → …"


def test_a_call_without_words_says_so() -> None:
    assert made({"toolInvocations": [used(0, 10)]})["noWords"]
    assert made({"transcript": [said("AGENT", 0, 10, " ")]})["noWords"]
    assert not made({"transcript": [said("AGENT", 0, 10, "Hi")]})["noWords"]


def test_a_refused_request_names_its_fields() -> None:
    found = made({"externalId": "call-77"}, status=422, fields=["recordingUrl", "startedAt"])
    assert (found["kind"], found["id"], found["status"]) == ("refused", None, 422)
    assert found["fields"] == ["recordingUrl", "startedAt"]


ANYTHING: list[object] = [
    None, [], "words", 17, True, float("nan"), {},
    {"transcript": "no list", "toolInvocations": {"a": 1}, "agent": [], "agents": "x", "properties": []},
    {"transcript": [None, 3, {"role": 5, "text": [], "startOffsetMs": "1", "endOffsetMs": True}]},
    {"transcript": [said("CUSTOMER", float("nan"), float("inf")), said("AGENT", 10**400, -5)]},
    {"transcript": [said("nobody", -500, -100)], "toolInvocations": [{"result": 3}, {"result": {"error": {}}}]},
    {"externalId": 17, "startedAt": {"a": 1}, "endedStatus": ["x"], "agent": {"name": 3, "customId": None}},
]  # fmt: skip


@pytest.mark.parametrize("body", ANYTHING)
def test_any_body_has_a_row(body: object) -> None:
    found = made(body, status=422)
    assert found["externalId"] is None
    assert all(0 <= piece[0] <= piece[1] <= found["lengthMs"] for piece in (*found["said"], *found["tools"]))


def test_texts_of_any_length_and_of_any_characters_can_be_sent() -> None:
    found = made(
        {"externalId": "\ud800" * 10_000, "agent": {"name": "\x00\u202e" * 10_000}}, fields=["f" * 10_000] * 500
    )
    assert len(json.dumps(found)) < 30_000
    assert found["externalId"].startswith("\\ud800")


@pytest.mark.parametrize("entries", [5_000, 20_000])
def test_a_huge_call_has_a_small_row(entries: int) -> None:
    transcript = [
        said("AGENT" if n % 2 else "CUSTOMER", n * 3_000, n * 3_000 + 2_900, payload={"interrupted": n % 10 == 1})
        for n in range(entries)
    ]
    tools = [used(n * 3_000, n * 3_000 + 10, {"error": "x"} if n == 77 else {}) for n in range(entries)]
    found = made({"transcript": transcript, "toolInvocations": tools})
    assert (found["turns"], found["toolUses"]) == (entries, entries)
    assert found["lengthMs"] == (entries - 1) * 3_000 + 2_900
    assert len(found["said"]) <= 2 * 401
    assert len(found["tools"]) <= 401
    assert found["said"][0][0] == 0
    assert max(piece[1] for piece in found["said"]) == found["lengthMs"]
    assert any(piece[3] for piece in found["said"] if piece[2] == "a")
    assert sum(piece[2] for piece in found["tools"]) == 1
    assert found["interruptions"] == entries // 10
    assert found["toolsFailed"] == 1


def test_a_cut_off_agent_is_found_among_thousands_of_entries() -> None:
    """Each agent's entry is held against the customer's entries within it, not against all of the call."""
    transcript = [
        one
        for n in range(5_000)
        for one in (said("AGENT", n * 100, n * 100 + 50), said("CUSTOMER", n * 100 + 40, n * 100 + 60))
    ]
    assert made({"transcript": transcript})["interruptions"] == 5_000


@pytest.mark.parametrize("name", sorted(path.stem for path in SNAPSHOTS.glob("*.json")))
def test_every_recorded_call_has_a_row(name: str) -> None:
    for body in json.loads((SNAPSHOTS / f"{name}.json").read_text()):
        found = made(body)
        assert found["turns"] == len(body.get("transcript", ()))
        assert len(found["said"]) == found["turns"]
        assert found["externalId"] == body["externalId"]
