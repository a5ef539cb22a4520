"""Whoever sets up this package in a line, or in none, hears a realtime session: in apps as users have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from frameworks.livekit.comparing import asked, results, said, tools, transcript
from frameworks.livekit.customer import Speech
from frameworks.livekit.heard_app import RECORDING
from frameworks.livekit.rig import Ran, Truth
from support.instrumented import INSTRUMENT, environment, run
from support.paths import TESTS

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

_CONFIGURE = "import roark_otel\nprint(roark_otel.configure())\n"
_HOLD = """
from pathlib import Path
from frameworks.livekit.heard_app import hold
"""
_WAYS = {
    "configured": _CONFIGURE + _HOLD,
    "configured after the import": _HOLD + _CONFIGURE,
    "instrumented": _HOLD,
}


def truth_in(folder: Path) -> Truth:
    """What really happened in the call."""
    left = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    speeches = {who: [Speech(*one) for one in left[who]] for who in ("customer", "agent")}
    return Truth(left["history"], **speeches, tools=[Ran(**one) for one in left["tools"]], closed=left["closed"])


@pytest.mark.parametrize(
    ("way", "external_id"),
    [
        ("configured", "talk"),
        ("configured after the import", "talk-client"),
        ("instrumented", "talk"),
        ("instrumented", "talk-client"),
    ],
)
def test_a_realtime_session_is_heard(sandbox: Sandbox, tmp_path: Path, way: str, external_id: str) -> None:
    is_instrumented = way == "instrumented"
    if is_instrumented and not INSTRUMENT.exists():
        pytest.skip("opentelemetry-instrumentation is not installed here")
    code = f"{_WAYS[way]}hold({external_id!r}, Path({str(tmp_path)!r}))\n"
    env = environment(sandbox, tmp_path / "spool", PYTHONPATH=str(TESTS))

    ran = run(tmp_path / "app.py", code, env, instrumented=is_instrumented)

    assert ran.status == 0, ran.err
    assert "roark_otel" not in ran.err
    (call,) = sandbox.calls()
    truth, body = truth_in(tmp_path), dict(call)
    assert (body["externalId"], body["recordingUrl"]) == (external_id, RECORDING)
    assert len(said(truth)) == 12
    assert transcript(body) == said(truth)
    assert tools(body) == asked(truth)
    assert results(body) == ["Main Street, Lindau"]


def test_who_is_to_listen_to_nothing_hears_no_customer(sandbox: Sandbox, tmp_path: Path) -> None:
    """Which shows that what is heard above is not on the spans."""
    code = f"{_WAYS['configured']}hold('late', Path({str(tmp_path)!r}))\n"
    env = environment(sandbox, tmp_path / "spool", PYTHONPATH=str(TESTS), ROARK_INSTRUMENT="none")

    ran = run(tmp_path / "app.py", code, env, instrumented=False)

    assert ran.status == 0, ran.err
    (call,) = sandbox.calls()
    assert {entry["role"] for entry in call["transcript"]} == {"AGENT"}
