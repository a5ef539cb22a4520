"""Fills a local Roark with what pages are to show: usual calls, strange ones, huge ones, refused ones, spans alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from roark_otel.cli.demo.stage import play, scenes
from support.paths import SNAPSHOTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

PLAIN: Final = "demo-plain-call"
LIVEKIT: Final = "demo-livekit-call"
"""The external ids of the calls of the demo."""

BASE: Final[Json] = {
    "recordingUrl": "https://recordings.example.com/a.wav",
    "startedAt": "2026-01-31T09:30:00.000Z",
    "interfaceType": "PHONE",
    "callDirection": "INBOUND",
}
"""The fields that Roark requires. The recording is at another host: a page has to leave it there."""

# No connection is kept: sandboxes come and go.
_HTTP: Final = httpx.Client(
    headers={"Authorization": "Bearer any-key"},
    limits=httpx.Limits(max_keepalive_connections=0),
    trust_env=False,
    timeout=60,
)


def post(sandbox: Sandbox, body: Json) -> str:
    """Creates a call, and returns the id that Roark gave it."""
    answer = _posted(sandbox, "/v1/call", body)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["data"]["id"]
    return found


def refuse(sandbox: Sandbox, body: Json) -> None:
    """Posts a call that Roark refuses."""
    answer = _posted(sandbox, "/v1/call", body)
    assert 400 <= answer.status_code < 500, answer.text


def send_spans(sandbox: Sandbox, *spans: Json, scope: str = "my-app", resource: Json | None = None) -> None:
    """Exports spans as OTLP in JSON, with attributes given as an object of texts."""
    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource or {})},
                "scopeSpans": [{"scope": {"name": scope}, "spans": [_span(one) for one in spans]}],
            }
        ]
    }
    assert _posted(sandbox, "/v1/traces", body).is_success


def call(external_id: str, *entries: Json, **fields: Any) -> Json:
    """Returns the body of a call of these entries."""
    return {**BASE, "externalId": external_id, **({"transcript": list(entries)} if entries else {}), **fields}


def said(role: str, text: str, start_ms: int, end_ms: int, **payload: Any) -> Json:
    """Returns an entry of a transcript."""
    entry = {"role": role, "text": text, "startOffsetMs": start_ms, "endOffsetMs": end_ms}
    return {**entry, "payload": payload} if payload else entry


def usual(external_id: str, **fields: Any) -> Json:
    """Returns a call of three turns, a tool use and an interruption."""
    used = {
        "name": "find_order",
        "parameters": {"order_id": "A-17"},
        "result": {"status": "shipped"},
        "startOffsetMs": 3_100,
        "endOffsetMs": 3_400,
    }
    return {
        **call(
            external_id,
            said("AGENT", "Good morning, how can I help you?", 0, 1_500),
            said("CUSTOMER", "Where is my order?", 1_800, 3_000),
            said("AGENT", "It left our warehouse yesterday", 3_600, 5_200, interrupted=True, response_latency_ms=600),
            said("CUSTOMER", "Wonderful, thank you.", 4_900, 6_000),
            said("AGENT", "You are welcome.", 6_400, 7_200, response_latency_ms=400),
        ),
        "agent": {"name": "Order desk"},
        "toolInvocations": [used],
        "properties": {"response_latency_p50_ms": 400, "response_latency_max_ms": 600, "framework": "my-framework"},
        "endedStatus": "CUSTOMER_ENDED_CALL",
        **fields,
    }


def huge(external_id: str, entries: int) -> Json:
    """Returns a call of this many entries, with a tool use in every tenth and an interruption in every seventh."""
    return {
        **call(
            external_id,
            *(
                said(
                    "CUSTOMER" if number % 2 else "AGENT",
                    f"This is what was said as number {number}.",
                    number * 2_000,
                    number * 2_000 + 1_700,
                    **({"interrupted": True} if number % 14 == 0 else {"response_latency_ms": 300}),
                )
                for number in range(entries)
            ),
        ),
        "toolInvocations": [
            {
                "name": f"look_up_{number % 5}",
                "parameters": {"number": number},
                "result": {"found": True},
                "startOffsetMs": number * 2_000 + 1_700,
                "endOffsetMs": number * 2_000 + 1_900,
            }
            for number in range(0, entries, 10)
        ],
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """A local Roark with calls of all kinds, for tests that only look.

    Attributes:
        sandbox: The local Roark.
        ids: Roark's ids of its calls, by external id.
        refused: The number of its refused request.
    """

    sandbox: Sandbox
    ids: dict[str, str]
    refused: int


def of_all_kinds(sandbox: Sandbox, spool: Path) -> Shown:
    """Fills a local Roark with calls of all kinds, and a request that it refuses."""
    ids = play_demo(sandbox, spool)
    bodies = [
        usual("usual"),
        call("nothing said"),
        call("no words", said("AGENT", "", 0, 900), said("CUSTOMER", "", 1_000, 2_000)),
        call("agent alone", said("AGENT", "Is anybody there?", 0, 1_000), endedStatus="PARTICIPANTS_DID_NOT_SPEAK"),
        {**BASE, "customer": {"phoneNumberE164": "+15550100"}, "toolInvocations": usual("")["toolInvocations"]},
        {**usual("warned"), "properties": {"roark_unlinked": True, "roark_dropped_spans": 3, "trace_id": "ab" * 16}},
        *recorded(),
    ]
    for body in bodies:
        ids[body.get("externalId", "without an id")] = post(sandbox, body)
    refuse(sandbox, {**usual("refused"), "interfaceType": "FAX", "startedAt": "yesterday"})
    return Shown(sandbox, ids, len(ids) + 1)


def play_demo(sandbox: Sandbox, spool: Path) -> dict[str, str]:
    """Plays the calls of the demo, and returns Roark's ids by external id."""
    return {scene.external_id: str(play(scene, sandbox.url, spool).details["id"]) for scene in scenes()}


def recorded() -> Iterator[Json]:
    """Returns the calls of real frameworks as they are sent, each with an external id of its own."""
    for file in sorted(SNAPSHOTS.glob("*.json")):
        for number, body in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            yield {**body, "externalId": f"{file.stem} {number}"}


def _posted(sandbox: Sandbox, path: str, body: Json) -> httpx.Response:
    return _HTTP.post(sandbox.url + path, json=body)


def _span(one: Json) -> Json:
    usual = {"traceId": "5b" * 16, "kind": 1, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    return {**usual, **one, "attributes": _attributes(one.get("attributes", {}))}


def _attributes(given: Json) -> list[Json]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in given.items()]
