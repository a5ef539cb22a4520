"""Runs every block of shell in README, docs and the other documents, and compares the screens that they show.

A block runs in bash, in a folder with an app and a file of spans; `pip` and `make` only check there that the package's
extra or the target exists, because their work is done already, and the commands that go on are ended once they run.
"""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from roark_otel.sandbox import Sandbox
from support.documents import BIN, Block, blocks, run, surroundings
from support.helpers import KEY, T0
from support.instrumented import CONVERSATION
from support.otlp_lines import Ended, line
from support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HAS_AUTO = (BIN / "opentelemetry-instrument").exists()
"""The environments of older OpenTelemetry versions have no auto-instrumentation."""

SHIMS = {
    "pip": """
import re, sys
from importlib.metadata import metadata
known = metadata("roark-otel")
for asked in sys.argv[2:]:
    name, extras = re.fullmatch(r"([\\w.-]+)(?:\\[([\\w,]+)\\])?", asked).groups()
    assert name == "roark-otel", asked
    missing = set((extras or "").split(",")) - {""} - set(known.get_all("Provides-Extra"))
    assert not missing, missing
""",
    "make": f"""
import subprocess, sys
sys.exit(subprocess.run(["/usr/bin/env", "-u", "MAKEFLAGS", {shutil.which("make")!r}, "-n", "-C", {str(ROOT)!r},
    *sys.argv[1:]], stdout=subprocess.DEVNULL).returncode)
""",
    "roark-otel": """
import os, signal, subprocess, sys, time
command = [sys.executable, "-m", "roark_otel.cli", *sys.argv[1:]]
if sys.argv[1] not in {"gateway", "sandbox"}:
    sys.exit(subprocess.run(command).returncode)
command[command.index("--port") + 1] = "0"  # the one in the documents may be taken on this machine
if sys.argv[1] == "gateway":
    with subprocess.Popen([*command, "--no-grpc"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("The gateway takes spans: ")
        process.send_signal(signal.SIGTERM)
    sys.exit(process.returncode)
with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
    started = next(line for line in process.stdout if line.startswith("See them"))
    deadline = time.monotonic() + 30
    while not os.path.isdir("roark") and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
print("LISTENED", os.path.isdir("roark"))
""",
}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Makes a folder with an app, a file of spans, and stand-ins for the commands that need not run again."""
    (tmp_path / "app.py").write_text(CONVERSATION + "hold('call-from-the-shell')\n", encoding="utf-8")
    (tmp_path / "spans.json").write_bytes(b"".join(line(a_call(number)) for number in range(13)))
    shims = tmp_path / "shims"
    shims.mkdir()
    for name, code in SHIMS.items():
        (shims / name).write_text(f"#!{sys.executable}\n{code}", encoding="utf-8")
        (shims / name).chmod(0o755)
    return tmp_path


def a_call(number: int) -> list[Any]:
    seen = Ended()
    provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False)
    provider.add_span_processor(seen)
    about: dict[str, Any] = {"roark.external_id": f"call-{number}", "roark.conversation.root": True}
    if number != 9:
        about["roark.recording_url"] = f"https://example.com/{number}.wav"
    start = T0 + number * 60_000_000_000
    root = provider.get_tracer("app").start_span("call", start_time=start, attributes=about)
    root.add_event("roark.transcript", {"role": "agent", "text": "Hello."}, start)
    root.end(start + 1_000_000_000)
    return seen.spans


REPLAYED = sorted(f"call-{number}" for number in range(13) if number != 9)

SPELLED: dict[str, list[tuple[str, str]]] = {
    "docs/spool.md: Looking after the spool 1": [
        ("retry ID | --rejected", "retry --rejected"),
        ("[--follow]", ""),
        (" ID", " call-that-waits"),
        ("[--body]", "--body"),
        ("URL", "https://example.com/a.wav"),
        ("DIR", "spool"),
    ]
}
"""Replacements for the placeholders of a synopsis, which is not a command yet."""

WAITS = """
from roark_otel import RoarkSpanProcessor
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider()
provider.add_span_processor(RoarkSpanProcessor())
trace.set_tracer_provider(provider)
with trace.get_tracer("app").start_as_current_span("call", attributes={"roark.external_id": "call-that-waits"}) as call:
    call.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
"""
"""Leaves a call without a recording in the spool, for the commands that look after it."""

LEAVES: dict[str, list[str]] = {
    "docs/auto-instrumentation.md: Auto-instrumentation 1": ["call-from-the-shell"],
    "docs/auto-instrumentation.md: Auto-instrumentation 2": ["call-from-the-shell"],
    "docs/replay.md: Recorded spans 1": REPLAYED,
}
"""The ids of the calls that a block of shell makes."""


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in blocks("sh")])
def test_a_block_runs(sandbox: Sandbox, folder: Path, block: Block) -> None:
    """It runs as it stands, except for the key, which the documents leave out."""
    if "opentelemetry-instrument" in block.code and not HAS_AUTO:
        pytest.skip("auto-instrumentation is not installed here")
    env = surroundings(sandbox, folder, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="asgi,fastapi")

    code = block.code.replace("…", KEY)
    for open_, filled in SPELLED.get(block.name, []):
        code = code.replace(open_, filled)
    if block.name in SPELLED:
        run([sys.executable, "-c", "from opentelemetry import trace\n" + WAITS], folder, env)

    ran = run(["bash", "-c", code], folder, env)

    leaves = LEAVES.get(block.name, [])
    assert (ran.returncode, "Traceback" in ran.stderr) == (1 if leaves == REPLAYED else 0, False), ran.stderr
    assert "usage: " not in ran.stderr
    assert sorted(call["externalId"] for call in sandbox.calls()) == leaves
    assert ("LISTENED True" in ran.stdout) is ("roark-otel sandbox" in block.code)


# Screens


def screen(page: str) -> str:
    """Returns the first screen of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    every = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return next(code for language, code in every if not language)


def test_the_screen_of_a_replay(sandbox: Sandbox, folder: Path) -> None:
    ran = run([str(BIN / "roark-otel"), "replay", "spans.json"], folder, surroundings(sandbox, folder))

    assert ran.stdout + ran.stderr == screen("replay.md")


ELSEWHERE = ("Python:", "versions:", "framework:", "opentelemetry-instrument:", "spool:", "name:", "TLS:")
"""Lines of doctor's screen that depend on the machine; the sandbox has neither a name nor TLS."""


def test_the_screen_of_doctor(folder: Path) -> None:
    with Sandbox(api_key="another") as sandbox:
        env = surroundings(sandbox, folder, ROARK_LINGER_SECOND="3")
        ran = run([str(BIN / "roark-otel"), "doctor"], folder, env)

    shown = screen("troubleshooting.md").splitlines()[1:]
    lines = [one for one in shown if not one[9:].startswith(ELSEWHERE)]
    assert len(lines) > 8
    assert [one for one in lines if one not in ran.stdout.splitlines()] == []
    assert {one[9:].split(":")[0] for one in shown if one[:9].strip()} >= {"TLS", "name", "spool", "framework"}
