"""Words of a session that keeps them private appear nowhere, however its process ends."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from livekit.agents.telemetry import set_tracer_provider

from frameworks.livekit.scenarios import GREETING, POLICY
from support.paths import TESTS

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    "allow_pii" not in inspect.signature(set_tracer_provider).parameters, reason="this version keeps nothing private"
)

ENDINGS = ("closed", "left", "killed")
ASKED = "What can I return"
PATIENCE = 120


class Gone:
    """What is left of processes that held a call each: what Roark has, and the folder that they wrote to."""

    def __init__(self, folder: Path, sandbox: Sandbox, statuses: dict[str, int]) -> None:
        self.folder, self.statuses = folder, statuses
        self.bodies: dict[str, dict[str, Any]] = {str(body["externalId"]): dict(body) for body in sandbox.calls()}

    def everything(self, name: str) -> str:
        """All that is anywhere of a call: in its body, in its spool, and in what its process wrote."""
        files = [path for path in (self.folder / name).rglob("*") if path.is_file()]
        return repr(self.bodies.get(name)) + "".join(
            path.read_text(encoding="utf-8", errors="replace") for path in files
        )


@pytest.fixture(name="gone", scope="module")
def _gone(tmp_path_factory: pytest.TempPathFactory, roark: Sandbox) -> Gone:
    folder = tmp_path_factory.mktemp("private")
    names = [f"{ending}-private" for ending in ENDINGS] + ["left-open"]
    running = {name: _start(name, folder / name, roark.url) for name in names}
    try:
        return Gone(folder, roark, {name: process.wait(PATIENCE) for name, process in running.items()})
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def _start(name: str, folder: Path, url: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("ROARK_", "OTEL_", "LIVEKIT_"))}
    environ["PYTHONPATH"] = str(TESTS)
    command = [sys.executable, str(Path(__file__).with_name("private.py")), *name.split("-"), str(folder), url]
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(command, env=environ, stdout=output, stderr=output)  # noqa: S603 - our own script


def test_without_privacy_the_words_up_to_the_end_are_said(gone: Gone) -> None:
    """So the others would tell them, too."""
    body = gone.bodies["left-open"]

    assert gone.statuses["left-open"] == 0, gone.everything("left-open")
    assert [entry["text"] for entry in body["transcript"]][:2] == [GREETING, ASKED]
    assert body["properties"]["roark_incomplete"] is True


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_words_of_a_private_session_are_nowhere(gone: Gone, ending: str) -> None:
    found = gone.everything(f"{ending}-private")

    assert gone.statuses[f"{ending}-private"] == (-9 if ending == "killed" else 0), found
    for words in (*GREETING.split(", "), ASKED, *POLICY.split(". ")):
        assert words not in found


def test_a_private_session_still_makes_a_call_that_says_when_it_was(gone: Gone) -> None:
    body = gone.bodies["closed-private"]

    assert "transcript" not in body
    assert body["properties"]["framework"] == "livekit-agents"
