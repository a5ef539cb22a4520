"""`roark-otel sandbox`, as a process."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor, attributes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

    Start = Callable[..., subprocess.Popen[str]]


def banner(process: subprocess.Popen[str]) -> dict[str, str]:
    """Reads the banner to its last line, waits until the sandbox answers, and returns the variables to set."""
    assert process.stdout is not None
    assert process.stderr is not None
    lines: list[str] = []
    while not lines or "roark-otel calls list" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
    while "running on" not in process.stderr.readline():
        assert process.poll() is None
    return dict(re.findall(r"^  export (\w+)=(\S+)$", "".join(lines), re.MULTILINE))


def health(url: str) -> int:
    return httpx.get(f"{url}/v1/health", trust_env=False).status_code


def test_ctrl_c_ends_a_running_sandbox(start: Start) -> None:
    process = start("sandbox", "--port", "0")
    variables = banner(process)

    assert health(variables["ROARK_BASE_URL"]) == 200
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("waits", ["late", "half a body"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_that_waits_when_the_sandbox_stops_is_no_fault_of_it(
    start: Start, waits: str, number: signal.Signals
) -> None:
    process = start("sandbox", "--port", "0", "--latency", "600s")
    url = banner(process)["ROARK_BASE_URL"]
    port = int(url.rpartition(":")[2])
    size = 2 if waits == "late" else 100

    with socket.create_connection(("127.0.0.1", port), timeout=300) as waiting:
        head = f"POST /v1/call HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {size}\r\n\r\n"
        waiting.sendall(head.encode() + b"{}")
        assert health(url) == 200  # so the other one has come
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=300)
        answer = waiting.makefile("rb").read()

    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert "ERROR" not in err
    assert "Traceback" not in err
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"the sandbox stops" in answer


def test_the_banner_lists_the_variables_to_set(start: Start) -> None:
    variables = banner(start("sandbox", "--port", "0"))

    url = variables["ROARK_BASE_URL"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert variables == {
        "ROARK_API_KEY": "anything",
        "ROARK_BASE_URL": url,
        "ROARK_RECORDING_URL_TEMPLATE": f"{url}/recordings/{{external_id}}.wav",
    }


def test_the_calls_of_an_app_with_those_variables_arrive(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = banner(start("sandbox", "--port", "0", "--api-key", "the-right-key"))
    for name, value in variables.items():
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
    listed = httpx.get(f"{variables['ROARK_BASE_URL']}/v1/call", headers=headers, trust_env=False).json()["data"]
    assert [call["externalId"] for call in listed] == ["call-1"]
    assert httpx.get(listed[0]["recordingUrl"], trust_env=False).headers["content-type"] == "audio/wav"


def test_another_key_than_the_given_one_is_refused(start: Start) -> None:
    variables = banner(start("sandbox", "--port", "0", "--api-key", "the-right-key"))

    headers = {"Authorization": "Bearer another-key"}
    answer = httpx.get(f"{variables['ROARK_BASE_URL']}/v1/call", headers=headers, trust_env=False)
    assert answer.status_code == 401


def test_a_taken_port_is_reported_in_one_line(sandbox: Sandbox, command: Callable[..., tuple[int, str, str]]) -> None:
    port = sandbox.url.rpartition(":")[2]

    status, out, err = command("sandbox", "--port", port)

    assert (status, out) == (1, "")
    taken = os.strerror(errno.EADDRINUSE)
    assert err.startswith(f"roark-otel: the sandbox cannot listen on 127.0.0.1 port {port}: {taken}")
    assert err.count("\n") == 1


def test_a_store_that_is_not_a_directory_is_reported_in_one_line(
    tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    store = tmp_path / "a-file"
    store.write_text("not a directory")

    status, _, err = command("sandbox", "--port", "0", "--store", str(store))

    assert (status, err) == (1, f"roark-otel: the store {store} cannot be used: {os.strerror(errno.EEXIST)}\n")


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--recordings", "missing", "missing is not a directory"),
        (
            "--allow-host",
            "http://app.test",
            "'http://app.test' is not the name of a machine, such as host.docker.internal",
        ),
        ("--fault", "503:2", "must be a status and a share from 0 to 1, such as 503:0.2"),
        ("--latency", "1h", "must be a time such as 200ms or 1.5s, at most 600s"),
    ],
)
def test_an_option_that_cannot_be_meant_is_reported_in_one_line(
    command: Callable[..., tuple[int, str, str]], option: str, value: str, why: str
) -> None:
    status, out, err = command("sandbox", "--port", "0", option, value)

    assert (status, out) == (2, "")
    assert err.startswith("roark-otel: ")
    assert option in err
    assert err.endswith(f": {why}\n")


def test_a_damaged_store_is_reported_in_one_line(tmp_path: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    (tmp_path / "roark-sandbox.sqlite3").write_text("not a database, and long enough to be read as one" * 20)

    status, _, err = command("sandbox", "--port", "0", "--store", str(tmp_path))

    assert status == 1
    assert err.startswith(f"roark-otel: the store {tmp_path} cannot be used: ")
    assert err.count("\n") == 1
