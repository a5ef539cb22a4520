"""Runs every block of code in README, docs and the other documents, pasted as it stands.

A block of Python runs in its own process. Where it shows a part of an app, a prelude defines the names of that app;
those of LiveKit and Pipecat are stand-ins here, and `tests/frameworks` runs the real ones. A block of shell runs in
bash, in a folder with an app and a file of spans; `pip` and `make` only check there that the package's extra or the
target exists, because their work is done already.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from roark_otel.sandbox import Sandbox
from support.helpers import KEY, T0
from support.instrumented import CONVERSATION, NO_COLLECTOR
from support.otlp_lines import Ended, line
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent

HAS_AUTO = (BIN / "opentelemetry-instrument").exists()
"""The environments of older OpenTelemetry versions have no auto-instrumentation."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code: its document, its heading, its index there, its language."""

    document: str
    heading: str
    number: int
    language: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.document}: {self.heading} {self.number}"


def blocks(language: str) -> list[Block]:
    found: list[Block] = []
    for document in DOCUMENTS:
        heading, number = "", 0
        # A heading, or a block, in which a line may look like a heading.
        for match in re.finditer(
            r"^#+ ([^\n]+)$|^```(\w*)\n(.*?)^```$", document.read_text("utf-8"), re.DOTALL | re.MULTILINE
        ):
            if match[1]:
                heading, number = match[1], 0
            elif match[2] == language:
                number += 1
                found.append(Block(document.relative_to(ROOT).as_posix(), heading, number, language, match[3]))
    return found


def fenced(text: str, language: str) -> list[str]:
    """Returns the blocks of a language; those without a language show a screen."""
    every = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [code for tongue, code in every if tongue == language]


def surroundings(sandbox: Sandbox, folder: Path, **more: str) -> dict[str, str]:
    path = os.pathsep.join([str(folder / "shims"), str(BIN), os.environ.get("PATH", "")])
    return {
        **os.environ,
        **NO_COLLECTOR,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "ROARK_API_KEY": KEY,
        "ROARK_BASE_URL": sandbox.url,
        "ROARK_LINGER_SECONDS": "0.05",
        "ROARK_EXIT_TIMEOUT_SECONDS": "60",  # a slow machine delivers too
        **more,
    }


