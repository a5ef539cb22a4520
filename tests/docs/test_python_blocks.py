"""Runs every block of Python in README, docs and the other documents, pasted as it stands, and looks at its call.

A block runs in its own process. Where it shows a part of an app, a prelude defines the names of that app.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from support.documents import Block, block, blocks, run, surroundings
from support.stand_ins import (
    IS_A_PAGE,
    LIVEKIT,
    OWN_DIALECT,
    PIPECAT,
    PRESIDIO,
    PRESIDIO_CALL,
    RUN_PIPELINE,
    SERVER,
)

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

QUESTION, ANSWER = ("CUSTOMER", "Where is my order?"), ("AGENT", "It was shipped.")

AROUND: dict[str, tuple[str, str]] = {
    "README.md: LiveKit Agents 1": (LIVEKIT, ""),
    "README.md: Pipecat 1": (PIPECAT, RUN_PIPELINE),
    "docs/hosts.md: Deployment: servers, workers and notebooks 1": (SERVER, "asyncio.run(serve())"),
    "docs/livekit.md: LiveKit Agents 1": (LIVEKIT, ""),
    "docs/own-dialect.md: Your own dialect 1": (OWN_DIALECT, "processor.shutdown()"),
    "docs/pages.md: One file 1": ("", IS_A_PAGE),
    "docs/pipecat.md: Before Pipecat 1.3 1": (PIPECAT, RUN_PIPELINE),
    "docs/pipecat.md: Pipecat 1": (PIPECAT, RUN_PIPELINE),
    "docs/privacy.md: Presidio 1": (PRESIDIO, PRESIDIO_CALL),
}
"""The code before and after a block that shows a part of an app."""

WHOLE = (
    "README.md: Any other app 1",
    "README.md: LiveKit Agents 1",
    "README.md: Pipecat 1",
    "docs/conversations.md: Conversations without a framework 1",
    "docs/get-started.md: With a tracer provider of your own 1",
    "docs/livekit.md: LiveKit Agents 1",
    "docs/pipecat.md: Before Pipecat 1.3 1",
    "docs/pipecat.md: Pipecat 1",
)
"""The blocks that are a whole app, which a reader pastes first."""

PARTS = {
    "docs/hosts.md: Deployment: servers, workers and notebooks 1": "call-123",
    "docs/privacy.md: Presidio 1": "call-123",
}
"""The id of the call that a block makes with what is around it."""

WAIT = """
import time as _time, roark_otel as _roark_otel
_deadline = _time.monotonic() + 60
while _roark_otel.stats().delivered < 1:
    assert _time.monotonic() < _deadline, _roark_otel.stats()
    _time.sleep(0.01)
"""
"""Waits for the call without a flush: one that rests because its root is not marked does not come."""


def paste(one: Block, sandbox: Sandbox, folder: Path, more: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a block as a program; warnings are errors."""
    before, after = AROUND.get(one.name, ("", ""))
    known = surroundings(sandbox, folder, ROARK_INSTRUMENT="none", **env)
    return run([sys.executable, "-W", "error", "-c", f"{before}\n{one.code}\n{after}\n{more}"], folder, known)


def named(found: list[Block]) -> list[Any]:
    return [pytest.param(one, id=one.name) for one in found]


@pytest.mark.parametrize("one", named([one for one in blocks("python") if one.name not in WHOLE]))
def test_a_block_runs(sandbox: Sandbox, tmp_path: Path, one: Block) -> None:
    template = "https://example.com/{external_id}.wav"
    ran = paste(one, sandbox, tmp_path, ROARK_RECORDING_URL_TEMPLATE=template, ROARK_EXPORT_TRACES="true")

    assert (ran.returncode, ran.stderr) == (0, "")
    made = [PARTS[one.name]] if one.name in PARTS else []
    assert [call["externalId"] for call in sandbox.calls()] == made


