"""Walks as newcomers take them: a wheel, a fresh environment, lines of the documents, and a call in the local Roark.

`make test-newcomer` runs them, with what indexes have today. Each ends within five minutes, installation and all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from roark_otel.sandbox import Sandbox
from support.documents import block
from support.paths import ROOT, TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTES = 5
FASTAPI = """
import uuid

import roark_otel
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient

roark_otel.configure(service_name="order-desk")

{lifespan}

app = FastAPI(lifespan=lifespan)


@app.websocket("/talk")
async def talk(websocket: WebSocket):
    await websocket.accept()
    call_id = f"call-{{uuid.uuid4()}}"
    recording_url = f"https://recordings.example.com/{{call_id}}.wav"
    async with roark_otel.conversation(call_id, recording_url=recording_url) as call:
        call.customer_said(await websocket.receive_text())
        call.agent_said("It was shipped.")
        await websocket.send_text("It was shipped.")


with TestClient(app) as client:
    with client.websocket_connect("/talk") as socket:
        socket.send_text("Where is my order?")
        socket.receive_text()
"""
"""An app with the lines of docs/hosts.md and docs/conversations.md; its client is in the same process."""


class Newcomer:
    """Somebody with an empty folder and a fresh environment, who knows no other file of the repository."""

    def __init__(self, folder: Path, wheel: Path, sandbox: Sandbox) -> None:
        self._folder, self._wheel = folder, wheel
        self._until = time.monotonic() + 6 * MINUTES * 60  # for what belongs to the test, which no newcomer does
        known = {
            name: value for name, value in os.environ.items() if not name.startswith(("ROARK_", "OTEL_", "PYTHON"))
        }
        key = {"ROARK_API_KEY": "any", "ROARK_BASE_URL": sandbox.url, "ROARK_EXPORT_TRACES": "true"}
        self._env = {**known, **key, "HOME": str(folder), "PATH": f"{folder / 'env/bin'}:{os.environ['PATH']}"}
        self._run(sys.executable, "-m", "venv", str(folder / "env"))

    def install(self, extra: str, *more: str) -> None:
        """Installs the wheel with an extra, and what else an app needs. With it the minutes begin."""
        self._until = time.monotonic() + MINUTES * 60
        self._run(str(self._folder / "env/bin/python"), "-m", "pip", "install", "-q", f"{self._wheel}[{extra}]", *more)

    def paste(self, code: str, *command: str) -> str:
        """Saves code as an app and runs it."""
        (self._folder / "app.py").write_text(code, encoding="utf-8")
        if not command:
            return self.run("python", "app.py")
        return self._run(*command, "python", "app.py")

    def run(self, *command: str) -> str:
        """Runs a command of the environment; returns what it prints."""
        return self._run(str(self._folder / "env/bin" / command[0]), *command[1:])

    def _run(self, *command: str) -> str:
        left = self._until - time.monotonic()
        done = subprocess.run(  # noqa: S603 - what the documents say
            command, cwd=self._folder, env=self._env, capture_output=True, text=True, timeout=left, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(name="wheel", scope="module")
def _wheel() -> Path:
    (wheel,) = (ROOT / "dist").glob("*.whl")
    return wheel


@pytest.fixture(name="roark")
def _roark() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(name="newcomer")
def _newcomer(tmp_path: Path, wheel: Path, roark: Sandbox) -> Newcomer:
    return Newcomer(tmp_path, wheel, roark)


def has_the_call(roark: Sandbox) -> None:
    """Checks that one call came, linked, with the question and then the answer."""
    (call,) = roark.calls()
    assert [entry["text"] for entry in call["transcript"]] == ["Where is my order?", "It was shipped."]
    assert len(roark.call(call["externalId"]).trace_ids) == 1


def test_the_demo(newcomer: Newcomer) -> None:
    newcomer.install("local")

    assert "barge-in" in newcomer.run("roark-otel", "demo")


def test_any_other_app(newcomer: Newcomer, roark: Sandbox) -> None:
    newcomer.install("otlp")

    newcomer.paste(block("python", "README.md: Any other app 1").code)

    has_the_call(roark)


def test_fastapi(newcomer: Newcomer, roark: Sandbox) -> None:
    newcomer.install("otlp", "fastapi")
    name = "docs/hosts.md: Deployment: servers, workers and notebooks 1"

    newcomer.paste(FASTAPI.format(lifespan=block("python", name).code))

    has_the_call(roark)


def test_auto_instrumentation(newcomer: Newcomer, roark: Sandbox) -> None:
    """The app knows nothing of this package; the first command of the page is run, without its installation."""
    newcomer.install("auto,otlp")
    code = block("python", "docs/get-started.md: With a tracer provider of your own 1").code
    plain = [line for line in code.splitlines() if "roark_otel" not in line and "provider" not in line.lower()]
    (exports,) = [
        line
        for line in block("sh", "docs/auto-instrumentation.md: Auto-instrumentation 1").code.splitlines()
        if line.startswith("export ")
    ]

    newcomer.paste("\n".join(plain), "env", *exports.removeprefix("export ").split(), "opentelemetry-instrument")

    has_the_call(roark)


@pytest.mark.parametrize(
    ("package", "tests"),
    [
        (
            "livekit-agents~=1.8.0",
            "livekit/test_talk.py::test_the_lines_of_readme_give_a_call_its_id_and_its_recording",
        ),
        (
            "pipecat-ai[cartesia,openai,tracing]~=1.14.0",
            "pipecat/test_pipecat_apps.py::test_every_call_is_linked_to_a_trace_of_its_own[call-123]",
        ),
    ],
    ids=["LiveKit", "Pipecat"],
)
def test_a_framework(newcomer: Newcomer, tmp_path: Path, package: str, tests: str) -> None:
    """README's lines with the real framework, and this package from the wheel: its sources are not there."""
    shutil.copytree(TESTS, tmp_path / "tests")
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    newcomer.run("python", "-m", "pip", "install", "-q", "--upgrade", "pip>=25.1")  # which knows groups
    newcomer.run("python", "-m", "pip", "install", "-q", "--group", f"{ROOT / 'pyproject.toml'}:test")
    newcomer.install("local,otlp", package, "opentelemetry-distro")

    printed = newcomer.run("python", "-m", "pytest", "-q", "-n", "0", f"tests/frameworks/{tests}")

    assert "1 passed" in printed