def run(command: list[str], folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end. After two minutes it is killed, with the processes that it started."""
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own documents
        command, cwd=folder, env=dict(env), stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


# Python

LIVEKIT = """
import asyncio
from types import SimpleNamespace
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(RoarkSpanProcessor())

class Session:
    async def start(self, *, agent, room):
        with trace.get_tracer("livekit-agents").start_as_current_span("agent_session") as root:
            root.add_event("roark.transcript", {"role": "agent", "text": "Hello."})

agent, session, ctx = object(), Session(), SimpleNamespace(room=SimpleNamespace(name="room-1"))
callbacks = []
ctx.add_shutdown_callback = callbacks.append
"""

SERVER = """
import asyncio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(RoarkSpanProcessor())

async def serve():
    async with lifespan(None):
        async with roark_otel.conversation("call-123") as call:
            call.customer_said("Where is my order?")
    assert roark_otel.stats().delivered == 1
"""

PIPECAT = """
from types import SimpleNamespace as PipelineParams
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(RoarkSpanProcessor())
pipeline = object()

def PipelineWorker(pipeline, *, params, enable_tracing, additional_span_attributes):
    assert params.enable_metrics and enable_tracing
    with trace.get_tracer("pipecat").start_as_current_span("conversation") as root:
        root.set_attributes(additional_span_attributes)
        root.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
"""

PRESIDIO = """
import sys
from types import ModuleType, SimpleNamespace

class Analyzer:
    def analyze(self, *, text, language):
        assert language == "en"
        return [text.index("Ada")] if "Ada" in text else []

class Anonymizer:
    def anonymize(self, *, text, analyzer_results):
        return SimpleNamespace(text=text.replace("Ada", "<PERSON>") if analyzer_results else text)

for name, engine, of in (("analyzer", "AnalyzerEngine", Analyzer), ("anonymizer", "AnonymizerEngine", Anonymizer)):
    module = sys.modules["presidio_" + name] = ModuleType("presidio_" + name)
    setattr(module, engine, of)
"""
"""Stand-ins for Presidio, which is not installed here: as its two engines are called, with one name that they find."""

PRESIDIO_CALL = """
import roark_otel
from opentelemetry.sdk.trace import TracerProvider

provider = TracerProvider()
provider.add_span_processor(processor)
with roark_otel.conversation("call-123", tracer_provider=provider) as call:
    call.customer_said("I am Ada, 555-010-0123.")
    with call.tool("look_up", {"name": "Ada"}) as tool:
        tool.result({"found": ["Ada"]})
    with call.tool("fail", {}) as tool:
        tool.error("no Ada")
assert provider.force_flush()
"""

OWN_DIALECT = f"""
import runpy
MY_DIALECT = runpy.run_path({str(ROOT / "examples" / "own_dialect.py")!r}, run_name="example")["SWITCHBOARD"]
"""

AROUND: dict[str, tuple[str, str]] = {
    "README.md: LiveKit Agents 1": (LIVEKIT, "asyncio.run(entrypoint(ctx))\nasyncio.run(callbacks[0]())"),
    "README.md: Servers, workers and notebooks 1": (SERVER, "asyncio.run(serve())"),
    "README.md: Pipecat 1": (PIPECAT, ""),
    "README.md: Your own dialect 1": (OWN_DIALECT, "processor.shutdown()"),
    "docs/privacy.md: Presidio 1": (PRESIDIO, PRESIDIO_CALL),
}
"""The code before and after a block that shows a part of an app."""

MAKES: dict[str, str] = {
    "README.md: Use it 1": "call-123",
    "README.md: LiveKit Agents 1": "room-1",
    "README.md: Pipecat 1": "call-123",
    "README.md: Servers, workers and notebooks 1": "call-123",
    "docs/privacy.md: Presidio 1": "call-123",
}
"""The id of the call that a block makes."""


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in blocks("python")])
def test_a_block_of_python_runs(sandbox: Sandbox, tmp_path: Path, block: Block) -> None:
    before, after = AROUND.get(block.name, ("", ""))
    env = surroundings(sandbox, tmp_path, ROARK_RECORDING_URL_TEMPLATE="https://example.com/{external_id}.wav")

    ran = run([sys.executable, "-W", "error", "-c", f"{before}\n{block.code}\n{after}"], tmp_path, env)

    assert (ran.returncode, ran.stderr) == (0, "")
    made = [MAKES[block.name]] if block.name in MAKES else []
    assert [call["externalId"] for call in sandbox.calls()] == made


def test_the_first_example_makes_a_call(sandbox: Sandbox, tmp_path: Path) -> None:
    """With only a key in the environment, it makes a call at Roark."""
    code = next(block.code for block in blocks("python") if block.name == "README.md: Use it 1")

    ran = run([sys.executable, "-W", "error", "-c", code], tmp_path, surroundings(sandbox, tmp_path))

    assert (ran.returncode, ran.stderr) == (0, "")
    (call,) = sandbox.calls()
    assert [entry["text"] for entry in call["transcript"]] == ["Hello, how can I help?", "Where is my order?"]


def test_the_recipe_with_presidio_hides_what_it_finds(sandbox: Sandbox, tmp_path: Path) -> None:
    (block,) = [block for block in blocks("python") if block.document == "docs/privacy.md"]
    code = f"{PRESIDIO}\n{block.code}\n{PRESIDIO_CALL}"

    ran = run(
        [sys.executable, "-W", "error", "-c", code],
        tmp_path,
        surroundings(sandbox, tmp_path, ROARK_RECORDING_URL_TEMPLATE="https://example.com/{external_id}.wav"),
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    (call,) = sandbox.calls()
    assert [entry["text"] for entry in call["transcript"]] == ["I am <PERSON>, [phone]."]
    uses = [(use["parameters"], use["result"]) for use in call["toolInvocations"]]
    assert uses == [({"name": "<PERSON>"}, {"found": ["<PERSON>"]}), ({}, {"error": "no <PERSON>"})]


def test_configure_prints_the_line_in_the_readme(sandbox: Sandbox, tmp_path: Path) -> None:
    block = next(block for block in blocks("python") if block.heading == "In one line")

    ran = run([sys.executable, "-W", "error", "-c", block.code], tmp_path, surroundings(sandbox, tmp_path))

    assert ran.stdout.strip() == block.code.rpartition("#")[2].strip()


# Shell

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
if sys.argv[1] != "sandbox":
    sys.exit(subprocess.run(command).returncode)
command[command.index("--port") + 1] = "0"  # the one in the README may be taken on this machine
with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
    started = next(line for line in process.stdout if line.startswith("List the calls"))
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
    "README.md: Looking after the spool 1": [
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
    "README.md: Without changing the app 1": ["call-from-the-shell"],
    "README.md: Without changing the app 2": ["call-from-the-shell"],
    "README.md: Recorded spans 1": REPLAYED,
}
"""The ids of the calls that a block of shell makes."""


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in blocks("sh")])
def test_a_block_of_shell_runs(sandbox: Sandbox, folder: Path, block: Block) -> None:
    """It runs as it stands, except for the key, which README leaves out."""
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


def screen(heading: str) -> str:
    return next(iter(fenced(README.split(f"## {heading}\n")[1].split("\n## ")[0], "")))


def test_the_screen_of_a_replay(sandbox: Sandbox, folder: Path) -> None:
    ran = run([str(BIN / "roark-otel"), "replay", "spans.json"], folder, surroundings(sandbox, folder))

    assert ran.stdout + ran.stderr == screen("Recorded spans")


ELSEWHERE = ("Python:", "versions:", "framework:", "opentelemetry-instrument:", "spool:", "name:", "TLS:")
"""Lines of doctor's screen that depend on the machine; the sandbox has neither a name nor TLS."""


def test_the_screen_of_doctor(folder: Path) -> None:
    with Sandbox(api_key="another") as sandbox:
        env = surroundings(sandbox, folder, ROARK_LINGER_SECOND="3")
        ran = run([str(BIN / "roark-otel"), "doctor"], folder, env)

    shown = screen("Troubleshooting").splitlines()[1:]
    lines = [one for one in shown if not one[9:].startswith(ELSEWHERE)]
    assert len(lines) > 8
    assert [one for one in lines if one not in ran.stdout.splitlines()] == []
    assert {one[9:].split(":")[0] for one in shown if one[:9].strip()} >= {"TLS", "name", "spool", "framework"}
