"""`roark-otel sandbox`, as a process."""

from __future__ import annotations

import errno
import os
import re
import signal
from typing import TYPE_CHECKING

import httpx
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor, attributes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from roark_otel.sandbox import Sandbox

    Start = Callable[..., subprocess.Popen[str]]


def banner(process: subprocess.Popen[str]) -> dict[str, str]:
    """Reads the greeting up to its last line: the variables that it says to set. Then it answers."""
    assert process.stdout is not None
    assert process.stderr is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("What has arrived"):
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
    while "running on" not in process.stderr.readline():
        assert process.poll() is None
    return dict(re.findall(r"^  export (\w+)=(\S+)$", "".join(lines), re.MULTILINE))


def health(url: str) -> int:
    return httpx.get(f"{url}/v1/health", trust_env=False).status_code


def test_it_answers_and_ends_with_ctrl_c(start: Start) -> None:
    process = start("sandbox", "--port", "0")
    told = banner(process)

    assert health(told["ROARK_BASE_URL"]) == 200
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_it_tells_what_to_set(start: Start) -> None:
    told = banner(start("sandbox", "--port", "0"))

    url = told["ROARK_BASE_URL"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert told == {
        "ROARK_API_KEY": "anything",
        "ROARK_BASE_URL": url,
        "ROARK_RECORDING_URL_TEMPLATE": f"{url}/recordings/{{external_id}}.wav",
    }


def test_an_app_that_sets_it_has_its_calls_there(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    told = banner(start("sandbox", "--port", "0", "--api-key", "the-right-key"))
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    provider = TracerProvider()
    provider.add_span_processor(RoarkSpanProcessor(linger_seconds=0.05))
    with provider.get_tracer("app").start_as_current_span(
        "call", attributes={attributes.EXTERNAL_ID: "call-1"}
    ) as call:
        call.add_event(attributes.TRANSCRIPT_EVENT, {"role": "agent", "text": "Hello."})

    assert provider.force_flush()
    provider.shutdown()
    headers = {"Authorization": "Bearer the-right-key"}
    listed = httpx.get(f"{told['ROARK_BASE_URL']}/v1/call", headers=headers, trust_env=False).json()["data"]
    assert [call["externalId"] for call in listed] == ["call-1"]
    assert httpx.get(listed[0]["recordingUrl"], trust_env=False).headers["content-type"] == "audio/wav"


def test_the_one_key_is_the_one_that_is_accepted(start: Start) -> None:
    told = banner(start("sandbox", "--port", "0", "--api-key", "the-right-key"))

    headers = {"Authorization": "Bearer another-key"}
    answer = httpx.get(f"{told['ROARK_BASE_URL']}/v1/call", headers=headers, trust_env=False)
    assert answer.status_code == 401


def test_a_port_that_is_taken_is_one_line(sandbox: Sandbox, run: Callable[..., tuple[int, str, str]]) -> None:
    port = sandbox.url.rpartition(":")[2]

    status, out, err = run("sandbox", "--port", port)

    assert (status, out) == (1, "")
    taken = os.strerror(errno.EADDRINUSE)
    assert err.startswith(f"roark-otel: the sandbox cannot listen on 127.0.0.1 port {port}: {taken}")
    assert err.count("\n") == 1


def test_a_store_that_cannot_be_is_one_line(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    store = tmp_path / "a-file"
    store.write_text("not a directory")

    status, _, err = run("sandbox", "--port", "0", "--store", str(store))

    assert (status, err) == (1, f"roark-otel: the store {store} cannot be used: {os.strerror(errno.EEXIST)}\n")


def test_a_store_that_is_damaged_is_one_line(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    (tmp_path / "roark-sandbox.sqlite3").write_text("not a database, and long enough to be read as one" * 20)

    status, _, err = run("sandbox", "--port", "0", "--store", str(tmp_path))

    assert status == 1
    assert err.startswith(f"roark-otel: the store {tmp_path} cannot be used: ")
    assert err.count("\n") == 1
