"""Compares the table of docs/frameworks.md with the calls of the recorded conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor
from support.paths import ROOT, SPANS
from support.replaying import FRAMEWORKS, RECORDING, arrived, load, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

PAGE = (ROOT / "docs" / "frameworks.md").read_text(encoding="utf-8")
METRICS_OFF = "pipecat/metrics_disabled"

COLUMNS: dict[str, Callable[[str], bool]] = {
    "LiveKit 1.8": lambda dump: dump.startswith("livekit/1.8"),
    "LiveKit 1.5 to 1.7": lambda dump: dump.startswith(("livekit/1.5", "livekit/1.6", "livekit/1.7")),
    "LiveKit 1.3, 1.4": lambda dump: dump.startswith(("livekit/1.3", "livekit/1.4")),
    "Pipecat": lambda dump: dump.startswith("pipecat/") and not dump.startswith(METRICS_OFF),
    "Pipecat, metrics off": lambda dump: dump.startswith(METRICS_OFF),
    "agent SDKs": lambda dump: dump.startswith("gen_ai/"),
}
"""The recordings of each column, by their names."""

SDKS = sorted(
    f"gen_ai/{path.name.removesuffix('.json')}"
    for path in (SPANS / "gen_ai").glob("*.json")
    if "never_ended" not in path.name and "pipecat" not in path.name
)


def entries(role: str, *keys: str) -> Callable[[Json], bool]:
    """Tests whether an entry of this role has a value at this path."""
    return lambda body: any(has(entry, *keys) for entry in body.get("transcript", ()) if entry["role"] == role)


def tools(*keys: str) -> Callable[[Json], bool]:
    """Tests whether a tool invocation has a value at this path."""
    return lambda body: any(has(tool, *keys) for tool in body.get("toolInvocations", ()))


def whole(*keys: str) -> Callable[[Json], bool]:
    """Tests whether the call itself has a value at this path."""
    return lambda body: has(body, *keys)


def agents(key: str) -> Callable[[Json], bool]:
    """Tests whether an agent of the call has this key."""
    return lambda body: any(key in agent for agent in [*body.get("agents", ()), body.get("agent", {})])


def has(found: Any, *keys: str) -> bool:
    """Returns whether a value that is not empty is at this path."""
    for key in keys:
        if not isinstance(found, dict) or found.get(key) in (None, "", {}):
            return False
        found = found[key]
    return True


ROWS: dict[str, Callable[[Json], bool]] = {
    "`transcript`, the customer": entries("CUSTOMER", "text"),
    "`transcript`, the agent": entries("AGENT", "text"),
    "`payload.interrupted`": entries("AGENT", "payload", "interrupted"),
    "`payload.confidence`": entries("CUSTOMER", "payload", "confidence"),
    "`payload.stt_ttfb_ms`": entries("CUSTOMER", "payload", "stt_ttfb_ms"),
    "`payload.llm_ttfb_ms`": entries("AGENT", "payload", "llm_ttfb_ms"),
    "`payload.tts_ttfb_ms`": entries("AGENT", "payload", "tts_ttfb_ms"),
    "`payload.response_latency_ms`": entries("AGENT", "payload", "response_latency_ms"),
    "`languageCode`": entries("CUSTOMER", "languageCode"),
    "tools: `parameters`": tools("parameters"),
    "tools: `result`": tools("result"),
    "tools: `result.error`": tools("result", "error"),
    "tools: `description`": tools("description"),
    "`agent.name`": agents("name"),
    "`agents`, and the agent of each entry": entries("AGENT", "agent"),
    "`endedStatus`, other than `*_DID_NOT_SPEAK`": lambda body: (
        "DID_NOT_SPEAK" not in body.get("endedStatus", "DID_NOT_SPEAK")
    ),
    "`livekitRoomId`": whole("livekitRoomId"),
    "`properties.framework`, `framework_version`": whole("properties", "framework"),
    "`properties.response_latency_{p50,p95,max}_ms`": whole("properties", "response_latency_p95_ms"),
    "`properties.stt_ttfb_ms`": whole("properties", "stt_ttfb_ms"),
    "`properties.llm_ttfb_ms`": whole("properties", "llm_ttfb_ms"),
    "`properties.tts_ttfb_ms`": whole("properties", "tts_ttfb_ms"),
    "`properties.interruptions`": lambda body: "interruptions" in body["properties"],
    "`properties.handoffs`": lambda body: "handoffs" in body["properties"],
}
"""Each row of the table, and the test of whether a call has it."""


@pytest.fixture(name="bodies", scope="module")
def _bodies() -> dict[str, list[Json]]:
    """Reads the calls of all recordings of voice frameworks; other tests prove that Roark gets exactly these."""
    return {dump: arrived(dump) for dump in FRAMEWORKS}


def of_an_sdk(dump: str, sandbox: Sandbox) -> Json:
    """Returns the call of a recording of an agent SDK, with the dump's name as its id."""
    spans = load(dump)
    for span in spans:
        span["resource"] = {**(span.get("resource") or {}), "roark.external_id": dump}
        if "roark.external_id" in span["attributes"]:
            span["attributes"]["roark.external_id"] = dump
    processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url, recording_url=RECORDING)
    replay(spans, processor)
    assert processor.force_flush(30_000)
    processor.shutdown()
    return dict(sandbox.call(dump).body)


def table(bodies: dict[str, list[Json]]) -> str:
    """Returns the table as the page has it."""

    def cells(has_row: Callable[[Json], bool]) -> Iterable[str]:
        for is_in_column in COLUMNS.values():
            is_given = any(has_row(body) for dump, found in bodies.items() if is_in_column(dump) for body in found)
            yield "yes" if is_given else ""

    lines = [f"| in the call | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(cells(has_row))} |" for row, has_row in ROWS.items()]
    return "\n".join(lines)


def test_the_table_is_what_the_recorded_calls_hold(bodies: dict[str, list[Json]], sandbox: Sandbox) -> None:
    expected = table(bodies | {dump: [of_an_sdk(dump, sandbox)] for dump in SDKS})

    assert expected in PAGE, expected
