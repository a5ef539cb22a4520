"""Compares the tables of docs/frameworks.md with the calls of the recorded conversations.

Every cell and every number of them comes from there; with UPDATE_DOCS in the environment, the tables are written.
"""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor
from roark_otel._model.silence import SIDES
from roark_otel.dialects.pipecat.turns import SILENCE_NS
from support.paths import ROOT, SPANS
from support.replaying import FRAMEWORKS, RECORDING, arrived, load, replay, truths
from support.scoring import EDGES, score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel.sandbox import Sandbox
    from support.scoring import Score

Json = dict[str, Any]

DOCUMENT = ROOT / "docs" / "frameworks.md"
UPDATE = "UPDATE_DOCS=1 .venv/bin/python -m pytest tests/docs/test_frameworks_table.py"
METRICS_OFF = "pipecat/metrics_disabled"

COLUMNS: dict[str, Callable[[str], bool]] = {
    "LiveKit 1.8": lambda dump: dump.startswith("livekit/1.8"),
    "LiveKit 1.5 to 1.7": lambda dump: dump.startswith(("livekit/1.5", "livekit/1.6", "livekit/1.7")),
    "LiveKit 1.3, 1.4": lambda dump: dump.startswith(("livekit/1.3", "livekit/1.4")),
    "Node.js 1.9": lambda dump: dump.startswith("livekit-js/"),
    "Pipecat": lambda dump: dump.startswith("pipecat/") and not dump.startswith(METRICS_OFF),
    "Pipecat, metrics off": lambda dump: dump.startswith(METRICS_OFF),
    "realtime": lambda dump: dump.startswith("realtime/"),
    "agent SDKs": lambda dump: dump.startswith("gen_ai/"),
}
"""The recordings of each column, by their names."""

SDKS = sorted(
    f"gen_ai/{path.name.removesuffix('.json')}"
    for path in (SPANS / "gen_ai").glob("*.json")
    if not {".never_ended", ".truth"} & set(path.suffixes) and "pipecat" not in path.name
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


def is_silence(body: Json) -> bool:
    """Returns whether a call says of a side that it did not speak."""
    return body.get("endedStatus") in SIDES


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
    "`endedStatus`, other than `*_DID_NOT_SPEAK`": lambda body: "endedStatus" in body and not is_silence(body),
    "`endedStatus`: `*_DID_NOT_SPEAK`": lambda body: is_silence(body),
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
    assert processor.force_flush(120_000)
    processor.shutdown()
    return dict(sandbox.call(dump).body)


def fields(bodies: dict[str, list[Json]]) -> str:
    """Returns the table of fields."""

    def cells(has_row: Callable[[Json], bool]) -> Iterable[str]:
        for is_in_column in COLUMNS.values():
            is_given = any(has_row(body) for dump, found in bodies.items() if is_in_column(dump) for body in found)
            yield "yes" if is_given else ""

    return table("in the call", list(COLUMNS), {row: cells(has_row) for row, has_row in ROWS.items()})


def exactness(bodies: dict[str, list[Json]]) -> str:
    """Returns the table of how exact the calls of voice frameworks are, against what was really said and done."""
    scores = [score(dump, {body["externalId"]: body for body in found}) for dump, found in bodies.items()]
    columns = {
        column: [one for one in scores if is_in_column(one.dump)]
        for column, is_in_column in COLUMNS.items()
        if any(is_in_column(one.dump) for one in scores)
    }
    hits: dict[str, Callable[[Score], tuple[int, int]]] = {
        "utterances word for word": lambda one: one.text,
        "tool uses with arguments and result": lambda one: one.tools,
    }
    rows = {"recorded conversations": [str(sum(len(truths(one.dump)) for one in found)) for found in columns.values()]}
    for row, of in hits.items():
        rows[row] = [in_words(*map(sum, zip(*map(of, found), strict=True))) for found in columns.values()]
    for edge in EDGES:
        of_edge = ([off for one in found for off in one.off_ms.get(edge, ())] for found in columns.values())
        rows[f"median error, {edge}"] = [f"{statistics.median(off):.0f} ms" if off else "" for off in of_edge]
    return table("", list(columns), rows)


def in_words(hits: int, of: int) -> str:
    return f"{hits} of {of}" if of else ""


def table(name: str, columns: list[str], rows: dict[str, Iterable[str]] | dict[str, list[str]]) -> str:
    """Returns a table as the page has it."""
    lines = [f"| {name} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(cells)} |" for row, cells in rows.items()]
    return "\n".join(lines)


def compare(heading: str, expected: str) -> None:
    """Compares the first table below a heading; with UPDATE_DOCS in the environment, writes it."""
    page = DOCUMENT.read_text(encoding="utf-8")
    before, below = page.split(f"\n## {heading}\n")
    start = below.index("\n|") + 1
    written = below[start : below.index("\n\n", start)]
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(f"{before}\n## {heading}\n{below.replace(written, expected, 1)}", encoding="utf-8")
        return
    assert written == expected, f"{DOCUMENT.name} is out of date; to update it: {UPDATE}\n{expected}"


def test_the_fields_are_those_of_the_recorded_calls(bodies: dict[str, list[Json]], sandbox: Sandbox) -> None:
    compare("Field by field", fields(bodies | {dump: [of_an_sdk(dump, sandbox)] for dump in SDKS}))


def test_the_number_of_the_page_is_the_reader_s() -> None:
    """Pipecat's timer is the one that its turns are read by."""
    assert f"stayed silent for {SILENCE_NS / 1e9} s" in DOCUMENT.read_text(encoding="utf-8")


def test_how_exact_the_recorded_calls_are(bodies: dict[str, list[Json]]) -> None:
    compare("How exact", exactness(bodies))
