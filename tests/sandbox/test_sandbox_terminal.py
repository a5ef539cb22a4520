"""The lines that a sandbox logs for what arrives, and that `roark-otel sandbox` shows."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]
DEADLINE = 60
LOGGER = "roark_sandbox"


def span(trace: str, number: int = 1) -> Json:
    secret = {"key": "gen_ai.input.messages", "value": {"stringValue": "my secret words"}}
    return {"traceId": trace * 32, "spanId": f"{number:016x}", "name": "secret name", "attributes": [secret]}


def export(*spans: Json) -> Json:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def test_each_arrival_has_a_line_of_ids_and_counts(
    sandbox: Sandbox, raw: httpx.Client, call_body: Callable[..., Json], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    entry = {"role": "AGENT", "text": "my secret words", "startOffsetMs": 0, "endOffsetMs": 1}
    tool = {"name": "secret_tool", "parameters": {"secret": 1}, "result": "secret", "startOffsetMs": 1}
    body = call_body(externalId="call-1", transcript=[entry, entry], toolInvocations=[tool])
    call_id = raw.post("/v1/call", json=body).json()["data"]["id"]
    raw.post("/v1/call", json=body)
    raw.post("/v1/call", json={"externalId": "call-2", "startedAt": "secret", "recordingUrl": "secret"})
    raw.post("/v1/call", content=b"secret")
    raw.post("/v1/traces", json=export(span("a"), span("a", 2), span("b"), span("0")))
    raw.post("/v1/traces", content=b"secret")
    httpx.get(f"{sandbox.url}/secret", headers={"Host": "evil.example"}, trust_env=False)

    assert lines(caplog) == [
        f"call call-1 is {call_id}: 201, 2 entries, 1 tool",
        "refused call-1: 409, 1 field: /refused/2",
        "refused call-2: 400, 4 fields: /refused/3",
        "refused a request without an id: 400, 0 fields: /refused/4",
        f"trace {'a' * 32}: 2 spans",
        f"trace {'b' * 32}: 1 span",
        "refused 1 span: an invalid id or time",
        "refused a request: 415, an export of spans",
        "refused a request: 403, the Host header names another host (see --allow-host)",
    ]
    assert "secret" not in "".join(lines(caplog))


@pytest.mark.parametrize("external_id", ["a\x1b[2Jb", "a\nrefused call-9: 400", "\u202eabc", "\x9b31m", "x" * 255])
def test_an_id_does_nothing_to_the_terminal(
    raw: httpx.Client, call_body: Callable[..., Json], caplog: pytest.LogCaptureFixture, external_id: str
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    raw.post("/v1/call", json=call_body(externalId=external_id))
    raw.post("/v1/call", json={"externalId": external_id * 9})

    assert len(lines(caplog)) == 2
    for line in lines(caplog):
        assert line.isprintable()
        assert len(line) < 400


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent another way there")
def test_the_command_shows_them_and_where_the_pages_are(tmp_path: Path, call_body: Callable[..., Json]) -> None:
    (tmp_path / "call-1.wav").write_bytes(b"sound")
    command = [sys.executable, "-m", "roark_otel.cli", "sandbox", "--port", "0", "--host", "0.0.0.0"]  # noqa: S104 - for a moment
    more = ["--allow-host", "one.test", "--allow-host", "two.test", "--recordings", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen([*command, *more], stdout=pipe, stderr=pipe, text=True, env=environment)  # noqa: S603 - our own
        )
        stack.callback(process.kill)  # else a failed assertion would wait for it forever
        assert process.stdout is not None
        assert process.stderr is not None
        link = next(line for line in process.stdout if line.startswith("See them as they arrive: ")).split()[-1]
        assert next(line for line in process.stderr if "running on" in line)
        url = link.partition("/?token=")[0]
        with httpx.Client(base_url=url, trust_env=False, follow_redirects=True) as browser:
            assert browser.get("/pages/calls", headers={"Host": "two.test:1"}).status_code == 401
            assert browser.get(link).status_code == 200
            posted = browser.post(
                "/v1/call", json=call_body(externalId="call-1"), headers={"Authorization": "Bearer k"}
            )
            assert posted.status_code == 201
            assert browser.get("/recordings/call-1.wav").content == b"sound"
            assert browser.get("/pages/calls").json()["total"] == 1
        line = next(line for line in process.stderr if "call call-1 is" in line)
        assert "201, 0 entries, 0 tools" in line
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130
