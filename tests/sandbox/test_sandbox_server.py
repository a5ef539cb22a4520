"""Starting and stopping the sandbox, on a thread and as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from roark_otel.sandbox import Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from roark_analytics import Roark

SERVE = "import sys; from roark_otel.sandbox import serve; serve(port=0, store=sys.argv[1], api_key='right-key')"

# Imports the sandbox without each of the packages in turn, and prints the error.
WITHOUT = """
import sys
for package in sys.argv[1:]:
    for name in [name for name in sys.modules if name.startswith(("roark_otel.sandbox", package))]:
        del sys.modules[name]
    sys.modules[package] = None
    try:
        import roark_otel.sandbox
    except ImportError as error:
        print(error)
    del sys.modules[package]
"""


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(  # noqa: S603 - this interpreter, our own code
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_the_sandbox_listens_on_loopback_and_answers_at_once() -> None:
    with Sandbox() as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{sandbox.url}/v1/health", trust_env=False).status_code == 200


def test_the_socket_and_the_thread_are_gone_after_the_block() -> None:
    with Sandbox() as sandbox:
        url = sandbox.url

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/v1/health", trust_env=False)
    assert "roark-sandbox" not in {thread.name for thread in threading.enumerate()}


def test_the_sandbox_stops_while_a_client_keeps_its_connection() -> None:
    with httpx.Client(trust_env=False) as client, Sandbox() as sandbox:
        assert client.get(f"{sandbox.url}/v1/health").status_code == 200


def test_a_stop_waits_for_no_connection_that_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def noted(delay: float, result: object = None) -> object:
        waits.append(delay)
        return await sleep(delay, result)

    with httpx.Client(trust_env=False) as client, Sandbox() as sandbox:
        assert client.get(f"{sandbox.url}/v1/health").status_code == 200
        monkeypatch.setattr(asyncio, "sleep", noted)

    assert max(waits, default=0) < 0.05


def test_a_restarted_sandbox_in_memory_is_empty(official: Callable[..., Roark], call_body: Callable[..., Any]) -> None:
    sandbox = Sandbox()
    with sandbox:
        headers = {"Authorization": "Bearer k"}
        httpx.post(f"{sandbox.url}/v1/call", json=call_body(), headers=headers, trust_env=False)
        assert len(sandbox.calls()) == 1

    with sandbox, official(sandbox) as client:
        assert sandbox.calls() == []
        assert client.call.list().data == []


def test_starting_a_running_sandbox_raises() -> None:
    with Sandbox() as sandbox, pytest.raises(RuntimeError, match="running already"):
        sandbox.__enter__()


@pytest.mark.parametrize("use", [lambda s: s.url, lambda s: s.calls(), lambda s: s.call("a")])
def test_using_the_sandbox_outside_of_its_block_raises(use: Callable[[Sandbox], object]) -> None:
    with pytest.raises(RuntimeError, match="with statement"):
        use(Sandbox())


def test_ipv6_addresses_are_bracketed() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        with Sandbox(host="::1") as sandbox:
            assert sandbox.url.startswith("http://[::1]:")
            assert httpx.get(f"{sandbox.url}/v1/health", trust_env=False).status_code == 200
    except OSError:
        pytest.skip("no IPv6 loopback here")


def test_the_url_of_a_wildcard_address_is_reachable() -> None:
    with Sandbox(host="0.0.0.0") as sandbox:  # noqa: S104 - for a moment, in a test
        assert sandbox.url.startswith("http://127.0.0.1:")


def test_a_taken_port_raises_an_os_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1 port {port}"):
            Sandbox(port=port).__enter__()
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1 port {port}"):
            serve(port=port, store=tmp_path)


def test_an_invalid_port_raises_an_os_error() -> None:
    with pytest.raises(OSError, match="port 99999"):
        serve(port=99999)


def test_a_store_that_cannot_be_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OSError, match="file"):
        Sandbox(store=tmp_path / "file").__enter__()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent another way there")
def test_serve_logs_its_url_and_stops_on_sigint(tmp_path: Path, call_body: Callable[..., Any]) -> None:
    with child(SERVE, str(tmp_path)) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "Uvicorn running on" in line)
        url = line.split("Uvicorn running on ")[1].split()[0]
        posted = httpx.post(
            f"{url}/v1/call",
            json=call_body(externalId="ext-1"),
            headers={"Authorization": "Bearer right-key"},
            trust_env=False,
        )

        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=15)

    assert posted.status_code == 201
    assert (process.returncode, "Traceback" in errors) == (0, False)
    assert output == ""
    with Sandbox(store=tmp_path) as sandbox:
        assert sandbox.call("ext-1").id == posted.json()["data"]["id"]


def test_a_missing_package_is_named_with_how_to_install_it() -> None:
    packages = ("starlette", "uvicorn", "jsonschema", "opentelemetry.proto")

    with child(WITHOUT, *packages) as process:
        output, errors = process.communicate(timeout=300)

    assert (process.returncode, errors) == (0, "")
    for package, line in zip(packages, output.splitlines(), strict=True):
        assert f"needs {package}" in line
        assert line.endswith('pip install "roark-otel[sandbox]"')
