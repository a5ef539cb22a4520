"""README's table of what each framework tells is what the calls of the recorded conversations hold."""

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

README = (ROOT / "README.md").read_text(encoding="utf-8")
METRICS_OFF = "pipecat/metrics_disabled"

COLUMNS: dict[str, Callable[[str], bool]] = {
    "LiveKit 1.8": lambda dump: dump.startswith("livekit/1.8"),
    "LiveKit 1.5 to 1.7": lambda dump: dump.startswith(("livekit/1.5", "livekit/1.6", "livekit/1.7")),
    "LiveKit 1.3, 1.4": lambda dump: dump.startswith(("livekit/1.3", "livekit/1.4")),
    "Pipecat": lambda dump: dump.startswith("pipecat/") and not dump.startswith(METRICS_OFF),
    "Pipecat, metrics off": lambda dump: dump.startswith(METRICS_OFF),
    "agent SDKs": lambda dump: dump.startswith("gen_ai/"),
}
"""What a column is about, by the names of recordings."""

SDKS = sorted(
    f"gen_ai/{path.name.removesuffix('.json')}"
    for path in (SPANS / "gen_ai").glob("*.json")
    if "never_ended" not in path.name and "pipecat" not in path.name
)


def entries(role: str, *keys: str) -> Callable[[Json], bool]:
    """Whether an entry of a role has this, at any depth."""
    return lambda body: any(has(entry, *keys) for entry in body.get("transcript", ()) if entry["role"] == role)


def tools(*keys: str) -> Callable[[Json], bool]:
    """Whether a tool invocation has this, at any depth."""
    return lambda body: any(has(tool, *keys) for tool in body.get("toolInvocations", ()))


def whole(*keys: str) -> Callable[[Json], bool]:
    """Whether the call itself has this, at any depth."""
    return lambda body: has(body, *keys)


def agents(key: str) -> Callable[[Json], bool]:
    """Whether an agent of the call has this."""
    return lambda body: any(key in agent for agent in [*body.get("agents", ()), body.get("agent", {})])


def has(found: Any, *keys: str) -> bool:
    """Whether something is there, at any depth, and is not empty."""
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
    "`agents`, and whose an entry is": entries("AGENT", "agent"),
    "`endedStatus`, but that somebody did not speak": lambda body: (
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
"""What a call may hold, and how to see that it does."""


@pytest.fixture(name="bodies", scope="module")
def _bodies() -> dict[str, list[Json]]:
    """The calls of all recordings of voice frameworks; other tests prove that they arrive like this."""
    return {dump: arrived(dump) for dump in FRAMEWORKS}


def of_an_sdk(dump: str, sandbox: Sandbox) -> Json:
    """The call of a recording of an agent SDK, with the id that its app gave it."""
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
    """The table as README has it."""

    def cells(is_told: Callable[[Json], bool]) -> Iterable[str]:
        for is_about in COLUMNS.values():
            told = any(is_told(body) for dump, found in bodies.items() if is_about(dump) for body in found)
            yield "yes" if told else ""

    lines = [f"| in the call | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(cells(is_told))} |" for row, is_told in ROWS.items()]
    return "\n".join(lines)


def test_the_table_of_what_each_framework_tells_is_what_their_calls_hold(
    bodies: dict[str, list[Json]], sandbox: Sandbox
) -> None:
    told = table(bodies | {dump: [of_an_sdk(dump, sandbox)] for dump in SDKS})

    assert told in README, told