@pytest.mark.parametrize("one", named([one for one in blocks("python") if one.name in WHOLE]))
def test_a_whole_app_makes_a_call_that_looks_right(sandbox: Sandbox, tmp_path: Path, one: Block) -> None:
    """It is delivered soon, and linked; its times are honest; pasted twice, it makes two calls."""
    began = datetime.now(timezone.utc)
    env = {"ROARK_QUIET_SECONDS": "3600", "ROARK_EXPORT_TRACES": "true"}
    for _ in range(2):
        ran = paste(one, sandbox, tmp_path, WAIT, **env)
        assert (ran.returncode, ran.stderr) == (0, "")

    first, second = sandbox.calls()
    assert first["externalId"] != second["externalId"]
    for call in (first, second):
        assert len(sandbox.call(call["externalId"]).trace_ids) == 1
        looks_right(call, began)


def looks_right(call: dict[str, Any], began: datetime) -> None:
    """Checks what a reader sees of a call: the question and then the answer, with a wait that was measured."""
    started = datetime.fromisoformat(call["startedAt"].replace("Z", "+00:00"))
    assert began - timedelta(seconds=10) <= started <= datetime.now(timezone.utc)
    assert call["recordingUrl"].startswith(f"https://recordings.example.com/{call['externalId']}.")
    assert [(entry["role"], entry["text"]) for entry in call["transcript"]] == [QUESTION, ANSWER]
    asked, answered = call["transcript"]
    assert 0 < asked["startOffsetMs"] + 1 < asked["endOffsetMs"] < answered["startOffsetMs"] < answered["endOffsetMs"]
    assert 0 < call["properties"]["response_latency_p50_ms"] < 1_000
    assert not {"roark_incomplete", "roark_unlinked", "roark_clamped", "roark_clock_skew_ms"} & set(call["properties"])
    for use in call.get("toolInvocations", ()):
        assert asked["endOffsetMs"] < use["startOffsetMs"] < use["endOffsetMs"] < answered["startOffsetMs"]


def test_every_way_in_of_readme_is_a_whole_app() -> None:
    """README has no other Python than the three ways in: whoever pastes one gets a call."""
    ways = [one.name for one in blocks("python") if one.document == "README.md"]

    assert set(ways) <= set(WHOLE)
    assert [name.split(": ")[1] for name in ways] == ["LiveKit Agents 1", "Pipecat 1", "Any other app 1"]


def test_the_pages_of_a_framework_begin_as_readme_does() -> None:
    for framework, page in (("LiveKit Agents", "docs/livekit.md"), ("Pipecat", "docs/pipecat.md")):
        assert block("python", f"README.md: {framework} 1").code == block("python", f"{page}: {framework} 1").code


def test_a_conversation_has_its_tool(sandbox: Sandbox, tmp_path: Path) -> None:
    one = block("python", "docs/conversations.md: Conversations without a framework 1")

    assert paste(one, sandbox, tmp_path, ROARK_EXPORT_TRACES="true").returncode == 0
    (call,) = sandbox.calls()
    (use,) = call["toolInvocations"]
    assert (use["name"], use["parameters"], use["result"]) == ("lookup_order", {"id": 17}, {"status": "shipped"})
    assert (call["interfaceType"], call["callDirection"]) == ("PHONE", "INBOUND")


def test_the_recipe_with_presidio_hides_what_it_finds(sandbox: Sandbox, tmp_path: Path) -> None:
    one = block("python", "docs/privacy.md: Presidio 1")

    ran = paste(one, sandbox, tmp_path, ROARK_RECORDING_URL_TEMPLATE="https://example.com/{external_id}.wav")

    assert (ran.returncode, ran.stderr) == (0, "")
    (call,) = sandbox.calls()
    assert [entry["text"] for entry in call["transcript"]] == ["I am <PERSON>, [phone]."]
    uses = [(use["parameters"], use["result"]) for use in call["toolInvocations"]]
    assert uses == [({"name": "<PERSON>"}, {"found": ["<PERSON>"]}), ({}, {"error": "no <PERSON>"})]


def test_configure_prints_the_line_in_the_docs(sandbox: Sandbox, tmp_path: Path) -> None:
    one = block("python", "docs/get-started.md: In one line 1")

    ran = paste(one, sandbox, tmp_path)

    assert ran.stdout.strip() == one.code.rpartition("#")[2].strip()
