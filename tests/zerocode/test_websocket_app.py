"""A FastAPI app under auto-instrumentation: its own spans carry the call, and a flood of others carries nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from support.helpers import wait_until, words
from support.instrumented import INSTRUMENT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel.sandbox import Sandbox

connect = pytest.importorskip("websockets.sync.client").connect

PER_SECOND = 100
SECONDS = 2


@pytest.fixture(name="address")
def _address(sandbox: Sandbox, tmp_path: Path) -> Iterator[str]:
    """The app, running; it is asked to end as a pod is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = environment(
        sandbox,
        tmp_path / "spool",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="",
        ROARK_EXPORT_TRACES="true",
        ROARK_QUIET_SECONDS="1",
        PYTHONPATH=str(Path(__file__).parent),
    )
    command = [
        str(INSTRUMENT),
        sys.executable,
        "-m",
        "uvicorn",
        "switchboard:app",
        "--port",
        str(port),
        "--ws",
        "websockets",
    ]
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(command, env={k: v for k, v in env.items() if v}, stdout=output, stderr=output)  # noqa: S603
        try:
            wait_until(lambda: is_open(port), 60)
            yield f"127.0.0.1:{port}"
            os.kill(process.pid, signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()
            process.wait()
    told = (tmp_path / "output").read_text(encoding="utf-8")
    assert "roark_otel" not in told, told


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def talk(address: str, call_id: str) -> int:
    """A call: sound a hundred times a second, two things said in it, and the line goes dead. How much was sent."""
    with connect(f"ws://{address}/media/{call_id}") as line:
        for number in range(PER_SECOND * SECONDS):
            line.send(json.dumps({"sound": "0" * 320}))
            if number in {50, 150}:
                line.send(json.dumps({"said": f"Sentence {number}"}))
                line.recv()
            time.sleep(1 / PER_SECOND)
        line.socket.shutdown(socket.SHUT_RDWR)  # no farewell
    return PER_SECOND * SECONDS


def test_a_webhook_a_flood_and_a_hang_up_are_one_call(sandbox: Sandbox, address: str) -> None:
    assert httpx.post(f"http://{address}/incoming/call-1", trust_env=False).status_code == 200
    assert talk(address, "call-1") == PER_SECOND * SECONDS
    wait_until(lambda: bool(sandbox.calls()), 60)

    call = sandbox.call("call-1")
    assert words(dict(call.body)) == [
        "Hello, how can I help?",
        "Sentence 50",
        "You said: Sentence 50",
        "Sentence 150",
        "You said: Sentence 150",
    ]
    assert "endedStatus" not in call.body  # a hang-up is no error, and no span says who ended it
    assert "roark_incomplete" not in call.body["properties"]
    assert "roark_dropped_events" not in call.body["properties"]
    wait_until(lambda: len(sandbox.call("call-1").trace_ids) == 2, 60)
    assert len(sandbox.calls()) == 1
